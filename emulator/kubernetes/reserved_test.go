package kubernetes

import (
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// EKS takes no template from which a reserved name could come; the
// authenticator looks again all the same. (aws-facts 2.4)
func TestReservedNamesAreRefusedOnceFilled(t *testing.T) {
	for name, c := range map[string]struct {
		username, session string
		kind              access.EntryType
		ok                bool
	}{
		"system: from a session":       {"sys{{SessionNameRaw}}", "tem:admin", access.Standard, false},
		"sysop: from a session":        {"sys{{SessionNameRaw}}", "op:admin", access.Standard, true},
		"eks: written out":             {"eks:x", "", access.Standard, false},
		"eks without a colon":          {"eks-x", "", access.Standard, true},
		"iam:":                         {"{{SessionName}}", "iam:x", access.Standard, false},
		"amazon:":                      {"amazon:{{SessionName}}", "x", access.Standard, false},
		"aws:":                         {"aws:", "", access.Standard, false},
		"a node, whose name is EKS's":  {"system:node:{{SessionName}}", "n", access.FargateLinux, true},
		"a capital letter is no match": {"System:x", "", access.Standard, true},
	} {
		id, err := caller{session: c.session}.entered(access.Entry{Username: c.username, Type: c.kind})
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "must not begin with") {
			t.Errorf("%s: %+v %v", name, id, err)
		}
	}
}

// An entry that is bound to the id of another ARN is a fault of the data, and
// maps nobody.
func TestWithoutPath(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:iam::1:role/a/b/dev": "arn:aws:iam::1:role/dev", "arn:aws:iam::1:role/dev": "arn:aws:iam::1:role/dev",
		"arn:aws:iam::1:user/t/ann": "arn:aws:iam::1:user/ann", "arn:aws:iam::1:root": "arn:aws:iam::1:root",
	} {
		if got := withoutPath(arn); got != want {
			t.Errorf("%s: %s, want %s", arn, got, want)
		}
	}
}
