package apply

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// providerJob is a change of an OIDC provider while it is made.
type providerJob struct {
	*job
	iam IAM
}

// change makes a provider, or adds an audience to one. It is used as found: one
// that somebody else made meanwhile, with the audience, is as good.
func (p *providerJob) change(ctx context.Context) error {
	from, _ := p.job.change.From.(plan.Provider)
	to, ok := p.job.change.To.(plan.Provider)
	if !ok {
		return errNotWhole
	}
	have, err := p.read(ctx, to.ARN)
	switch {
	case err != nil:
		return err
	case have != nil && serves(have, &to):
		return nil
	case p.job.change.Verb == plan.Create && have != nil:
		return p.movedWorkload("the provider", "not there", "there, without "+access.AudienceSTS)
	case p.job.change.Verb == plan.Create:
		return p.create(ctx, &to)
	case have == nil:
		return p.movedWorkload("the provider", "there", "gone")
	}
	if err := p.unmovedTags(have.Tags, from.Tags, to.Tags); err != nil {
		return err
	}
	for _, id := range to.ClientIDs {
		if slices.Contains(have.ClientIDs, id) {
			continue
		}
		if err := p.add(ctx, to.ARN, id); err != nil {
			return err
		}
	}
	return nil
}

// serves reports whether a provider takes the tokens that are wanted.
func serves(have, to *plan.Provider) bool {
	return !slices.ContainsFunc(to.ClientIDs, func(id string) bool { return !slices.Contains(have.ClientIDs, id) })
}

// read reads a provider; nil if there is none.
func (p *providerJob) read(ctx context.Context, arn string) (*plan.Provider, error) {
	out, err := p.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	if cloud.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, p.unread("read OIDC provider", err)
	}
	have := &plan.Provider{ARN: arn, ClientIDs: out.ClientIDList, Tags: map[string]string{}}
	for _, t := range out.Tags {
		have.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return have, nil
}

func (p *providerJob) serves(ctx context.Context, to *plan.Provider) (bool, error) {
	have, err := p.read(ctx, to.ARN)
	return err == nil && have != nil && serves(have, to), err
}

// create makes a provider. Without a thumbprint IAM takes the one of the
// issuer's certificate. (IAM API, CreateOpenIDConnectProvider)
func (p *providerJob) create(ctx context.Context, to *plan.Provider) error {
	in := &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://" + to.Issuer), ClientIDList: to.ClientIDs, Tags: iamTags(to.Tags)}
	err := p.do(ctx, &write{
		operation: "CreateOpenIDConnectProvider", words: "create OIDC provider", to: *to,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := p.iam.CreateOpenIDConnectProvider(ctx, in)
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took:     func(ctx context.Context) (bool, error) { return p.serves(ctx, to) },
		standing: exists,
		delayed:  conflicting,
	})
	if err == nil {
		p.roles.set(to.ARN)
	}
	return err
}

func (p *providerJob) add(ctx context.Context, arn, id string) error {
	return p.do(ctx, &write{
		operation: "AddClientIDToOpenIDConnectProvider", words: "add audience to OIDC provider", to: id,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := p.iam.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: &id})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			return p.serves(ctx, &plan.Provider{ARN: arn, ClientIDs: []string{id}})
		},
		delayed: conflicting,
	})
}

// changeAgent puts the Pod Identity agent's add-on on a cluster. Until it is
// active is not waited for: it takes nodes to run.
func (j *job) changeAgent(ctx context.Context) error {
	to := j.change.To.(plan.Addon)
	there := func(ctx context.Context) (bool, error) {
		_, err := j.eks.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: &j.key.Name, AddonName: &to.Name})
		if cloud.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, j.unread("read add-on", err)
		}
		return true, nil
	}
	if have, err := there(ctx); err != nil || have {
		return err
	}
	return j.do(ctx, &write{
		operation: "CreateAddon", words: "create add-on", to: to,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.CreateAddon(ctx, &eks.CreateAddonInput{ClusterName: &j.key.Name, AddonName: &to.Name, Tags: to.Tags,
				ClientRequestToken: aws.String(j.requestToken(j.change.ID, "CreateAddon"))})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took:     there,
		standing: inUse,
	})
}
