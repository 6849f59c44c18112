package documents

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/access"
)

// Wrong is what is wrong with a word, and what to write instead; both are safe
// to print.
type Wrong struct{ Message, Hint string }

func (w *Wrong) Error() string {
	if w.Hint == "" {
		return w.Message
	}
	return w.Message + ": " + w.Hint
}

// subjectForms are the ways to write a subject as text, but for an ARN.
const subjectForms = "want team/NAME, user/NAME, role/NAME, permissionSet/NAME, serviceaccount/NAMESPACE/NAME or an ARN"

// serviceAccountName is a DNS subdomain. (Kubernetes: names of ServiceAccounts)
var serviceAccountName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// ParseWho reads a subject as people write it: me, team/NAME, user/NAME,
// role/NAME, permissionSet/NAME, serviceaccount/NAMESPACE/NAME, workload/NAME
// or the ARN of a user or role. The error is a *Wrong.
func ParseWho(text string) (access.Who, error) {
	var faults Faults
	d := &decoder{faults: &faults, spoiled: map[*yaml.Node]bool{}}
	who := d.who([]any{"the subject"}, text)
	if len(faults) > 0 {
		return access.Who{}, &Wrong{Message: faults[0].Message, Hint: faults[0].Hint}
	}
	return who, nil
}

func whoKinds() []string {
	return []string{string(access.WhoTeam), string(access.WhoUser), string(access.WhoRole), string(access.WhoPermissionSet), string(access.WhoServiceAccount), string(access.WhoWorkload)}
}

// who reads a subject that is written as text, and judges its form.
func (d *decoder) who(path []any, s string) access.Who {
	if s == "" || !d.ascii(path, s) {
		return access.Who{}
	}
	if s == string(access.WhoMe) {
		return access.Who{Kind: access.WhoMe}
	}
	if strings.HasPrefix(s, "arn:") {
		d.principalARN(path, s)
		return access.Who{Kind: access.WhoARN, ARN: s}
	}
	kind, name, ok := strings.Cut(s, "/")
	if !ok || name == "" || !slices.Contains(whoKinds(), kind) {
		d.noSubject(path, s, kind, name)
		return access.Who{}
	}
	who := access.Who{Kind: access.WhoKind(kind), Name: name}
	switch who.Kind {
	case access.WhoTeam, access.WhoWorkload:
		d.form(path, name, dnsLabel, "want the metadata.name of a "+upperFirst(kind)+" document")
	case access.WhoUser, access.WhoRole:
		d.iamEntity(path, kind, name)
		who.Member = &access.Member{Kind: access.MemberKind(kind), Name: name}
	case access.WhoPermissionSet:
		d.permissionSet(path, name)
		who.Member = &access.Member{Kind: access.PermissionSetMember, Name: name}
	case access.WhoServiceAccount:
		namespace, account, ok := strings.Cut(name, "/")
		if !ok || !dnsLabel.MatchString(namespace) || !serviceAccountName.MatchString(account) || len(account) > 253 {
			d.bad(path, "want serviceaccount/NAMESPACE/NAME", "%s is not a ServiceAccount: %s", pathString(path), quoted(s))
		}
	}
	return who
}

// noSubject says what is meant by text that is no subject.
func (d *decoder) noSubject(path []any, s, kind, name string) {
	if rest, ok := strings.CutPrefix(s, "system:serviceaccount:"); ok {
		namespace, account, _ := strings.Cut(rest, ":")
		d.bad(path, "write serviceaccount/"+Escape(namespace)+"/"+Escape(account), "%s is the username of a ServiceAccount: %s", pathString(path), quoted(s))
		return
	}
	hint := subjectForms
	c, near := access.Nearest(kind, whoKinds())
	switch {
	case name == "" && !strings.Contains(s, "/") && iamName.MatchString(s):
		hint = "write team/" + s + ", user/" + s + " or role/" + s
	case kind == "group":
		hint = "name a team whose members are in it"
	case kind == "sa":
		hint = "did you mean serviceaccount/" + Escape(name) + "?"
	case near && name != "":
		hint = "did you mean " + c + "/" + Escape(name) + "?"
	}
	d.bad(path, hint, "%s is no subject: %s", pathString(path), quoted(s))
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
