package observe

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"golang.org/x/sync/errgroup"

	"github.com/atlas-iam/atlas-iam/access"
	policies "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// What workloads cost on top: for an account that is looked at a page of 1,000
// of its roles whole and two calls for each policy that is looked at, a list of its OIDC providers and a call for each that is
// looked for; for each cluster a page of 100 associations, a call for each that
// no add-on owns, and one for the agent where it is needed.

// roleNote is what the list of roles says and the roles whole do not.
type roleNote struct {
	description string
	maxSession  int
	ours        bool // it seems to be of our making, by its path or its trust policy
}

// ourRole tells the roles that we seem to have made; their tags, which alone
// prove it, are not in the list.
func (r *reading) ourRole(role *iamtypes.Role) bool {
	need := r.options.Workloads
	if need == nil {
		return false
	}
	document, err := url.PathUnescape(aws.ToString(role.AssumeRolePolicyDocument))
	return need.OurRole(aws.ToString(role.Arn)) || err == nil && need.OurTrust != nil && need.OurTrust(access.Document(document))
}

// hasOurs reports whether a role of the account seems to be of our making.
func (r *reading) hasOurs(account string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notes[account] {
		if n.ours {
			return true
		}
	}
	return false
}

// workloads reads what Options.Workloads asks for, once accounts and clusters
// are read.
func (r *reading) workloads(ctx context.Context) {
	need := r.options.Workloads
	if need == nil {
		return
	}
	looked := map[string]bool{} // accounts whose associations are read
	for i := range r.snapshot.Accounts {
		a := &r.snapshot.Accounts[i]
		looked[a.Account.ID] = need.Everywhere || r.hasOurs(a.Account.ID)
	}
	var wg sync.WaitGroup
	for i := range r.snapshot.Accounts {
		a := &r.snapshot.Accounts[i]
		if a.Caller == "" {
			continue // it is a gap
		}
		if need.Accounts[a.Account.ID] || r.hasOurs(a.Account.ID) {
			wg.Go(func() {
				r.roleDetails(ctx, a)
				r.managedPolicies(ctx, a, r.policiesNeeded(a))
			})
		}
		if issuers := r.issuers(a.Account.ID); len(issuers) > 0 {
			wg.Go(func() { r.providers(ctx, a, issuers) })
		}
	}
	r.clustersWorkloads(ctx, looked)
	wg.Wait()
	if need.ServiceAccounts != nil && ctx.Err() == nil {
		r.normalize()
		r.serviceAccounts(ctx, need.ServiceAccounts(&r.snapshot))
	}
	if need.ArgoSecrets != nil && ctx.Err() == nil {
		r.normalize()
		r.argoSecrets(ctx, need.ArgoSecrets(&r.snapshot))
	}
}

// left reports whether an account has something of ours though no document
// speaks of a workload.
func (r *reading) left(account string) bool {
	return r.options.Workloads.Left && r.hasOurs(account)
}

// clustersWorkloads reads associations and agents.
func (r *reading) clustersWorkloads(ctx context.Context, accounts map[string]bool) {
	var clusters errgroup.Group
	clusters.SetLimit(clustersAtOnce)
	perRegion := map[[2]string]*region{}
	for i := range r.snapshot.Clusters {
		have := &r.snapshot.Clusters[i]
		where := [2]string{have.Key.Account, have.Key.Region}
		g := perRegion[where]
		if g == nil {
			g = &region{reading: r, client: r.cloud.EKS(where[0], where[1]), account: where[0], name: where[1], entries: new(errgroup.Group)}
			g.entries.SetLimit(entriesAtOnce)
			perRegion[where] = g
		}
		if accounts[have.Key.Account] {
			clusters.Go(func() error { g.podIdentities(ctx, have); return nil })
		}
		if (r.options.Workloads.Agents[have.Key] || r.left(have.Key.Account)) && !(have.Agent != nil && have.Agent.BuiltIn) {
			clusters.Go(func() error { g.agent(ctx, have); return nil })
		}
	}
	_ = clusters.Wait() // failures are gaps
}

// issuers are those of whose an account's provider is looked for, as far as
// their clusters were read.
func (r *reading) issuers(account string) map[string]bool {
	out := map[string]bool{}
	for i := range r.snapshot.Clusters {
		if c := &r.snapshot.Clusters[i]; c.Key.Account == account && c.Issuer != "" && r.left(account) {
			out[c.Issuer] = true
		}
	}
	for _, k := range r.options.Workloads.Providers {
		if k.Account == account {
			out[k.Name] = true
		}
	}
	for _, k := range r.options.Workloads.Issuers[account] {
		i := slices.IndexFunc(r.snapshot.Clusters, func(c access.HaveCluster) bool { return c.Key == k }) // they are not sorted yet
		if i >= 0 && r.snapshot.Clusters[i].Issuer != "" {
			out[r.snapshot.Clusters[i].Issuer] = true
		}
	}
	return out
}

// roleDetails reads an account's roles whole.
func (r *reading) roleDetails(ctx context.Context, a *access.HaveAccount) {
	gap := access.Gap{What: access.GapRoleDetails, Account: a.Account.ID}
	if !a.RolesRead {
		r.gap(ctx, gap, errors.New("the list of roles was not read"))
		return
	}
	client := r.cloud.IAM(a.Account.ID)
	all, err := pages(func(token *string) ([]access.HaveRole, *string, error) {
		out, err := client.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{
			Filter: []iamtypes.EntityType{iamtypes.EntityTypeRole}, Marker: token, MaxItems: aws.Int32(principalPage),
		})
		switch {
		case err != nil:
			return nil, nil, err
		case out.RoleDetailList == nil || out.IsTruncated && aws.ToString(out.Marker) == "":
			return nil, nil, errIncomplete
		case !out.IsTruncated:
			out.Marker = nil
		}
		var page []access.HaveRole
		for i := range out.RoleDetailList {
			role, err := roleOf(&out.RoleDetailList[i])
			if err != nil {
				return nil, nil, err
			}
			page = append(page, role)
		}
		return page, out.Marker, nil
	})
	if err != nil {
		r.gap(ctx, gap, err)
		return
	}
	r.mu.Lock()
	notes := r.notes[a.Account.ID]
	r.mu.Unlock()
	for i := range all {
		n := notes[all[i].ARN]
		all[i].Description, all[i].MaxSession = n.description, cmp.Or(n.maxSession, access.DefaultSession)
	}
	slices.SortFunc(all, func(x, y access.HaveRole) int { return strings.Compare(x.ARN, y.ARN) })
	a.Details = slices.CompactFunc(all, func(x, y access.HaveRole) bool { return x.ARN == y.ARN })
	a.DetailsRead = true
}

// roleOf is a role as IAM gives it whole; documents are percent-encoded there.
// (IAM API, GetAccountAuthorizationDetails)
func roleOf(d *iamtypes.RoleDetail) (access.HaveRole, error) {
	role := access.HaveRole{
		Principal: access.Principal{ARN: aws.ToString(d.Arn), ID: aws.ToString(d.RoleId), CreatedAt: aws.ToTime(d.CreateDate).UTC()},
		Path:      aws.ToString(d.Path), Name: aws.ToString(d.RoleName), Tags: map[string]string{},
	}
	if role.ARN == "" || role.ID == "" || role.Name == "" || d.AssumeRolePolicyDocument == nil {
		return role, errIncomplete
	}
	text, err := url.PathUnescape(*d.AssumeRolePolicyDocument)
	if err != nil {
		return role, errIncomplete
	}
	if role.Trust, err = policies.Canonical(policies.Trust, text); err != nil {
		role.Trust, role.TrustText = "", text
	}
	for _, t := range d.Tags {
		role.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if b := d.PermissionsBoundary; b != nil {
		role.Boundary = aws.ToString(b.PermissionsBoundaryArn)
	}
	for _, p := range d.RolePolicyList {
		text, err := url.PathUnescape(aws.ToString(p.PolicyDocument))
		if err != nil || aws.ToString(p.PolicyName) == "" || text == "" {
			return role, errIncomplete
		}
		document, err := policies.Canonical(policies.Identity, text)
		if err != nil {
			document = access.Document(text) // as it stands: equal to nothing that is wanted
		}
		role.Inline = append(role.Inline, access.RolePolicy{Name: *p.PolicyName, Document: document})
	}
	slices.SortFunc(role.Inline, func(a, b access.RolePolicy) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range d.AttachedManagedPolicies {
		if aws.ToString(p.PolicyArn) == "" {
			return role, errIncomplete
		}
		role.Managed = append(role.Managed, *p.PolicyArn)
	}
	slices.Sort(role.Managed)
	return role, nil
}

// providers reads those of an account's OIDC providers that are looked for.
func (r *reading) providers(ctx context.Context, a *access.HaveAccount, issuers map[string]bool) {
	client := r.cloud.IAM(a.Account.ID)
	have, err := func() ([]access.HaveProvider, error) {
		out, err := client.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
		switch {
		case err != nil:
			return nil, err
		case out.OpenIDConnectProviderList == nil:
			return nil, errIncomplete
		}
		var have []access.HaveProvider
		for _, p := range out.OpenIDConnectProviderList {
			arn := aws.ToString(p.Arn)
			_, issuer, ok := strings.Cut(arn, ":oidc-provider/")
			if !ok {
				return nil, errIncomplete
			}
			if !issuers[issuer] {
				continue
			}
			out, err := client.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
			if cloud.IsNotFound(err) {
				continue // it went
			}
			if err != nil {
				return nil, err
			}
			one := access.HaveProvider{ARN: arn, Issuer: issuer, ClientIDs: distinct(slices.Clone(out.ClientIDList)), Tags: map[string]string{}}
			for _, t := range out.Tags {
				one.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
			}
			have = append(have, one)
		}
		return have, nil
	}()
	if err != nil {
		r.gap(ctx, access.Gap{What: access.GapProviders, Account: a.Account.ID}, err)
		return
	}
	slices.SortFunc(have, func(x, y access.HaveProvider) int { return strings.Compare(x.ARN, y.ARN) })
	a.Providers, a.ProvidersRead = have, true
}

// podIdentities reads a cluster's associations, whole those that no add-on
// owns.
func (g *region) podIdentities(ctx context.Context, have *access.HaveCluster) {
	name := have.Key.Name
	gap := access.Gap{What: access.GapPodIdentities, Account: have.Key.Account, Region: have.Key.Region, Cluster: name}
	listed, err := pages(func(token *string) ([]types.PodIdentityAssociationSummary, *string, error) {
		out, err := g.client.ListPodIdentityAssociations(ctx, &eks.ListPodIdentityAssociationsInput{ClusterName: &name, MaxResults: aws.Int32(listPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		if out.Associations == nil || slices.ContainsFunc(out.Associations, func(s types.PodIdentityAssociationSummary) bool {
			return aws.ToString(s.AssociationId) == "" || aws.ToString(s.Namespace) == "" || aws.ToString(s.ServiceAccount) == ""
		}) {
			return nil, nil, errIncomplete
		}
		return out.Associations, out.NextToken, nil
	})
	if err != nil {
		g.gap(ctx, gap, err)
		return
	}
	var (
		wg   sync.WaitGroup
		read = make([]*access.PodIdentityAssociation, len(listed))
	)
	for i, s := range listed {
		only := g.options.Workloads.Association
		if s.OwnerArn != nil || only != nil && (only.Namespace != *s.Namespace || only.Name != *s.ServiceAccount) {
			read[i] = &access.PodIdentityAssociation{Namespace: *s.Namespace, ServiceAccount: *s.ServiceAccount, ID: *s.AssociationId,
				ARN: aws.ToString(s.AssociationArn), OwnerARN: aws.ToString(s.OwnerArn)}
			continue
		}
		wg.Add(1)
		g.entries.Go(func() error {
			defer wg.Done()
			out, err := g.client.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: &name, AssociationId: s.AssociationId})
			var one *access.PodIdentityAssociation
			if err == nil {
				one, err = associationOf(out.Association)
			}
			switch {
			case cloud.IsNotFound(err): // it went
			case err != nil:
				g.gap(ctx, access.Gap{What: access.GapPodIdentity, Account: gap.Account, Region: gap.Region, Cluster: name, Principal: aws.ToString(s.AssociationArn)}, err)
			default:
				read[i] = one
			}
			return nil
		})
	}
	wg.Wait()
	have.PodIdentitiesRead = true
	for _, a := range read {
		if a != nil {
			have.PodIdentities = append(have.PodIdentities, *a)
		}
	}
	byKey := func(a, b access.PodIdentityAssociation) int { return a.Compare(&b) }
	slices.SortFunc(have.PodIdentities, byKey)
	have.PodIdentities = slices.CompactFunc(have.PodIdentities, func(a, b access.PodIdentityAssociation) bool { return byKey(a, b) == 0 })
}

// associationOf is an association as EKS gives it, its session policy in
// canonical form.
func associationOf(a *types.PodIdentityAssociation) (*access.PodIdentityAssociation, error) {
	if a == nil || aws.ToString(a.AssociationId) == "" || aws.ToString(a.AssociationArn) == "" || aws.ToString(a.RoleArn) == "" ||
		aws.ToString(a.Namespace) == "" || aws.ToString(a.ServiceAccount) == "" {
		return nil, errIncomplete
	}
	have := &access.PodIdentityAssociation{
		Namespace: *a.Namespace, ServiceAccount: *a.ServiceAccount, Role: *a.RoleArn, TargetRole: aws.ToString(a.TargetRoleArn),
		DisableSessionTags: aws.ToBool(a.DisableSessionTags), ID: *a.AssociationId, ARN: *a.AssociationArn, OwnerARN: aws.ToString(a.OwnerArn),
		ExternalID: aws.ToString(a.ExternalId), Tags: map[string]string{},
	}
	for k, v := range a.Tags {
		have.Tags[k] = v
	}
	if text := aws.ToString(a.Policy); text != "" {
		document, err := policies.Canonical(policies.Identity, text)
		if err != nil {
			document = access.Document(text)
		}
		have.SessionPolicy = document
	}
	return have, nil
}

// agent reads whether the Pod Identity agent's add-on is on a cluster.
func (g *region) agent(ctx context.Context, have *access.HaveCluster) {
	out, err := g.client.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: &have.Key.Name, AddonName: aws.String(access.AgentAddon)})
	switch {
	case cloud.IsNotFound(err):
		have.Agent = &access.HaveAgent{}
	case err == nil && (out.Addon == nil || out.Addon.Status == ""):
		err = errIncomplete
		fallthrough
	case err != nil:
		g.gap(ctx, access.Gap{What: access.GapAgent, Account: have.Key.Account, Region: have.Key.Region, Cluster: have.Key.Name}, err)
	default:
		have.Agent = &access.HaveAgent{Addon: true, Status: string(out.Addon.Status)}
	}
}

// serviceAccounts reads those of some clusters, and their namespaces where they
// were not read.
func (r *reading) serviceAccounts(ctx context.Context, of map[access.ClusterKey]access.KubernetesNeed) {
	var clusters errgroup.Group
	clusters.SetLimit(apiServersAtOnce)
	for i := range r.snapshot.Clusters {
		have := &r.snapshot.Clusters[i]
		need := of[have.Key]
		if need == access.KubernetesUnread {
			continue
		}
		clusters.Go(func() error {
			r.clusterAccounts(ctx, have, need)
			return nil
		})
	}
	_ = clusters.Wait() // failures are gaps
}

func (r *reading) clusterAccounts(ctx context.Context, have *access.HaveCluster, need access.KubernetesNeed) {
	gap := access.Gap{What: access.GapServiceAccounts, Account: have.Key.Account, Region: have.Key.Region, Cluster: have.Key.Name}
	client, err := dialCluster(ctx, r.cloud, have, r.options.Dial)
	if err != nil && need == access.KubernetesIfThere && notThere(err) {
		return
	}
	if err != nil {
		r.gap(ctx, gap, err)
		return
	}
	defer client.Close()
	accounts, err := client.ServiceAccounts(ctx)
	if err != nil {
		r.gap(ctx, gap, err)
		return
	}
	if have.Kubernetes == nil {
		have.Kubernetes = &access.HaveKubernetes{}
	}
	have.Kubernetes.ServiceAccounts, have.Kubernetes.ServiceAccountsRead = accounts, true
	r.clusterNamespaces(ctx, client, have)
}

// issuerOf is a cluster's issuer without https://.
func issuerOf(c *types.Cluster) string {
	if c.Identity == nil || c.Identity.Oidc == nil {
		return ""
	}
	return strings.TrimPrefix(aws.ToString(c.Identity.Oidc.Issuer), "https://")
}

// autoMode reports whether EKS runs a cluster's nodes itself, the Pod Identity
// agent among what it brings. (EKS User Guide, Auto Mode: add-ons)
func autoMode(c *types.Cluster) bool {
	return c.ComputeConfig != nil && aws.ToBool(c.ComputeConfig.Enabled)
}
