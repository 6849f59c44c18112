package iam

import (
	"strings"
	"testing"
)

// AWS's own policies speak of ARNs of the partition that they are in, as read
// and as the lab decides by them.
func TestAWSsOwnPoliciesAreOfTheirPartition(t *testing.T) {
	parsed := parseManaged()
	for _, partition := range []string{"aws", "aws-cn", "aws-us-gov"} {
		other := map[bool]string{true: `"arn:aws-cn:`, false: `"arn:aws:`}[partition == "aws"]
		arns := 0
		for name := range awsPolicies {
			arn := awsPolicyARN(partition, name)
			m, ok := awsManaged(arn)
			if !ok {
				t.Fatalf("no %s", arn)
			}
			text := m.document(m.Default)
			arns += strings.Count(text, `"arn:`+partition+`:`)
			if strings.Contains(text, other) {
				t.Errorf("%s speaks of another partition: %s", arn, text)
			}
			if parsed[arn] == nil {
				t.Errorf("%s is not parsed", arn)
				continue
			}
			for _, s := range parsed[arn].Statements {
				for _, r := range s.Resources {
					if strings.HasPrefix(r, "arn:") && !strings.HasPrefix(r, "arn:"+partition+":") {
						t.Errorf("%s decides on %s", arn, r)
					}
				}
			}
		}
		if arns == 0 {
			t.Errorf("no policy of %s speaks of an ARN", partition)
		}
	}
}
