package desired

import (
	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// countTrust refuses a role whose trust policy IAM would: as long as it will be
// at least, for issuers of one Region are of one length, and what others wrote
// into it comes on top.
func (c *compiler) countTrust(r *access.WantRole) {
	if r.Existing {
		return
	}
	statements, _ := trust.Want(r.Trust, trust.ExpectedIssuer(r.Account))
	d, err := trust.Merge("", statements)
	if err != nil {
		return // nobody is in it, which is said elsewhere
	}
	if fit, err := trust.Measure(d); err == nil && fit.Over() {
		c.fault(r.Place, "", "role %s: %s", quoted(r.ARN), fit)
	}
}
