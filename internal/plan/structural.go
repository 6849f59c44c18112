package plan

import "github.com/atlas-iam/atlas-iam/access"

// Slugs of the holds that Compute itself makes: what they hold could not be
// done, or is not ours to do, whatever a guard thinks. None can be allowed.
const (
	NoPrincipal   = "no-principal"
	NoCluster     = "no-cluster"
	HalfRead      = "half-read"
	ForeignEntry  = "foreign"
	ModeConfigMap = "mode-config-map"
	ModeStep      = "mode-step"
	Conflict      = "conflict"
	Depends       = "depends"
	AdoptNarrows  = "adopt-narrows"
	Refused       = "refused"

	NoServiceAccount = "no-service-account"
	NoNamespace      = "no-namespace"
	Quota            = "quota"
	Trust            = "trust"
	Unapplied        = "unapplied"
)

// Structural lists Compute's own holds in the form of guards, for pages and
// messages that list every slug. Their Check is nil: they are not asked.
func Structural() []Guard {
	return []Guard{
		{Slug: AdoptNarrows, Fixed: true, Told: true, About: "adopting would lead to access being taken, or the object is another tool's or environment's",
			Instead: "let the documents want at least what the object gives, adopt it, then narrow; or release it elsewhere first, as the reason says"},
		{Slug: Conflict, Fixed: true, About: "two members turned out to be one principal and cannot both hold",
			Instead: "name the principal once, or with one username"},
		{Slug: Depends, Fixed: true, About: "what the change depends on is held",
			Instead: "see what holds the other change"},
		{Slug: ForeignEntry, Fixed: true, Told: true, About: "an object that is not ours stands at the wanted key and differs",
			Instead: "take it over by `atlas-iam adopt`, as the reason says, or take the principal out of the documents"},
		{Slug: HalfRead, Fixed: true, About: "the change rests on a list that could not be read",
			Instead: "make the list readable and run again"},
		{Slug: ModeConfigMap, Fixed: true, About: "a cluster in CONFIG_MAP mode keeps no access entries",
			Instead: "write authenticationMode: API_AND_CONFIG_MAP in the Cluster document"},
		{Slug: ModeStep, Fixed: true, About: "an authentication mode goes forward only, one step at a time",
			Instead: "write the next mode, apply, then write the one after it"},
		{Slug: NoCluster, Fixed: true, About: "a cluster that a document names is not there",
			Instead: "correct the name, the account or the region, or make the cluster"},
		{Slug: NoNamespace, Fixed: true, Told: true, About: "the namespace of an Argo CD is not on its cluster",
			Instead: "install Argo CD there and run again, or correct the namespace"},
		{Slug: NoPrincipal, Fixed: true, About: "a member does not resolve to a user or role that exists",
			Instead: "correct the name or the path, or make the principal"},
		{Slug: NoServiceAccount, Fixed: true, Told: true, About: "a ServiceAccount that is to be annotated, or its namespace, is not there",
			Instead: "make it; of a ServiceAccount, or write manage: Create"},
		{Slug: Quota, Fixed: true, Told: true, About: "AWS has no room for it: a trust policy of over 2,048 characters, the 1,001st association of a cluster",
			Instead: "split the workload, as the reason says"},
		{Slug: Refused, Fixed: true, About: "the cluster's API server was asked to try the change and refuses it: it lets nobody bind a role that he neither holds nor may bind",
			Instead: "give who runs this `bind` on the role, every right in it, or cluster-admin, by RBAC; see that roles and namespaces are there"},
		{Slug: Trust, Fixed: true, Told: true, About: "a role of another's does not trust the ServiceAccount, or a role's trust policy cannot be written",
			Instead: "let who owns the role add the statement that the reason prints"},
		{Slug: Unapplied, Fixed: true, Told: true, About: "`bind` gives a role that is not, or not yet, as the documents want it",
			Instead: "`atlas-iam apply` first, then bind again"},
	}
}

// gapWords says what could not be read and why.
func gapWords(g access.Gap) string {
	var what string
	switch g.What {
	case access.GapAccount:
		what = "account " + g.Account
	case access.GapClusters:
		what = "the clusters of account " + g.Account + " in " + g.Region
	case access.GapCluster:
		what = "cluster " + g.Cluster
	case access.GapEntries:
		what = "the access entries of cluster " + g.Cluster
	case access.GapEntry:
		what = "the access entry of " + g.Principal + " on cluster " + g.Cluster
	case access.GapUsers:
		what = "the users of account " + g.Account
	case access.GapRoles:
		what = "the roles of account " + g.Account
	case access.GapKubernetes:
		what = "the API server of cluster " + g.Cluster
	case access.GapRBAC:
		what = "the roles and bindings of cluster " + g.Cluster
	case access.GapNamespaces:
		what = "the namespaces of cluster " + g.Cluster
	case access.GapAuthMap:
		what = "the ConfigMap aws-auth of cluster " + g.Cluster
	case access.GapServiceAccounts:
		what = "the ServiceAccounts of cluster " + g.Cluster
	case access.GapArgoSecrets:
		what = "the Secrets by which Argo CD on cluster " + g.Cluster + " knows clusters"
	case access.GapRoleDetails:
		what = "the policies of the roles of account " + g.Account
	case access.GapPolicy:
		what = "the managed policy " + g.Principal
	case access.GapProviders:
		what = "the OIDC providers of account " + g.Account
	case access.GapPodIdentities:
		what = "the Pod Identity associations of cluster " + g.Cluster
	case access.GapPodIdentity:
		what = "the Pod Identity association " + g.Principal + " of cluster " + g.Cluster
	case access.GapAgent:
		what = "the Pod Identity agent of cluster " + g.Cluster
	}
	return what + " could not be read: " + g.Reason
}
