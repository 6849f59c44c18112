package documents

import (
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// workload judges what a Workload says by itself.
func (d *decoder) workload(w *v1alpha1.Workload) {
	d.metadata(w.Name, w.Labels)
	spec := []any{"spec"}
	if clusters := at(spec, "clusters"); d.has(clusters) {
		d.selector(clusters)
		d.selectorValues(clusters, w.Spec.Clusters.Names, w.Spec.Clusters.MatchLabels)
	}
	d.oneOf(at(spec, "credentials"), w.Spec.Credentials, credentials())
	d.serviceAccounts(at(spec, "serviceAccounts"), w.Spec)
	d.workloadRole(at(spec, "role"), &w.Spec.Role)
	d.sessions(spec, &w.Spec)
	for i, g := range w.Spec.Grants {
		p := at(spec, "grants", i)
		d.grant(p, g)
		if d.sound(p) && !d.has(at(p, "clusters")) {
			d.bad(p, "write clusters: {names: [...]}: a workload may live on others than its grants are for", "%s names no clusters", pathString(p))
		}
	}
}

// credentials are the ways to a role's credentials.
func credentials() []string { return []string{string(access.PodIdentity), string(access.IRSA)} }

// manages are what may be written of a ServiceAccount.
func manages() []string {
	return []string{string(access.ManageNone), string(access.ManageAnnotate), string(access.ManageCreate)}
}

func (d *decoder) serviceAccounts(path []any, spec v1alpha1.WorkloadSpec) {
	d.notEmpty(path, "name one ServiceAccount at least")
	seen := map[[2]string]bool{}
	for i, sa := range spec.ServiceAccounts {
		p := at(path, i)
		if !d.sound(p) {
			d.oneOf(at(p, "manage"), sa.Manage, manages())
			continue
		}
		d.serviceAccount(p, sa, access.Credentials(spec.Credentials))
		if key := [2]string{sa.Namespace, sa.Name}; seen[key] {
			d.bad(p, "", "ServiceAccount %s/%s stands twice", Escape(sa.Namespace), Escape(sa.Name))
		} else {
			seen[key] = true
		}
	}
}

// serviceAccount judges one ServiceAccount of a workload.
func (d *decoder) serviceAccount(p []any, sa v1alpha1.ServiceAccount, how access.Credentials) {
	d.oneOf(at(p, "manage"), sa.Manage, manages())
	if !d.pattern(at(p, "namespace"), sa.Namespace) || !d.serviceAccountName(at(p, "name"), sa.Name) {
		return
	}
	manage := access.Manage(sa.Manage)
	writes := manage == access.ManageAnnotate || manage == access.ManageCreate
	pattern := sa.Namespace
	if !strings.Contains(pattern, "*") {
		pattern = sa.Name
	}
	switch isPattern := strings.Contains(pattern, "*"); {
	case isPattern && writes:
		d.bad(at(p, "manage"), "leave manage out: who makes the ServiceAccounts annotates them", "what matches %s is not known, so nothing of it can be written", quoted(pattern))
	case how == access.PodIdentity && manage == access.ManageAnnotate:
		d.bad(at(p, "manage"), "leave manage out, or write Create for the ServiceAccount itself", "Pod Identity needs no annotation")
	}
}

var (
	accountLetters = regexp.MustCompile(`[^a-z0-9.*-]`)
	accountText    = regexp.MustCompile(`^[a-z0-9*]([-.a-z0-9*]*[a-z0-9*])?$`)
)

// serviceAccountName judges the name of a ServiceAccount, or a pattern of
// names. Names are DNS subdomains.
func (d *decoder) serviceAccountName(path []any, s string) bool {
	if s == "" || !d.ascii(path, s) {
		return false
	}
	literal := strings.ReplaceAll(s, "*", "")
	hint := ""
	namespace, name, slash := strings.Cut(s, "/")
	switch {
	case strings.HasPrefix(s, "system:serviceaccount:"):
		d.bad(path, "write "+accountForm(s), "%s is the username of a ServiceAccount: %s", pathString(path), quoted(s))
		return false
	case slash:
		hint = "write {namespace: " + Escape(namespace) + ", name: " + Escape(name) + "}"
	case accountLetters.MatchString(s) && !accountLetters.MatchString(strings.ToLower(s)):
		hint = "names of ServiceAccounts are lower-case: did you mean " + quoted(strings.ToLower(s)) + "?"
	case strings.ContainsAny(s, "?[]{}()|^$+"):
		hint = "the star is the only wildcard; it stands for any run of letters"
	case !accountText.MatchString(s) || strings.Contains(literal, "..") && !strings.Contains(s, "*"):
		hint = "want lower-case letters, digits, dashes and dots, beginning and ending with a letter or digit"
	case len(literal) > 253 || len(s) > 255:
		hint = "names of ServiceAccounts have at most 253 letters"
	case !strings.Contains(s, "*") && !serviceAccountName.MatchString(s):
		hint = "want a name such as yace-sa, each part between dots beginning and ending with a letter or digit"
	default:
		return true
	}
	d.bad(path, hint, "no ServiceAccount can be named %s", quoted(s))
	return false
}

// accountForm is how a ServiceAccount is written here, of what people write
// elsewhere: NAMESPACE/NAME, NAMESPACE:NAME, its username.
func accountForm(s string) string {
	s = strings.TrimPrefix(s, "system:serviceaccount:")
	if i := strings.IndexAny(s, ":/"); i > 0 && i < len(s)-1 {
		return "{namespace: " + yamlText(s[:i]) + ", name: " + yamlText(s[i+1:]) + "}"
	}
	return "{namespace: NAMESPACE, name: " + yamlText(s) + "}"
}

// sessions judges what is Pod Identity's alone.
func (d *decoder) sessions(spec []any, w *v1alpha1.WorkloadSpec) {
	target, tags, policy := at(spec, "targetRole"), at(spec, "disableSessionTags"), at(spec, "sessionPolicy")
	if w.TargetRole != nil {
		d.existingRole(at(target, "arn"), w.TargetRole.ARN)
		if own := w.Role.Existing; own != "" && own == w.TargetRole.ARN {
			d.bad(at(target, "arn"), "leave targetRole out", "the target role is the role itself")
		}
	}
	if w.SessionPolicy != nil {
		d.statements(at(policy, "statements"), w.SessionPolicy.Statements)
		d.notEmpty(at(policy, "statements"), "write a statement, or leave sessionPolicy out")
	}
	if w.Credentials == string(access.IRSA) {
		for _, key := range [][]any{target, tags, policy} {
			if d.has(key) {
				d.badKey(key, "with IRSA the program chooses its session itself; write credentials: PodIdentity", "%s is Pod Identity's", pathString(key))
			}
		}
		return
	}
	if d.has(policy) && !w.DisableSessionTags {
		d.badKey(policy, "write disableSessionTags: true, and mind that nothing may rest on those tags then", "EKS takes a session policy only of sessions without tags")
	}
	if w.DisableSessionTags {
		d.untagged(at(spec, "role", "statements"), w.Role.Statements)
		if w.SessionPolicy != nil {
			d.untagged(at(policy, "statements"), w.SessionPolicy.Statements)
		}
	}
}

// sessionTags are the tags of Pod Identity's sessions. (EKS User Guide,
// "Grant Pods access to AWS resources based on tags")
var sessionTags = []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace", "kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid"}

// restsOnTags finds a session tag in a condition key or in a variable.
func restsOnTags(s string) (tag string, ok bool) {
	lower := strings.ToLower(s)
	for _, tag := range sessionTags {
		if strings.Contains(lower, "aws:principaltag/"+tag) || strings.Contains(lower, "aws:requesttag/"+tag) {
			return tag, true
		}
	}
	return "", false
}

// untagged refuses statements that rest on tags that no session has.
func (d *decoder) untagged(path []any, list []v1alpha1.Statement) {
	say := func(p []any, key bool, s string) {
		tag, ok := restsOnTags(s)
		if !ok {
			return
		}
		fault := d.bad
		if key {
			fault = d.badKey
		}
		fault(p, "leave disableSessionTags out, or the condition", "with disableSessionTags no session has the tag %s, so this never holds", tag)
	}
	for i, s := range list {
		for _, part := range []struct {
			key   string
			texts []string
		}{{"resources", s.Resources}, {"notResources", s.NotResources}} {
			for j, text := range part.texts {
				say(at(path, i, part.key, j), false, text)
			}
		}
		for operator, keys := range s.Conditions {
			for key, values := range keys {
				p := at(path, i, "conditions", operator, key)
				say(p, true, key)
				for j, text := range values {
					say(at(p, j), false, text)
				}
			}
		}
	}
}

// existingRole judges the whole ARN of a role that is not made here.
func (d *decoder) existingRole(path []any, s string) {
	if s == "" || !d.ascii(path, s) {
		return
	}
	const want = "want arn:aws:iam::ACCOUNT:role/NAME, path included"
	role, ok := roleARN(s)
	account, name, session := access.SessionRole(s)
	switch {
	case session:
		d.bad(path, "write arn:aws:iam::"+Escape(account)+":role/"+Escape(name)+", with the role's path if it has one", "this is a role's session, not a role: %s", quoted(s))
	case strings.ContainsAny(s, "*?"):
		d.bad(path, want, "%s is not one role: %s", pathString(path), quoted(s))
	case !ok || !twelveDigits.MatchString(role.Account) || !knownPartition(role.Partition) || !iamName.MatchString(role.Name) || !iamPath.MatchString(role.Path):
		d.bad(path, want, "%s is not a role's ARN: %s", pathString(path), quoted(s))
	case role.ServiceLinked():
		d.bad(path, "name a role of your own", "only AWS's services have service-linked roles: %s", quoted(s))
	}
}

// workloadRole judges the role of a workload.
func (d *decoder) workloadRole(p []any, r *v1alpha1.WorkloadRole) {
	d.statements(at(p, "statements"), r.Statements)
	d.roleDetails(p, r)
	n, ok := follow(d.node, p)
	if !ok || n.Kind != yaml.MappingNode {
		return
	}
	if key, ok := d.exactlyOne(p, "name", "existing"); ok && key == "existing" {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.Content[i].Value; k != key {
				d.fault(n.Content[i], "write name for a role that is made", "an existing role is never changed, so it has no %s here", Escape(k))
				break
			}
		}
	}
	d.existingRole(at(p, "existing"), r.Existing)
	d.madeRoleName(at(p, "name"), r.Name)
	d.presets(at(p, "presets"), r.Presets)
	if d.has(at(p, "policyName")) && d.sound(p) && len(r.Statements)+len(r.Presets) == 0 {
		d.badKey(at(p, "policyName"), "write statements or presets, or leave it out", "there is no inline policy to name")
	}
}

var presetName = regexp.MustCompile(presetPattern)

// presets judges the form of presets; which there are is judged with their
// data.
func (d *decoder) presets(path []any, list []v1alpha1.Preset) {
	seen := map[string]bool{}
	for i, preset := range list {
		p := at(path, i)
		if n, ok := follow(d.node, p); !ok || d.spoiled[n] {
			continue
		}
		where := p
		if d.has(at(p, "name")) {
			where = at(p, "name")
		}
		if d.form(where, preset.Name, presetName, "want a preset's name, such as external-dns") && seen[preset.Name] {
			d.bad(where, "give it its parameters once", "the preset %s stands twice", quoted(preset.Name))
		}
		seen[preset.Name] = true
	}
}

// ClusterWord stands in a role's name for the name of a Cluster document.
const ClusterWord = "{cluster}"

// madeRoleName judges the name of a role that is made.
func (d *decoder) madeRoleName(path []any, s string) {
	if s == "" || !d.ascii(path, s) {
		return
	}
	plain := strings.ReplaceAll(s, ClusterWord, "c")
	i := strings.LastIndexByte(s, '/')
	switch {
	case strings.HasPrefix(s, "arn:"):
		d.bad(path, "write existing: "+quoted(s)+" for a role that is another's", "%s is a name, not an ARN", pathString(path))
	case i >= 0:
		d.bad(path, "write path: /"+Escape(strings.Trim(s[:i], "/"))+"/ and name: "+yamlText(s[i+1:]), "a role's name has no slash: %s", quoted(s))
	case strings.ContainsAny(plain, "{}$"):
		d.bad(path, "{cluster} is the only word in braces there is", "%s cannot be %s", pathString(path), quoted(s))
	case strings.HasPrefix(s, access.SSORolePrefix):
		d.bad(path, "name it otherwise", "IAM Identity Center makes the roles that begin with %s", access.SSORolePrefix)
	case !iamName.MatchString(plain):
		d.bad(path, "want letters, digits and _ + = , . @ -, at most 64", "%s cannot be %s", pathString(path), quoted(s))
	}
}

var (
	policyText      = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,128}$`)
	descriptionText = regexp.MustCompile(`^[\t\n\r -~¡-ÿ]*$`)
)

// maxManaged is how many managed policies a role may have. (IAM and STS
// quotas)
const maxManaged = 10

// roleDetails judges what a role that is made has besides its statements.
func (d *decoder) roleDetails(p []any, r *v1alpha1.WorkloadRole) {
	d.rolePath(at(p, "path"), r.Path)
	d.form(at(p, "policyName"), r.PolicyName, policyText, "want letters, digits and _ + = , . @ -, at most 128")
	if b := r.PermissionsBoundary; b != nil {
		d.form(at(p, "permissionsBoundary"), *b, boundaryARN, "want arn:aws:iam::ACCOUNT:policy/NAME")
	}
	d.tags(at(p, "tags"), r.Tags, nil)
	managed := at(p, "managedPolicies")
	seen := map[string]bool{}
	for i, s := range r.ManagedPolicies {
		q := at(managed, i)
		if d.managedPolicy(q, s) && seen[s] {
			d.bad(q, "", "%s stands twice", quoted(s))
		}
		seen[s] = true
	}
	if len(r.ManagedPolicies) > maxManaged {
		d.bad(at(managed, maxManaged), "write statements, or join policies", "a role has at most %d managed policies, and %s has %d", maxManaged, pathString(managed), len(r.ManagedPolicies))
	}
	d.duration(at(p, "maxSessionDuration"), r.MaxSessionDuration)
	switch description := at(p, "description"); {
	case !descriptionText.MatchString(r.Description):
		d.bad(description, "IAM takes letters up to U+00FF", "%s cannot be %s", pathString(description), quoted(r.Description))
	case len([]rune(r.Description)) > 1000:
		d.bad(description, "IAM allows 1000", "%s has %d letters", pathString(description), len([]rune(r.Description)))
	}
}

// managedPolicy judges one managed policy, and reports whether it is one.
func (d *decoder) managedPolicy(path []any, s string) bool {
	if s == "" || !d.ascii(path, s) {
		return false
	}
	arn, err := access.ParseARN(s)
	_, inEKS := access.PolicyNamed(s)
	switch {
	case err == nil && arn.Service == "eks", inEKS && !strings.HasPrefix(s, "arn:") && strings.HasPrefix(s, "AmazonEKS"):
		d.bad(path, "it gives rights in Kubernetes: write it under spec.grants", "%s is an EKS access policy, not an IAM policy", quoted(s))
	case err == nil && arn.Service == "iam" && strings.HasPrefix(arn.Resource, "role/"):
		d.bad(path, "want arn:aws:iam::ACCOUNT:policy/NAME, or arn:aws:iam::aws:policy/NAME of AWS's own", "%s is a role, not a policy", quoted(s))
	case err != nil && policyText.MatchString(s):
		d.bad(path, "write its ARN: arn:aws:iam::aws:policy/"+s+" if it is AWS's own, else arn:aws:iam::ACCOUNT:policy/"+s, "%s is not a policy's ARN", quoted(s))
	case !boundaryARN.MatchString(s) || !knownPartition(arn.Partition):
		d.bad(path, "want arn:aws:iam::ACCOUNT:policy/NAME, or arn:aws:iam::aws:policy/NAME of AWS's own", "%s is not a policy's ARN", quoted(s))
	default:
		return true
	}
	return false
}

// duration judges how long sessions may last. (IAM API, CreateRole:
// MaxSessionDuration, 3600 to 43200 seconds)
func (d *decoder) duration(path []any, s string) {
	if s == "" {
		return
	}
	long, err := time.ParseDuration(s)
	switch {
	case err != nil && onlyDigits.MatchString(s):
		d.bad(path, "want hours or minutes, such as 2h or 90m", "%s has no unit: %s", pathString(path), quoted(s))
	case err != nil:
		d.bad(path, "want hours or minutes, such as 2h or 90m", "%s is not a duration: %s", pathString(path), quoted(s))
	case long < time.Hour || long > 12*time.Hour || long%time.Second != 0:
		d.bad(path, "IAM takes whole seconds from 1h to 12h", "%s cannot be %s", pathString(path), quoted(s))
	}
}
