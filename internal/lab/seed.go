package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// Seed makes in the lab what documents name and it lacks: accounts, users,
// roles, clusters. It only adds: what is there is left as it is, whatever the
// documents say. It goes through the lab's AWS API, so that all it does a user
// could type. The answer is what was made, in words; also where the error is
// not nil.
func (l *Lab) Seed(ctx context.Context, want *access.State) ([]string, error) {
	s := &seeding{lab: l, needs: needsOf(want), there: map[string]map[string]string{}, new: map[string]bool{}}
	had, err := l.accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the lab's accounts: %w", err)
	}
	for _, a := range s.needs.accounts {
		if !slices.Contains(had, a.ID) {
			s.accounts = append(s.accounts, a.ID)
		}
		if _, err := l.Account(ctx, a.ID, slices.Concat(a.Regions, []string{""})[0]); err != nil {
			return nil, fmt.Errorf("make account %s in the lab: %w", a.ID, err)
		}
	}
	c, err := cloud.Open(ctx, s.needs.accounts, l.CloudOptions(cloud.Options{}))
	if err != nil {
		return nil, fmt.Errorf("reach the lab: %w", err)
	}
	s.cloud = c
	for _, step := range []func(context.Context) error{s.read, s.makePrincipals, s.makeClusters, s.trustWorkloads} {
		if err := step(ctx); err != nil {
			return s.made(), fmt.Errorf("seed the lab: %w", err)
		}
	}
	return s.made(), nil
}

// seeding is one run of Seed.
type seeding struct {
	lab   *Lab
	needs needs
	cloud *cloud.Cloud
	// there is what each account has: "user/NAME" or "role/NAME" to its ARN.
	// Names are without paths, for IAM knows only one of a name.
	there                            map[string]map[string]string
	new                              map[string]bool // ARNs of the roles that this run made
	accounts, users, roles, clusters []string
}

// made says what was made.
func (s *seeding) made() []string {
	var words []string
	for _, m := range []struct {
		one, many string
		names     []string
	}{{"account", "accounts", s.accounts}, {"user", "users", s.users}, {"role", "roles", s.roles}, {"cluster", "clusters", s.clusters}} {
		switch n := len(m.names); {
		case n == 1:
			words = append(words, m.one+" "+m.names[0])
		case n > 1 && n <= 6:
			words = append(words, fmt.Sprintf("%d %s: %s", n, m.many, strings.Join(m.names, ", ")))
		case n > 6:
			words = append(words, fmt.Sprintf("%d %s: %s and %d more", n, m.many, strings.Join(m.names[:5], ", "), n-5))
		}
	}
	return words
}

// read lists the users and roles of every account.
func (s *seeding) read(ctx context.Context) error {
	for _, a := range s.needs.accounts {
		there := map[string]string{}
		s.there[a.ID] = there
		users := iam.NewListUsersPaginator(s.cloud.IAM(a.ID), &iam.ListUsersInput{})
		for users.HasMorePages() {
			page, err := users.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list the users of account %s: %w", a.ID, err)
			}
			for _, u := range page.Users {
				there["user/"+aws.ToString(u.UserName)] = aws.ToString(u.Arn)
			}
		}
		roles := iam.NewListRolesPaginator(s.cloud.IAM(a.ID), &iam.ListRolesInput{})
		for roles.HasMorePages() {
			page, err := roles.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list the roles of account %s: %w", a.ID, err)
			}
			for _, r := range page.Roles {
				there["role/"+aws.ToString(r.RoleName)] = aws.ToString(r.Arn)
			}
		}
	}
	return nil
}

// find gives the ARN of a principal, or of any role of its permission set.
func (s *seeding) find(p principal) (arn string, ok bool) {
	if p.permissionSet == "" {
		arn, ok = s.there[p.Account][p.Kind+"/"+p.Name]
		return arn, ok
	}
	for _, arn := range s.there[p.Account] {
		if have, err := access.ParseIAMPrincipal(arn); err == nil {
			if set, ok := have.PermissionSet(); ok && set == p.permissionSet {
				return arn, true
			}
		}
	}
	return "", false
}

func (s *seeding) makePrincipals(ctx context.Context) error {
	for _, p := range s.needs.principals {
		if _, ok := s.find(p); ok {
			continue
		}
		var err error
		if p.Kind == "user" {
			err = s.makeUser(ctx, p)
		} else {
			err = s.makeRole(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *seeding) makeUser(ctx context.Context, p principal) error {
	_, err := s.cloud.IAM(p.Account).CreateUser(ctx, &iam.CreateUserInput{UserName: &p.Name, Path: &p.Path})
	if err != nil {
		return fmt.Errorf("make user %s in account %s: %w", p.Name, p.Account, err)
	}
	s.there[p.Account]["user/"+p.Name] = p.ARN()
	s.users = append(s.users, p.Name+" ("+p.Account+")")
	return nil
}

func (s *seeding) makeRole(ctx context.Context, p principal) error {
	client := s.cloud.IAM(p.Account)
	trust := trustPolicy(p)
	_, err := client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &p.Name, Path: &p.Path, AssumeRolePolicyDocument: &trust})
	if err != nil {
		return fmt.Errorf("make role %s in account %s: %w", p.Name, p.Account, err)
	}
	if p.admin { // a creator of clusters, or a role to assume
		err = attachAdmin(ctx, client, p)
	}
	s.there[p.Account]["role/"+p.Name], s.new[p.ARN()] = p.ARN(), true
	s.roles = append(s.roles, strings.TrimPrefix(p.Path, "/")+p.Name+" ("+p.Account+")")
	return err
}

// attachAdmin gives a user or role AdministratorAccess; a second time is none.
func attachAdmin(ctx context.Context, client *iam.Client, p principal) (err error) {
	policy := "arn:" + p.Partition + ":iam::aws:policy/AdministratorAccess"
	if p.Kind == "user" {
		_, err = client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &p.Name, PolicyArn: &policy})
	} else {
		_, err = client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &p.Name, PolicyArn: &policy})
	}
	if err != nil {
		return fmt.Errorf("give %s %s in account %s AdministratorAccess: %w", p.Kind, p.Name, p.Account, err)
	}
	return nil
}

// trustPolicy lets the role's own account assume it, and the lab's caller in
// the Environment's other accounts, with an external id if the documents give
// one.
func trustPolicy(p principal) string {
	condition := ""
	if p.externalID != "" {
		condition = fmt.Sprintf(`,"Condition":{"StringEquals":{"sts:ExternalId":%q}}`, p.externalID)
	}
	trusted := []string{fmt.Sprintf(`"arn:%s:iam::%s:root"`, p.Partition, p.Account)}
	for _, id := range p.trusted {
		trusted = append(trusted, fmt.Sprintf(`"arn:%s:iam::%s:role/%s"`, p.Partition, id, emulator.LabRole))
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%s]},"Action":"sts:AssumeRole"%s}]}`, strings.Join(trusted, ","), condition)
}
