package cli

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/rogpeppe/go-internal/testscript"
)

// assume ENDPOINT ENVFILE ROLE sets the AWS_ variables of a role that the
// caller of ENVFILE, which lab env printed, assumes at the lab.
func assume(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: assume ENDPOINT ENVFILE ROLE")
	}
	have := map[string]string{}
	for line := range strings.SplitSeq(ts.ReadFile(args[1]), "\n") {
		if k, v, ok := strings.Cut(strings.TrimPrefix(line, "export "), "="); ok {
			have[k] = strings.Trim(v, "'")
		}
	}
	client := sts.New(sts.Options{Region: have["AWS_REGION"], BaseEndpoint: &args[0],
		Credentials: credentials.NewStaticCredentialsProvider(have["AWS_ACCESS_KEY_ID"], have["AWS_SECRET_ACCESS_KEY"], have["AWS_SESSION_TOKEN"])})
	out, err := client.AssumeRole(context.Background(), &sts.AssumeRoleInput{RoleArn: &args[2], RoleSessionName: aws.String("ci")})
	ts.Check(err)
	ts.Setenv("AWS_ENDPOINT_URL", args[0])
	ts.Setenv("AWS_REGION", have["AWS_REGION"])
	ts.Setenv("AWS_ACCESS_KEY_ID", *out.Credentials.AccessKeyId)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", *out.Credentials.SecretAccessKey)
	ts.Setenv("AWS_SESSION_TOKEN", *out.Credentials.SessionToken)
}
