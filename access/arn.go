package access

import (
	"fmt"
	"strings"
)

// ARN is a parsed Amazon Resource Name.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// ParseARN splits s. It checks the form (six parts, "arn", a partition, a
// service, a resource), not that the parts name anything.
func ParseARN(s string) (ARN, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN: want arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE", s)
	}
	return ARN{parts[1], parts[2], parts[3], parts[4], parts[5]}, nil
}

func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// AccountOf is the account in an ARN; empty if there is none.
func AccountOf(arn string) string {
	a, err := ParseARN(arn)
	if err != nil {
		return ""
	}
	return a.Account
}

// PartitionOf tells the partition of a Region by its name's prefix, as the AWS
// SDKs' partition metadata has it. An unknown prefix is the commercial one.
func PartitionOf(region string) string {
	for _, p := range [...]struct{ prefix, partition string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"},
		{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}

// ssoPath is the path of the roles that IAM Identity Center makes for
// permission sets; a Region may follow it.
const ssoPath = "/aws-reserved/sso.amazonaws.com/"

// SSORolePrefix begins the name of every role that IAM Identity Center makes.
const SSORolePrefix = "AWSReservedSSO_"

// IAMPrincipal is an IAM user or role, read from its ARN.
type IAMPrincipal struct {
	Partition, Account string
	Kind               string // "user" or "role"
	Path               string // "/" or "/a/b/"
	Name               string
}

// ParseIAMPrincipal reads the ARN of an IAM user or role. Everything else (a
// session, a root, a group, a service-linked name of another service) is an
// error that says what was found.
func ParseIAMPrincipal(s string) (IAMPrincipal, error) {
	a, err := ParseARN(s)
	if err != nil {
		return IAMPrincipal{}, err
	}
	kind, rest, ok := strings.Cut(a.Resource, "/")
	if a.Service != "iam" || a.Region != "" || !ok || rest == "" || (kind != "user" && kind != "role") {
		return IAMPrincipal{}, fmt.Errorf("%q is not the ARN of an IAM user or role", s)
	}
	p := IAMPrincipal{Partition: a.Partition, Account: a.Account, Kind: kind, Path: "/", Name: rest}
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		p.Path, p.Name = "/"+rest[:i+1], rest[i+1:]
	}
	if p.Name == "" {
		return IAMPrincipal{}, fmt.Errorf("%q names no %s after its path", s, kind)
	}
	return p, nil
}

// RoleName is the name in the ARN of a user or role, without path; what is none
// stays as it is.
func RoleName(arn string) string {
	if p, err := ParseIAMPrincipal(arn); err == nil {
		return p.Name
	}
	return arn
}

// ARN is the whole ARN, path included: the form an access entry wants.
func (p IAMPrincipal) ARN() string {
	return "arn:" + p.Partition + ":iam::" + p.Account + ":" + p.Kind + p.Path + p.Name
}

// ServiceLinked reports whether p is a service-linked role; EKS refuses those
// as principals of a customer's access entry.
func (p IAMPrincipal) ServiceLinked() bool {
	return p.Kind == "role" && strings.HasPrefix(p.Path, "/aws-service-role/")
}

// PermissionSet is the name of the permission set that p was made for by IAM
// Identity Center, and whether it is such a role. The role's name is
// AWSReservedSSO_NAME_<16 hexadecimal digits>.
func (p IAMPrincipal) PermissionSet() (string, bool) {
	name, ok := strings.CutPrefix(p.Name, SSORolePrefix)
	if p.Kind != "role" || !ok || !strings.HasPrefix(p.Path, ssoPath) {
		return "", false
	}
	i := strings.LastIndexByte(name, '_')
	if i <= 0 || !isHex16(name[i+1:]) {
		return "", false
	}
	return name[:i], true
}

func isHex16(s string) bool {
	return len(s) == 16 && strings.Trim(s, "0123456789abcdef") == ""
}

// DefaultUsername is the Kubernetes username EKS gives a STANDARD entry that
// names none: the ARN of a user; for a role its session's, without path.
// (EKS User Guide, creating access entries)
func (p IAMPrincipal) DefaultUsername() string {
	if p.Kind == "user" {
		return p.ARN()
	}
	return "arn:" + p.Partition + ":sts::" + p.Account + ":assumed-role/" + p.Name + "/{{SessionName}}"
}

// PrincipalKey is what IAM tells users and roles apart by, whatever their path:
// within an account a name is one user's and one role's, and names do not differ
// by case alone. (IAM User Guide, IAM identifiers; name requirements)
type PrincipalKey struct {
	Account, Kind string
	Name          string // in small letters
}

func (k PrincipalKey) String() string { return k.Kind + "/" + k.Name + " of " + k.Account }

// PrincipalKeyOf reads the ARN of a user or role; ok is false for what is none.
func PrincipalKeyOf(arn string) (k PrincipalKey, ok bool) {
	p, err := ParseIAMPrincipal(arn)
	if err != nil {
		return PrincipalKey{}, false
	}
	return PrincipalKey{p.Account, p.Kind, strings.ToLower(p.Name)}, true
}

// SessionRole reads the ARN of an assumed role's session and gives the
// account and the role's name; an ARN of a session has no path.
func SessionRole(s string) (account, name string, ok bool) {
	a, err := ParseARN(s)
	if err != nil || a.Service != "sts" {
		return "", "", false
	}
	parts := strings.Split(a.Resource, "/")
	if len(parts) != 3 || parts[0] != "assumed-role" {
		return "", "", false
	}
	return a.Account, parts[1], true
}
