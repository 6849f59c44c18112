package sts_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/internal/lab/labtest"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

func tags(pairs ...string) []types.Tag {
	var all []types.Tag
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		all = append(all, types.Tag{Key: &key, Value: &value})
	}
	return all
}

const anybody = `{"AWS":"arn:aws:iam::111122223333:role/first"}`

// first is a session of a role that others trust.
func (w *world) first(in sts.AssumeRoleInput) aws.Credentials {
	w.T.Helper()
	arn := w.Role("first", `{"AWS":"111122223333"}`, "sts:AssumeRole sts:TagSession sts:SetSourceIdentity", "")
	w.Allow("first", "sts:*", "*")
	in.RoleArn = &arn
	k, _, err := w.Assume(w.Admin, in)
	if err != nil {
		w.T.Fatal(err)
	}
	return k
}

// shows: item S87
func TestSessionTagsNeedTagSessionAndGoWhereTheyAreLet(t *testing.T) {
	w := newWorld(t)
	k := w.first(sts.AssumeRoleInput{Tags: tags("team=ops", "stage=prod"), TransitiveTagKeys: []string{"team"}})
	untagged := w.Role("untagged", anybody, "sts:AssumeRole", "")
	tagged := w.Role("tagged", anybody, "sts:AssumeRole sts:TagSession", "")
	mine := w.Role("mine", anybody, "sts:AssumeRole sts:TagSession", `{"StringEquals":{"aws:RequestTag/team":"ops"},"Null":{"aws:RequestTag/stage":"true"}}`)
	others := w.Role("others", anybody, "sts:AssumeRole sts:TagSession", `{"StringEquals":{"aws:RequestTag/team":"dev"}}`)
	counted := w.Role("counted", anybody, "sts:AssumeRole sts:TagSession",
		`{"ForAllValues:StringEquals":{"aws:TagKeys":["team","x"],"sts:TransitiveTagKeys":["team"]}}`)
	plain := w.Role("plain", `{"AWS":"111122223333"}`, "sts:AssumeRole", "")
	for _, c := range []struct {
		what string
		k    aws.Credentials
		in   sts.AssumeRoleInput
		code string
	}{
		{"inherited tags alone need TagSession too", k, sts.AssumeRoleInput{RoleArn: &untagged}, "AccessDenied"},
		{"with it they pass", k, sts.AssumeRoleInput{RoleArn: &tagged}, "<nil>"},
		{"what is not transitive is not passed on", k, sts.AssumeRoleInput{RoleArn: &mine}, "<nil>"},
		{"the trust policy sees what is inherited", k, sts.AssumeRoleInput{RoleArn: &others}, "AccessDenied"},
		{"more tags beside the inherited", k, sts.AssumeRoleInput{RoleArn: &counted, Tags: tags("x=1")}, "<nil>"},
		{"keys that the trust policy does not list", k, sts.AssumeRoleInput{RoleArn: &counted, Tags: tags("y=1")}, "AccessDenied"},
		{"transitive keys that it does not list", k, sts.AssumeRoleInput{RoleArn: &counted, Tags: tags("x=1"), TransitiveTagKeys: []string{"x"}}, "AccessDenied"},
		{"an inherited key again", k, sts.AssumeRoleInput{RoleArn: &tagged, Tags: tags("TEAM=dev")}, "InvalidParameterValue"},
		{"a key that was not inherited", k, sts.AssumeRoleInput{RoleArn: &tagged, Tags: tags("stage=dev")}, "<nil>"},
		{"a key twice", w.Admin, sts.AssumeRoleInput{RoleArn: &plain, Tags: tags("a=1", "A=2")}, "InvalidParameterValue"},
		{"a reserved key", w.Admin, sts.AssumeRoleInput{RoleArn: &plain, Tags: tags("aws:a=1")}, "InvalidParameterValue"},
		{"transitive, and not there", w.Admin, sts.AssumeRoleInput{RoleArn: &plain, Tags: tags("a=1"), TransitiveTagKeys: []string{"b"}}, "InvalidParameterValue"},
		{"tags where the trust policy has no TagSession", w.Admin, sts.AssumeRoleInput{RoleArn: &plain, Tags: tags("a=1")}, "AccessDenied"},
		{"no tags there", w.Admin, sts.AssumeRoleInput{RoleArn: &plain}, "<nil>"},
	} {
		if _, _, err := w.Assume(c.k, c.in); labtest.Code(err) != c.code {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
		}
	}
}

// A session's tags are its principal's, over those of its role.
//
// shows: item S87
func TestSessionTagsArePrincipalTags(t *testing.T) {
	w := newWorld(t)
	arn := w.Role("reader", `{"AWS":"111122223333"}`, "sts:AssumeRole sts:TagSession", "")
	labtest.Must[*iam.TagRoleOutput](t)(w.IAM().TagRole(t.Context(), &iam.TagRoleInput{RoleName: aws.String("reader"), Tags: []iamtypes.Tag{{Key: aws.String("Namespace"), Value: aws.String("none")}}}))
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetRole","Resource":"arn:aws:iam::111122223333:role/${aws:PrincipalTag/namespace}"}]}`
	labtest.Must[*iam.PutRolePolicyOutput](t)(w.IAM().PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("p"), PolicyDocument: &document}))
	w.Role("ops", `{"Service":"ec2.amazonaws.com"}`, "sts:AssumeRole", "")
	for value, want := range map[string]string{"ops": "<nil>", "dev": "AccessDenied"} {
		k, _, err := w.Assume(w.Admin, sts.AssumeRoleInput{RoleArn: &arn, Tags: tags("namespace=" + value)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := iam.NewFromConfig(w.Config(k)).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("ops")}); labtest.Code(err) != want {
			t.Errorf("namespace=%s: %v, want %s", value, err, want)
		}
	}
}

// shows: item S87
func TestASourceIdentityStays(t *testing.T) {
	w := newWorld(t)
	k := w.first(sts.AssumeRoleInput{SourceIdentity: aws.String("ann")})
	silent := w.Role("silent", anybody, "sts:AssumeRole", "")
	known := w.Role("known", anybody, "sts:AssumeRole sts:SetSourceIdentity", `{"StringEquals":{"sts:SourceIdentity":"ann"}}`)
	for _, c := range []struct {
		role, identity, code string
	}{
		{silent, "", "AccessDenied"}, {known, "", "<nil>"}, {known, "ann", "<nil>"}, {known, "bob", "AccessDenied"},
	} {
		in := sts.AssumeRoleInput{RoleArn: &c.role}
		if c.identity != "" {
			in.SourceIdentity = &c.identity
		}
		_, out, err := w.Assume(k, in)
		if labtest.Code(err) != c.code || err == nil && (out.SourceIdentity == nil || *out.SourceIdentity != "ann") {
			t.Errorf("%s as %q: %v, want %s", c.role, c.identity, err, c.code)
		}
	}
}

// shows: item S87
func TestSessionPoliciesAreCheckedAndCounted(t *testing.T) {
	w := newWorld(t)
	arn := w.Role("reader", `{"AWS":"111122223333"}`, "sts:AssumeRole sts:TagSession", "")
	policy := func(resource string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetRole","Resource":"` + resource + `"}]}`)
	}
	own := *labtest.Must[*iam.CreatePolicyOutput](t)(w.IAM().CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("own"), PolicyDocument: policy("*")})).Policy.Arn
	size := len(*policy(""))
	for _, c := range []struct {
		what   string
		in     sts.AssumeRoleInput
		code   string
		packed int32
	}{
		{"none", sts.AssumeRoleInput{}, "<nil>", 0},
		{"a policy", sts.AssumeRoleInput{Policy: policy("*")}, "<nil>", int32((100*(size+1) + 2047) / 2048)},
		{"as large as can be", sts.AssumeRoleInput{Policy: policy("arn:aws:s3:::" + strings.Repeat("x", 2048-size-13))}, "<nil>", 100},
		{"larger", sts.AssumeRoleInput{Policy: policy("arn:aws:s3:::" + strings.Repeat("x", 2049-size-13))}, "PackedPolicyTooLarge", 0},
		{"malformed", sts.AssumeRoleInput{Policy: aws.String(`{"Statement":[]`)}, "MalformedPolicyDocument", 0},
		{"with a principal", sts.AssumeRoleInput{Policy: aws.String(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`)}, "MalformedPolicyDocument", 0},
		{"a managed policy", sts.AssumeRoleInput{PolicyArns: []types.PolicyDescriptorType{{Arn: &own}}}, "<nil>", int32((100*len(own) + 2047) / 2048)},
		{"one that is not there", sts.AssumeRoleInput{PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String(own + "x")}}}, "MalformedPolicyDocument", 0},
		{"too many tags for the room", sts.AssumeRoleInput{Tags: manyTags(9, 256)}, "PackedPolicyTooLarge", 0},
		{"many tags", sts.AssumeRoleInput{Tags: manyTags(50, 30)}, "<nil>", 88},
	} {
		c.in.RoleArn = &arn
		_, out, err := w.Assume(w.Admin, c.in)
		if labtest.Code(err) != c.code {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
			continue
		}
		if err != nil {
			continue
		}
		//lint:ignore SA1019 the SDK renames the member; the wire, and other clients, have this one
		if packed := aws.ToInt32(out.PackedPolicySize); packed != c.packed {
			t.Errorf("%s: %d %% of the room, want %d", c.what, packed, c.packed)
		}
	}
}

func manyTags(n, value int) []types.Tag {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("key%03d=%s", i, strings.Repeat("v", value)))
	}
	return tags(all...)
}
