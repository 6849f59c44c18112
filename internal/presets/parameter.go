package presets

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Parameter is what a preset asks for, or takes.
type Parameter struct {
	Name     string `json:"name"`
	Kind     Kind   `json:"kind"`
	List     bool   `json:"list,omitempty"`
	Required bool   `json:"required,omitempty"`
	// Default is used where nothing is given; nil: the parameter is unset.
	Default any `json:"default,omitempty"`
}

// Kind is what values of a parameter are.
type Kind string

// Bool is the kind of switches; all others are texts.
const Bool Kind = "bool"

// everywhere are the parameters that every preset takes besides its own.
func everywhere() []Parameter {
	return []Parameter{
		{Name: "partition", Kind: "partition", Default: "aws"},
		{Name: "region", Kind: "region", Default: "*"},
		{Name: "accountId", Kind: "accountId", Default: "*"},
	}
}

// form is how values of a kind look.
type form struct {
	example string
	text    *regexp.Regexp // of a plain text
	service string         // of an ARN
	account bool           // whether the ARN has Region and account
	part    *regexp.Regexp // of an ARN: what follows the account
}

// everything is a name that says nothing: it would reach all of a kind.
var everything = regexp.MustCompile(`^[*?/.:-]*$`)

// forms are all kinds but Bool. (Service Authorization Reference: ARNs of the
// services' resources)
func forms() map[Kind]form {
	re := regexp.MustCompile
	return map[Kind]form{
		"partition":              {example: "aws", text: re(`^aws(-[a-z]+)*$`)},
		"region":                 {example: "us-east-1", text: re(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)},
		"accountId":              {example: "111122223333", text: re(`^[0-9]{12}$`)},
		"eksClusterName":         {example: "prod", text: re(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)},
		"hostedZoneId":           {example: "Z0123456789ABCDEFGHIJ", text: re(`^Z[0-9A-Z]{1,31}$`)},
		"dnsNamePattern":         {example: "*.example.com", text: re(`^[a-z0-9*._-]*[a-z0-9][a-z0-9*._-]*$`)},
		"dnsRecordType":          {example: "TXT", text: re(`^[A-Z]{1,10}$`)},
		"vpcArn":                 {example: "vpc/vpc-0123456789abcdef0", service: "ec2", account: true, part: re(`^vpc/vpc-[0-9a-f]+$`)},
		"sqsQueueArn":            {example: "karpenter", service: "sqs", account: true, part: re(`^[0-9A-Za-z_-]{1,80}(\.fifo)?$`)},
		"roleArn":                {example: "role/nodes", service: "iam", part: re(`^role/[0-9A-Za-z+=,.@_/-]+$`)},
		"bucketArn":              {example: "loki-chunks", service: "s3", part: re(`^[a-z0-9*?.-]{3,63}$`)},
		"s3DirectoryBucketArn":   {example: "bucket/fast--use1-az4--x-s3", service: "s3express", account: true, part: re(`^bucket/[a-z0-9.-]+--x-s3$`)},
		"kmsKeyArn":              {example: "key/11111111-2222-3333-4444-555555555555", service: "kms", account: true, part: re(`^key/[0-9A-Za-z-]+$`)},
		"secretArnPattern":       {example: "secret:prod/*", service: "secretsmanager", account: true, part: re(`^secret:[0-9A-Za-z/_+=.@*?-]+$`)},
		"ssmParameterArnPattern": {example: "parameter/prod/*", service: "ssm", account: true, part: re(`^parameter/[0-9A-Za-z/_.*?-]+$`)},
		"efsFileSystemArn":       {example: "file-system/fs-0123456789abcdef0", service: "elasticfilesystem", account: true, part: re(`^file-system/fs-[0-9a-f]+$`)},
		"ampWorkspaceArn":        {example: "workspace/ws-00000000-0000-0000-0000-000000000000", service: "aps", account: true, part: re(`^workspace/ws-[0-9a-f-]+$`)},
	}
}

// Example is a value of the kind.
func (k Kind) Example() string {
	if k == Bool {
		return "true"
	}
	f := forms()[k]
	switch {
	case f.text != nil:
		return f.example
	case f.account:
		return "arn:aws:" + f.service + ":us-east-1:111122223333:" + f.example
	case f.service == "iam":
		return "arn:aws:iam::111122223333:" + f.example
	}
	return "arn:aws:" + f.service + ":::" + f.example
}

// check says what is wrong with a value of the kind, "" if nothing.
func (k Kind) check(value string) string {
	f, ok := forms()[k]
	bad := fmt.Sprintf("%q is not like %s", value, k.Example())
	switch {
	case !ok:
		return "of the unknown kind " + string(k)
	case f.text != nil:
		if !f.text.MatchString(value) {
			return bad
		}
		return ""
	}
	a, err := access.ParseARN(value)
	if err != nil || a.Service != f.service || !f.part.MatchString(a.Resource) ||
		f.account && (a.Region == "" || !twelve.MatchString(a.Account)) ||
		!f.account && (a.Region != "" || f.service == "iam" && !twelve.MatchString(a.Account) || f.service != "iam" && a.Account != "") {
		return bad
	}
	name := a.Resource
	if i := strings.IndexAny(name, "/:"); i >= 0 {
		name = name[i+1:]
	}
	if everything.MatchString(name) {
		return fmt.Sprintf("%q names everything of its kind; write statements of your own if that is meant", value)
	}
	return ""
}

var twelve = regexp.MustCompile(`^[0-9]{12}$`)
