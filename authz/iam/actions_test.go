package iam

import (
	"slices"
	"strings"
	"testing"
)

// shows: item S117
func TestAnUnknownActionIsPointedAtAndAKnownOneIsNot(t *testing.T) {
	for action, want := range map[string]string{
		"s3:GetObjct":            "no action GetObjct of s3 is known; among s3:GetObject",
		"s3:ListBuckets":         "no action ListBuckets of s3 is known; among s3:ListAllMyBuckets", // the call's name, which is no action
		"s3:Gett*":               "no action of s3 is known that Gett* matches",
		"cloudwach:ListMetrics":  "no service of AWS is known whose actions begin with cloudwach:; among cloudwatch:ListMetrics",
		"foo:Bar":                "no service of AWS is known whose actions begin with foo:",
		"s3:getobject":           "", // IAM takes no account of case
		"S3:GetObject":           "",
		"s3:Get*":                "",
		"s3:*":                   "",
		"*":                      "",
		"s*:GetObject":           "",
		"quicksight:NobodyKnows": "", // a service whose actions are not listed
	} {
		what, candidates := UnknownAction(action)
		got := what
		if _, near, ok := strings.Cut(want, "; among "); ok && slices.Contains(candidates, near) {
			got += "; among " + near
		}
		if got != want || want == "" && len(candidates) > 0 {
			t.Errorf("%s: %q, want %q (%d candidates)", action, got, want, len(candidates))
		}
	}
	services, listed := 0, 0
	for _, names := range actionTable() {
		services++
		listed += len(names)
	}
	if services < 400 || listed < 4000 {
		t.Errorf("the table has %d services and %d actions", services, listed)
	}
}
