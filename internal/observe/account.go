package observe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
)

// principalPage is the most that IAM gives on a page. (IAM API, ListRoles)
const principalPage = 1000

// account reads one account. Its error is that the account could not be asked
// at all; it is then also a gap.
func (r *reading) account(ctx context.Context, a access.Account, clusters bool) error {
	have := access.HaveAccount{Account: a, Endpoint: r.cloud.Endpoint()}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.snapshot.Accounts = append(r.snapshot.Accounts, have)
	}()
	caller, err := r.cloud.Caller(ctx, a.ID)
	if err != nil {
		r.gap(ctx, access.Gap{What: access.GapAccount, Account: a.ID}, err)
		return err
	}
	have.Caller = caller
	if have.Behind, err = r.cloud.Behind(ctx, a.ID); err != nil {
		r.gap(ctx, access.Gap{What: access.GapAccount, Account: a.ID}, err)
		return err
	}

	var wg sync.WaitGroup
	wg.Go(func() {
		users, err := r.users(ctx, a.ID)
		if have.Users, have.UsersRead = users, err == nil; err != nil {
			r.gap(ctx, access.Gap{What: access.GapUsers, Account: a.ID}, err)
		}
	})
	wg.Go(func() {
		roles, err := r.roles(ctx, a.ID)
		if have.Roles, have.RolesRead = roles, err == nil; err != nil {
			r.gap(ctx, access.Gap{What: access.GapRoles, Account: a.ID}, err)
		}
	})
	if clusters {
		for _, region := range r.regions(a) {
			wg.Go(func() { r.region(ctx, a.ID, region) })
		}
	}
	wg.Wait()
	return nil
}

// regions are the account's, or those of the part's clusters in it.
func (r *reading) regions(a access.Account) []string {
	regions := slices.Clone(a.Regions)
	if p := r.options.Part; p != nil && len(p.Clusters) > 0 {
		regions = nil
		for _, k := range p.Clusters {
			if k.Account == a.ID {
				regions = append(regions, k.Region)
			}
		}
	}
	slices.Sort(regions)
	return slices.Compact(regions)
}

func (r *reading) users(ctx context.Context, account string) ([]access.Principal, error) {
	client := r.cloud.IAM(account)
	return principals(func(marker *string) (page, error) {
		out, err := client.ListUsers(ctx, &iam.ListUsersInput{Marker: marker, MaxItems: aws.Int32(principalPage)})
		if err != nil {
			return page{}, err
		}
		p := page{whole: out.Users != nil, truncated: out.IsTruncated, marker: out.Marker}
		for _, u := range out.Users {
			p.items = append(p.items, access.Principal{ARN: aws.ToString(u.Arn), ID: aws.ToString(u.UserId), CreatedAt: aws.ToTime(u.CreateDate).UTC()})
		}
		return p, nil
	})
}

func (r *reading) roles(ctx context.Context, account string) ([]access.Principal, error) {
	client := r.cloud.IAM(account)
	notes := map[string]roleNote{}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notes[account] = notes
	}()
	return principals(func(marker *string) (page, error) {
		out, err := client.ListRoles(ctx, &iam.ListRolesInput{Marker: marker, MaxItems: aws.Int32(principalPage)})
		if err != nil {
			return page{}, err
		}
		p := page{whole: out.Roles != nil, truncated: out.IsTruncated, marker: out.Marker}
		for _, u := range out.Roles {
			p.items = append(p.items, access.Principal{ARN: aws.ToString(u.Arn), ID: aws.ToString(u.RoleId), CreatedAt: aws.ToTime(u.CreateDate).UTC()})
			notes[aws.ToString(u.Arn)] = roleNote{aws.ToString(u.Description), int(aws.ToInt32(u.MaxSessionDuration)), r.ourRole(&u)}
		}
		return p, nil
	})
}

// page is one of IAM's.
type page struct {
	items     []access.Principal
	whole     bool // the answer had its list, if only an empty one
	truncated bool
	marker    *string
}

// principals reads all pages, sorted by ARN.
func principals(ask func(marker *string) (page, error)) ([]access.Principal, error) {
	all, err := pages(func(token *string) ([]access.Principal, *string, error) {
		p, err := ask(token)
		switch {
		case err != nil:
			return nil, nil, err
		case !p.whole:
			return nil, nil, errIncomplete
		case p.truncated && aws.ToString(p.marker) == "":
			return nil, nil, errors.New("a page says that more follow, but not where")
		case !p.truncated:
			p.marker = nil
		}
		for _, i := range p.items {
			if i.ARN == "" || i.ID == "" || i.CreatedAt.IsZero() {
				return nil, nil, errIncomplete
			}
		}
		return p.items, p.marker, nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b access.Principal) int { return strings.Compare(a.ARN, b.ARN) })
	return slices.CompactFunc(all, func(a, b access.Principal) bool { return a.ARN == b.ARN }), nil
}
