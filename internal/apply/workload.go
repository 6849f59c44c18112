package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// makeWorkload makes a change of one of workloads' kinds.
func (j *job) makeWorkload(ctx context.Context) error {
	c := j.change
	if !whole(c) {
		return fmt.Errorf("%s: %w", c.ID, errNotWhole)
	}
	if j.opts.adopt && !adoptsWorkload(c) {
		return errAdopt
	}
	iam := j.clients.iam(j.key.Account)
	if iam == nil || j.eks == nil {
		return fmt.Errorf("no access to account %s in %s is configured", j.key.Account, j.key.Region)
	}
	switch c.Kind {
	case plan.Role:
		return (&roleJob{job: j, iam: iam}).change(ctx)
	case plan.RolePolicy:
		return (&roleJob{job: j, iam: iam}).changePolicy(ctx)
	case plan.RoleAttachment:
		return (&roleJob{job: j, iam: iam}).changeAttachment(ctx)
	case plan.OIDCProvider:
		return (&providerJob{job: j, iam: iam}).change(ctx)
	case plan.AgentAddon:
		return j.changeAgent(ctx)
	case plan.PodIdentityAssociation:
		return j.changePodIdentity(ctx)
	case plan.ServiceAccount:
		return j.changeServiceAccount(ctx)
	case plan.ArgoCDSecret:
		return j.changeArgoSecret(ctx)
	}
	return fmt.Errorf("this version does not know how to change a %s", c.Kind)
}

// wholeWorkload reports whether from and to of a change are of its kind and
// about its object.
func wholeWorkload(c *plan.Change) bool {
	fits := func(o plan.Object) bool {
		switch o := o.(type) {
		case nil:
			return true
		case plan.IAMRole:
			return c.Kind == plan.Role && (o.ARN == c.Principal || c.Verb == plan.Replace) && o.ARN != ""
		case plan.InlinePolicy:
			return c.Kind == plan.RolePolicy && o.Role == c.Principal && o.Name == c.Name && c.Name != "" && c.Verb != plan.Replace
		case plan.Attachment:
			return c.Kind == plan.RoleAttachment && o.Role == c.Principal && o.Policy == c.Name && c.Name != "" && (c.Verb == plan.Create || c.Verb == plan.Delete)
		case plan.Provider:
			return c.Kind == plan.OIDCProvider && o.ARN != "" && (c.Verb == plan.Create || c.Verb == plan.Update)
		case plan.Addon:
			return c.Kind == plan.AgentAddon && o.Name == access.AgentAddon && c.Verb == plan.Create
		case plan.PodIdentity:
			return c.Kind == plan.PodIdentityAssociation && o.Namespace == c.Namespace && o.ServiceAccount == c.Name && c.Name != ""
		case plan.KubernetesAccount:
			return c.Kind == plan.ServiceAccount && o.Namespace == c.Namespace && o.Name == c.Name && c.Name != "" && c.Verb != plan.Replace
		case plan.ArgoSecret:
			return c.Kind == plan.ArgoCDSecret && o.Namespace == c.Namespace && o.Name == c.Name && c.Name != "" && c.Verb != plan.Replace
		}
		return false
	}
	return fits(c.From) && fits(c.To)
}

// adoptsWorkload reports whether a change adds tags and does nothing else.
func adoptsWorkload(c *plan.Change) bool {
	if c.Verb != plan.Update {
		return false
	}
	adds := func(from, to map[string]string) bool {
		for k, v := range from {
			if w, ok := to[k]; !ok || w != v && k != access.TagEnvironment && k != access.TagID {
				return false
			}
		}
		return true
	}
	switch to := c.To.(type) {
	case plan.IAMRole:
		from := c.From.(plan.IAMRole)

		return adds(from.Tags, to.Tags) && sameRole(&from, &to)
	case plan.PodIdentity:
		from := c.From.(plan.PodIdentity)
		return adds(from.Tags, to.Tags) && samePodIdentity(&from.PodIdentityAssociation, &to.PodIdentityAssociation)
	}
	return false
}

// workloadObject names what a change is about.
func (j *job) workloadObject() string {
	c := j.change
	switch c.Kind {
	case plan.Role:
		return c.Principal
	case plan.RolePolicy, plan.RoleAttachment:
		return c.Name + " of " + c.Principal
	case plan.OIDCProvider:
		return c.Name + " in account " + c.Cluster.Account
	case plan.AgentAddon:
		return c.Name + " on cluster " + j.key.String()
	}
	return c.Namespace + "/" + c.Name + " on cluster " + j.key.String()
}

func (j *job) movedWorkload(what, was, is string) error {
	return &MovedError{Object: strings.ToLower(string(j.change.Kind)) + " " + j.workloadObject(), What: what, Was: was, Is: is}
}

func (j *job) ownerOf(tags map[string]string) access.Ownership {
	return j.plan.Owner.OwnerOf(tags, j.opts.ForeignTags)
}

// unmovedTags compares tags with those that the plan saw; each may also be as
// wanted already.
func (j *job) unmovedTags(have, from, to map[string]string) error {
	keys := maps.Clone(have)
	if keys == nil {
		keys = map[string]string{}
	}
	maps.Copy(keys, from)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		is, there := have[k]
		was, wasThere := from[k]
		if is == was && there == wasThere {
			continue
		}
		if want, ok := to[k]; ok && there && want == is {
			continue
		}
		return j.movedWorkload("tag "+k, tagWords(was, wasThere), tagWords(is, there))
	}
	if o := j.ownerOf(from); o.Ours || j.opts.adopt {
		return nil
	}
	return j.movedWorkload("its owner", "environment "+j.plan.Owner.Environment, j.ownerOf(have).By)
}

// lacking are the tags of want that have has not.
func lacking(have, want map[string]string) map[string]string {
	missing := map[string]string{}
	for k, v := range want {
		if h, ok := have[k]; !ok || h != v {
			missing[k] = v
		}
	}
	return missing
}

// roles are the ones that a run made or whose trust it changed, so that AWS may
// not show them everywhere yet.
type roles struct {
	mu   sync.Mutex
	made map[string]bool // by ARN, and providers by theirs
}

func (r *roles) set(arn string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made == nil {
		r.made = map[string]bool{}
	}
	r.made[arn] = true
}

func (r *roles) has(arn string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.made[arn]
}

func (r *roles) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.made) > 0
}

// roleNotShown is how EKS refuses a role that IAM was just given or whose trust
// it was. (terraform-provider-aws retries on the first; #34711, #41483)
func roleNotShown(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "InvalidParameterException" &&
		(strings.Contains(api.ErrorMessage(), "Role provided in the request does not exist") || strings.Contains(api.ErrorMessage(), "Trust policy of the role provided is invalid"))
}

// conflicting is how IAM refuses a change while another one of the same object
// is under way, or a delete of what it still shows to hold something.
func conflicting(err error) bool {
	code := cloud.Code(err)
	return code == "ConcurrentModification" || code == "ConcurrentModificationException" || code == "UnmodifiableEntity"
}

// exists is how IAM refuses what is there already.
func exists(err error) bool {
	code := cloud.Code(err)
	return code == "EntityAlreadyExists" || code == "EntityAlreadyExistsException"
}
