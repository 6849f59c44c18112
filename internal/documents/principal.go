package documents

import (
	"regexp"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// principal judges how a document names an IAM principal; more are the keys
// besides a principal's own that may do it.
func (d *decoder) principal(p []any, m v1alpha1.Principal, more ...string) {
	d.account(at(p, "account"), m.Account)
	key, ok := d.exactlyOne(p, append([]string{"user", "role", "permissionSet", "arn"}, more...)...)
	if !ok {
		return
	}
	switch key {
	case "workload":
		if m.Account != "" {
			d.badKey(at(p, "account"), "leave it out", "a workload's role says its account itself")
		}
	case "user":
		d.iamEntity(at(p, key), key, m.User)
	case "role":
		d.iamEntity(at(p, key), key, m.Role)
	case "permissionSet":
		d.permissionSet(at(p, key), m.PermissionSet)
	case "arn":
		d.principalARN(at(p, key), m.ARN)
		if m.Account != "" {
			d.badKey(at(p, "account"), "leave it out", "an ARN says its account itself")
		}
	}
}

// ssoForm is the whole ARN of a permission set's role. (EKS User Guide: the
// path of an Identity Center role must not be left out of an access entry,
// though aws-auth wanted it so.)
func ssoForm(partition, account, set string) string {
	if set == "" {
		set = "NAME"
	}
	return "arn:" + partition + ":iam::" + account + ":role/aws-reserved/sso.amazonaws.com/[REGION/]" + access.SSORolePrefix + set + "_<16 hex>"
}

// ssoName takes a permission set's name out of its role's name.
var ssoName = regexp.MustCompile(`^AWSReservedSSO_(.+?)(_[0-9a-fA-F]*)?$`)

func setOf(role string) string {
	if m := ssoName.FindStringSubmatch(role); m != nil && setName.MatchString(m[1]) {
		return m[1]
	}
	return ""
}

func setHint(set string) string {
	if set == "" {
		set = "NAME"
	}
	return "write {permissionSet: " + set + "} and it is looked up"
}

// iamEntity judges the name of a user or role, with its path.
func (d *decoder) iamEntity(path []any, kind, s string) {
	if s == "" || !d.ascii(path, s) {
		return
	}
	where, name := "/", s
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		where, name = "/"+s[:i+1], s[i+1:]
	}
	full := access.IAMPrincipal{Partition: "aws", Account: "ACCOUNT", Kind: kind, Path: where, Name: name}
	_, isSet := full.PermissionSet()
	switch {
	case strings.HasPrefix(s, "arn:"):
		d.bad(path, "write {arn: "+quoted(s)+"}", "%s is a name, not an ARN", pathString(path))
	case strings.ContainsAny(s, "*?"):
		d.bad(path, "write each principal, or a permission set", "%s is not one principal: %s", pathString(path), quoted(s))
	case kind == "user" && s == "root":
		d.bad(path, "name a user or role", "an account's root is no principal of an access entry")
	case kind == "role" && strings.HasPrefix(name, access.SSORolePrefix) && !isSet:
		d.bad(path, setHint(setOf(name))+"; its ARN is "+ssoForm("aws", "ACCOUNT", setOf(name)), "the role %s lacks what the role of a permission set has", quoted(s))
	case full.ServiceLinked():
		d.bad(path, "AWS makes the entries that these need", "EKS refuses service-linked roles: %s", quoted(s))
	case strings.HasPrefix(s, "/"):
		d.bad(path, "leave the first slash out: "+quoted(strings.TrimLeft(s, "/")), "%s begins with a slash", pathString(path))
	case !iamName.MatchString(name) || !iamPath.MatchString(where) || len(where) > 512:
		d.bad(path, "want letters, digits and _ + = , . @ -, at most 64, after its path if it has one", "%s cannot be %s", pathString(path), quoted(s))
	}
}

func (d *decoder) permissionSet(path []any, s string) {
	if strings.HasPrefix(s, access.SSORolePrefix) {
		d.bad(path, setHint(setOf(s)), "%s is a role's name, not its permission set's", quoted(s))
		return
	}
	d.form(path, s, setName, "want letters, digits and _ + = , . @ -, at most 32")
}

// principalARN judges an ARN by what EKS takes. (EKS API, CreateAccessEntry:
// principalArn; EKS User Guide, creating access entries)
func (d *decoder) principalARN(path []any, s string) {
	if s == "" || !d.ascii(path, s) {
		return
	}
	const want = "want arn:aws:iam::ACCOUNT:user/NAME or :role/NAME, path included"
	arn, err := access.ParseARN(s)
	if err != nil || strings.ContainsAny(s, "*? ") {
		message := "%s is not an ARN: %s"
		if strings.ContainsAny(s, "*?") {
			message = "%s is not one principal: %s"
		}
		d.bad(path, want, message, pathString(path), quoted(s))
		return
	}
	if message, hint := notAPrincipal(arn, s); message != "" {
		d.bad(path, hint, "%s: %s", message, quoted(s))
		return
	}
	p, err := access.ParseIAMPrincipal(s)
	switch {
	case err != nil || !knownPartition(p.Partition):
		d.bad(path, want, "%s is not the ARN of an IAM user or role: %s", pathString(path), quoted(s))
		return
	case !twelveDigits.MatchString(p.Account):
		d.bad(path, "an account's id has twelve digits; this has "+quoted(p.Account), "%s is not the ARN of an IAM user or role: %s", pathString(path), quoted(s))
		return
	case !iamName.MatchString(p.Name) || !iamPath.MatchString(p.Path):
		d.bad(path, want, "%s cannot be a %s's name", quoted(strings.TrimPrefix(p.Path, "/")+p.Name), p.Kind)
		return
	case p.ServiceLinked():
		d.bad(path, "AWS makes the entries that these need", "EKS refuses service-linked roles: %s", quoted(s))
		return
	}
	if _, ok := p.PermissionSet(); !ok && p.Kind == "role" && strings.HasPrefix(p.Name, access.SSORolePrefix) {
		set := setOf(p.Name)
		problem := "lacks the 16 digits that end its name"
		if !strings.HasPrefix(p.Path, "/aws-reserved/sso.amazonaws.com/") {
			problem = "has lost its path, and EKS would not find it"
		}
		d.bad(path, setHint(set)+"; or write the whole ARN, "+ssoForm(p.Partition, p.Account, set), "the permission set's role %s %s", quoted(p.Name), problem)
	}
}

// notAPrincipal names ARNs that are taken for principals and are none.
func notAPrincipal(a access.ARN, s string) (message, hint string) {
	if account, role, ok := access.SessionRole(s); ok {
		if set := setOf(role); strings.HasPrefix(role, access.SSORolePrefix) {
			return "this is a session of a permission set's role", setHint(set)
		}
		return "this is a role's session, not a role", "write arn:" + a.Partition + ":iam::" + account + ":role/" + Escape(role) + ", with the role's path if it has one"
	}
	kind, _, _ := strings.Cut(a.Resource, "/")
	switch {
	case a.Service == "sts" && kind == "federated-user":
		return "a federated user is no principal of an access entry", "name the user or role behind it"
	case a.Service == "sts":
		return "this is a session, not a principal", "name the user or role behind it"
	case a.Service != "iam":
		return "this is not an ARN of IAM", "want arn:aws:iam::ACCOUNT:user/NAME or :role/NAME"
	case a.Resource == "root":
		return "an account's root is no principal of an access entry", "name its users or roles"
	case kind == "group":
		return "an IAM group is no principal", "name its users, or a role or permission set they use"
	case kind == "instance-profile":
		return "an instance profile is no principal", "name its role"
	case kind == "policy":
		return "a policy is no principal", "name a user or role"
	}
	return "", ""
}
