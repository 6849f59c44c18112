package cli

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/question"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

// runCanDo is can-i for an action of AWS.
func runCanDo(ctx context.Context, p *Process, o *askFlags, keys, args []string) (err error) {
	if o.namespace != "" || o.name != "" {
		return usage("", "-n and --name are for questions about Kubernetes, and %s is an action of AWS", args[0])
	}
	resource, paths := "", args[1:]
	if len(paths) > 0 && (paths[0] == "*" || strings.HasPrefix(paths[0], "arn:")) {
		resource, paths = paths[0], paths[1:]
	}
	if len(paths) > 0 {
		if err := resourceNotPath(args[0], paths[0]); err != nil {
			return err
		}
	}
	asked, err := question.ParseAction(args[0], resource, keys)
	if err != nil {
		return wordError(err)
	}
	if o.as == "" {
		return usage("as in: --as workload/loki", "--as WHO says which workload is asked about, and is not given")
	}
	who, err := documents.ParseWho(o.as)
	switch {
	case err != nil && isName(o.as):
		return usage("as in: --as workload/"+o.as, "%s does not say what it is", o.as)
	case err != nil:
		return wordError(err)
	}
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	if err := f.read(paths); err != nil {
		return err
	}
	if who.Kind != access.WhoWorkload {
		return askWorkload(f.want, who)
	}
	clusters, err := f.clusters()
	if err != nil {
		return err
	}
	if o.observed {
		if err := f.readRoles(ctx, who); err != nil {
			return err
		}
	}
	answer, err := question.Do(who, asked, f.want, f.have, clusters)
	if err != nil {
		return wordError(err)
	}
	if o.output == "json" {
		err = report.ActionAnswerJSON(p.Stdout, answer, !o.observed)
	} else {
		err = report.ActionAnswer(p.Stdout, answer, !o.observed, f.form())
	}
	if err != nil {
		return err
	}
	return ended(verdictCode(answer.Verdict.String()))
}

// bucketWord is a bucket as people write it, with or without what is in it.
var bucketWord = regexp.MustCompile(`^(?:s3://)?([a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?)$`)

// resourceNotPath refuses a word that stands where a path may, is none, and was
// meant for the action's resource.
func resourceNotPath(action, word string) error {
	if isPath(word) || filepath.IsAbs(word) || strings.HasPrefix(word, ".") || strings.HasSuffix(word, ".yaml") || strings.HasSuffix(word, ".yml") {
		return nil
	}
	hint := "write its whole ARN, as arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"
	if m := bucketWord.FindStringSubmatch(word); m != nil && strings.HasPrefix(strings.ToLower(action), "s3:") {
		hint = "write its whole ARN: arn:aws:s3:::" + m[1]
	}
	return usage(hint, "%s is neither an ARN nor a file or folder that is there", word)
}

// readRoles reads the policies of a workload's roles.
func (f *flow) readRoles(ctx context.Context, who access.Who) error {
	ctx, done := f.p.cancelled(ctx)
	defer done()
	if err := f.open(ctx, f.want.Accounts); err != nil {
		return err
	}
	if err := f.seed(ctx); err != nil {
		return err
	}
	have, err := observe.ReadRoles(ctx, f.cloud, f.want.Accounts, f.rolesOf(who), observe.Options{Now: f.p.Now})
	if err != nil {
		return f.p.cloudError(err)
	}
	f.have = have
	return nil
}

// rolesOf are the roles of a workload, that at the end of a chain among them;
// nobody else has any.
func (f *flow) rolesOf(who access.Who) []string {
	var roles []string
	for _, w := range f.want.Workloads {
		if who.Kind != access.WhoWorkload || w.Name != who.Name {
			continue
		}
		for _, r := range w.Roles {
			roles = append(roles, r.ARN)
		}
		if w.Target != "" {
			roles = append(roles, w.Target)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
