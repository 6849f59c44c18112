package report

import (
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

func TestReasonWords(t *testing.T) {
	edit := "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
	tests := []struct {
		reason authz.Reason
		want   string
	}{
		{authz.Reason{By: authz.ByNothing}, "no access entry and no line of aws-auth maps it"},
		{authz.Reason{By: authz.ByNothing, Miss: authz.MissDead}, "its access entry is dead: the user or role is gone or was made again"},
		{authz.Reason{By: authz.ByPolicy, Policy: edit, Scope: access.NamespaceScope("ops"), Miss: authz.MissNamespace}, "AmazonEKSEditPolicy on ops: it holds in other namespaces"},
	}
	for _, tt := range tests {
		if got := reasonWords(tt.reason); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.reason, got, tt.want)
		}
	}
}
