package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/presets"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

func newNew(p *Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Write a new document: of a workload",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWorkload(p))
	return cmd
}

// newWorkloadFlags are those of new workload.
type newWorkloadFlags struct {
	writeFlags
	accountFlags
	allClusters        bool
	credentials        string
	roleName, roleARN  string
	policies, presets  []string
	parameters         []string
	tags               map[string]string
	boundary           string
	roleOnly, override bool
	dryRun, applies    bool
	boundaryGiven      bool
}

func newWorkload(p *Process) *cobra.Command {
	var o newWorkloadFlags
	cmd := &cobra.Command{
		Use:   "workload NAME [DIR]",
		Short: "Write the document of a workload, as eksctl create iamserviceaccount makes one",
		Long: `Write the document of a workload: a ServiceAccount, its IAM role, and how the role's
credentials come to its pods. The flags are close to those of eksctl create
iamserviceaccount; what they say stays in DIR/workload-NAME.yaml. DIR is the
Environment's folder if it is left out. The whole Environment is checked with the
new file; if anything is at fault, and where the file is there already, nothing is
written.

With --apply it goes on as atlas-iam apply does on the clusters that --cluster names,
or on all: it shows the plan, asks, and makes it.`,
		Example: `  atlas-iam new workload external-dns --cluster test --preset external-dns --parameter hostedZoneIds=Z0123456789
  atlas-iam new workload s3-reader --cluster test -n web --attach-policy-arn arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess --apply`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return usage("as in: atlas-iam new workload yace --cluster test -n monitoring", "new workload needs a NAME, and takes one DIR at most")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.boundaryGiven = cmd.Flags().Changed("permissions-boundary")
			return runNewWorkload(cmd, p, &o, args[0], args[1:])
		},
	}
	o.addTo(cmd)
	cmd.SetFlagErrorFunc(eksctlFlag)
	ends(cmd, ok("written; with --apply done, or nothing to do"),
		ending{Failed, "with --apply: a change failed or was not made, or you did not confirm; the document is written"},
		ending{Held, "with --apply: something is held; the rest was made"}, couldNotAsk(),
		ending{Usage, "the command line or a document is at fault, or there is no terminal to ask on and no --yes; nothing was changed"})
	return cmd
}

func (o *newWorkloadFlags) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.cluster, "cluster", nil, "on this `cluster`, by its document's or by EKS's name; may be repeated")
	f.BoolVar(&o.allClusters, "all-clusters", false, "on every cluster of the Environment, also those that come later")
	f.StringVarP(&o.namespace, "namespace", "n", "", "the ServiceAccount's `namespace`, or a pattern; left out: the preset's")
	f.StringVar(&o.serviceAccount, "service-account", "", "the ServiceAccount's `name`, or a pattern; left out: the preset's, or NAME")
	f.StringVar(&o.credentials, "credentials", "", "PodIdentity or IRSA: how the `way` to credentials is; left out: PodIdentity, and IRSA for patterns")
	f.StringVar(&o.roleName, "role-name", "", "the `name` of the role to make; left out: NAME")
	f.StringVar(&o.roleARN, "attach-role-arn", "", "use this role of another's, by its `ARN`, and make none")
	f.StringSliceVar(&o.policies, "attach-policy-arn", nil, "attach this managed policy, by its `ARN`; may be repeated")
	f.StringSliceVar(&o.presets, "preset", nil, "give what this `add-on` needs, as docs/presets.md lists; may be repeated")
	f.StringArrayVar(&o.parameters, "parameter", nil, "of a preset: `NAME=VALUE`, with commas between several values; may be repeated")
	f.StringToStringVar(&o.tags, "tags", nil, "put these `KEY=VALUE` on the role; commas between several")
	f.StringVar(&o.boundary, "permissions-boundary", "", "bound the role by this policy, by its `ARN`; empty: by none")
	f.BoolVar(&o.roleOnly, "role-only", false, "write nothing of the ServiceAccount: a chart makes it")
	f.BoolVar(&o.override, "override-existing-serviceaccounts", false, "the ServiceAccount is there: write the role's annotation alone")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the document and write nothing")
	f.BoolVar(&o.applies, "apply", false, "then show the plan of these clusters, ask, and make it")
	f.BoolVar(&o.yes, "yes", false, "with --apply: do not ask; what is held stays held")
	f.BoolVar(&o.local, "local", false, "with --apply: use the embedded AWS instead of AWS")
	f.StringVar(&o.lab, "lab", "", "with --local: keep the embedded AWS's state in this `file`")
}

// eksctlFlag answers a flag of eksctl create iamserviceaccount that is another
// word here.
func eksctlFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		switch unknown.GetSpecifiedName() {
		case "name":
			return usage("the name is the argument, as in: atlas-iam new workload loki; --service-account names another ServiceAccount", "%s", err)
		case "approve":
			return usage("--apply --yes makes it; --apply alone asks first", "%s", err)
		}
	}
	return nearestFlag(cmd, err)
}

// checkNew holds the flags against each other.
func (o *newWorkloadFlags) checkNew() error {
	o.output = "text"
	if err := o.check("text"); err != nil {
		return err
	}
	switch {
	case o.allClusters && len(o.cluster) > 0:
		return usage("choose one", "--all-clusters and --cluster cannot both hold")
	case o.roleARN != "" && (o.roleName != "" || len(o.policies)+len(o.presets)+len(o.tags) > 0 || o.boundaryGiven):
		return usage("leave --attach-role-arn out for a role that is made", "a role of another's (--attach-role-arn) is never changed, so it takes no name, policies, presets, tags and boundary here")
	case o.roleOnly && o.override:
		return usage("choose one", "--role-only writes nothing of the ServiceAccount, and --override-existing-serviceaccounts its annotation")
	case len(o.parameters) > 0 && len(o.presets) == 0:
		return usage("name the preset with --preset", "--parameter is of a preset, and there is none")
	case o.dryRun && o.applies:
		return usage("choose one", "--dry-run writes nothing, so there is nothing to --apply")
	case !o.applies && (o.yes || o.local):
		return usage("add --apply", "--yes and --local are about applying")
	case o.credentials != "" && o.credentials != string(access.PodIdentity) && o.credentials != string(access.IRSA):
		hint := ""
		for _, way := range [...]access.Credentials{access.PodIdentity, access.IRSA} {
			if strings.EqualFold(string(way), strings.ReplaceAll(o.credentials, "-", "")) {
				hint = "did you mean --credentials " + string(way) + "?"
			}
		}
		return usage(hint, "--credentials %s is none of PodIdentity and IRSA", o.credentials)
	}
	return nil
}

func runNewWorkload(cmd *cobra.Command, p *Process, o *newWorkloadFlags, name string, dirs []string) error {
	if err := o.checkNew(); err != nil {
		return err
	}
	folder := strings.Join(dirs, "") // one at most
	base, err := documents.WorkloadFile(name)
	if err != nil {
		return usage("", "%w", err)
	}
	set, err := documents.Load(dirs)
	if err != nil {
		return p.documentError(set, err)
	}
	if len(set.Partial) > 0 { // DIR is a part of it
		if set, err = documents.Load([]string{set.Root}); err != nil {
			return p.documentError(set, err)
		}
	}
	w, err := o.workload(set, name)
	if err != nil {
		return err
	}
	text := documents.WorkloadText(w)
	with, file, err := documents.LoadWith(folder, base, text)
	var want *access.State
	if err == nil {
		want, err = desired.Compile(with)
	}
	var faults documents.Faults
	switch {
	case errors.As(err, &faults):
		for _, f := range faults {
			fmt.Fprintln(p.Stderr, report.Safe(f.String()))
		}
		return usage("lines of "+file+" are those it would have", "%s; nothing was written", faults.Summary(with.Files))
	case err != nil:
		return usage("take another NAME or DIR", "%w", err)
	}
	for _, n := range want.Notes {
		if n.Place.File == file {
			p.say("%s: %s: %s", n.Place, n.Slug, n.Text)
		}
	}
	if o.credentials == "" && w.Spec.Credentials == string(access.PodIdentity) {
		p.say("by Pod Identity; --credentials IRSA is eksctl's way")
	}
	if o.dryRun {
		_, err := p.Stdout.Write(text)
		return err
	}
	if err := createFile(file, text, 0o644); err != nil {
		return usage("", "%w", err)
	}
	fmt.Fprintln(p.Stdout, report.Safe("wrote "+file))
	if sa := w.Spec.ServiceAccounts[0]; sa.Manage != "" && sa.Namespace != "default" && !strings.HasPrefix(sa.Namespace, "kube-") {
		p.say("the namespace must be there before apply; if it is not: kubectl create namespace %s", sa.Namespace)
	}
	if !o.applies {
		p.say("next: %s", report.ShellLine(slices.Concat([]string{"atlas-iam", "apply"}, o.again(), []string{set.Root})))
		return nil
	}
	return runApply(cmd.Context(), p, &o.writeFlags, []string{set.Root}, o.options(cmd))
}

// workload is the document that the flags say.
func (o *newWorkloadFlags) workload(set *documents.Set, name string) (*v1alpha1.Workload, error) {
	for _, other := range set.Workloads {
		if other.Value.Name == name {
			return nil, usage("take another name, or change that document", "there is a Workload %s at %s", name, other.At())
		}
	}
	w := &v1alpha1.Workload{ObjectMeta: v1alpha1.ObjectMeta{Name: name}}
	var err error
	if w.Spec.Clusters, err = o.selector(set); err != nil {
		return nil, err
	}
	used, err := o.usedPresets()
	if err != nil {
		return nil, err
	}
	role := &w.Spec.Role
	role.Existing, role.ManagedPolicies, role.Tags = o.roleARN, o.policies, o.tags
	if o.roleARN == "" {
		role.Name = cmp.Or(o.roleName, name)
	}
	if o.boundaryGiven {
		role.PermissionsBoundary = &o.boundary
	}
	if role.Presets, err = o.parametersOf(used); err != nil {
		return nil, err
	}
	account := v1alpha1.ServiceAccount{Namespace: o.namespace, Name: o.serviceAccount}
	if len(used) > 0 && len(used[0].ServiceAccounts) > 0 {
		account.Namespace = cmp.Or(account.Namespace, used[0].ServiceAccounts[0].Namespace)
		account.Name = cmp.Or(account.Name, used[0].ServiceAccounts[0].Name)
	}
	account.Name = cmp.Or(account.Name, name)
	if account.Namespace == "" {
		return nil, usage("as in: -n monitoring", "new workload needs the ServiceAccount's namespace")
	}
	pattern := strings.Contains(account.Namespace+account.Name, "*")
	if w.Spec.Credentials = o.credentials; w.Spec.Credentials == "" {
		w.Spec.Credentials = string(access.PodIdentity)
		if pattern {
			w.Spec.Credentials = string(access.IRSA)
		}
	}
	switch {
	case pattern || o.roleOnly:
	case !o.override:
		account.Manage = string(access.ManageCreate)
	case w.Spec.Credentials == string(access.IRSA):
		account.Manage = string(access.ManageAnnotate)
	}
	w.Spec.ServiceAccounts = []v1alpha1.ServiceAccount{account}
	return w, nil
}

// selector is what --cluster and --all-clusters say.
func (o *newWorkloadFlags) selector(set *documents.Set) (v1alpha1.ClusterSelector, error) {
	if o.allClusters {
		return v1alpha1.ClusterSelector{All: true}, nil
	}
	names := map[string]string{} // document by either name
	for _, c := range set.Clusters {
		if c.Value.Spec.ClusterName != "" {
			names[c.Value.Spec.ClusterName] = c.Value.Name
		}
	}
	var all []string
	for _, c := range set.Clusters {
		names[c.Value.Name] = c.Value.Name
		all = append(all, c.Value.Name)
	}
	slices.Sort(all)
	if len(o.cluster) == 0 {
		return v1alpha1.ClusterSelector{}, usage("there are "+strings.Join(all, ", "), "say where: --cluster NAME, or --all-clusters")
	}
	var out v1alpha1.ClusterSelector
	for _, c := range o.cluster {
		document, ok := names[c]
		if !ok {
			return out, usage(meant("--cluster", c, all), "--cluster %s: no document names that cluster", c)
		}
		out.Names = append(out.Names, document)
	}
	return out, nil
}

// wellKnown are eksctl's names of policies, wellKnownPolicies in its
// configuration, as our presets. (eksctl User Guide, "IAM policies"; empty:
// there is none)
func wellKnown() map[string]string {
	return map[string]string{
		"awsLoadBalancerController": "aws-load-balancer-controller", "ebsCSIController": "aws-ebs-csi-driver", "efsCSIController": "aws-efs-csi-driver",
		"externalDNS": "external-dns", "certManager": "cert-manager", "autoScaler": "", "imageBuilder": "",
	}
}

func (o *newWorkloadFlags) usedPresets() ([]presets.Preset, error) {
	var used []presets.Preset
	for _, word := range o.presets {
		name, known := wellKnown()[word]
		if known && name == "" {
			return nil, usage("write its statements into the document, or give a policy by --attach-policy-arn", "--preset %s: this version has none for it", word)
		}
		if !known {
			name = word
		}
		p, ok := presets.Find(name)
		if !ok {
			names := slices.Collect(maps.Keys(wellKnown()))
			for _, q := range presets.All() {
				names = append(append(names, q.Name), q.Aliases...)
			}
			slices.Sort(names)
			hint := meant("--preset", word, names)
			if hint == "" {
				hint = "docs/presets.md lists them"
			}
			return nil, usage(hint, "--preset %s: there is no such preset", word)
		}
		used = append(used, p)
	}
	return used, nil
}

// parametersOf gives each parameter to the presets that take it.
func (o *newWorkloadFlags) parametersOf(used []presets.Preset) ([]v1alpha1.Preset, error) {
	out := make([]v1alpha1.Preset, len(used))
	for i := range used {
		out[i].Name = used[i].Name
	}
	for _, given := range o.parameters {
		name, values, ok := strings.Cut(given, "=")
		if !ok {
			return nil, usage("as in: --parameter hostedZoneIds=Z0123456789", "--parameter %s has no value", given)
		}
		taken := false
		var names []string
		for i := range used {
			for _, q := range used[i].Parameters {
				names = append(names, q.Name)
			}
			if _, ok := used[i].Parameter(name); !ok {
				continue
			}
			taken = true
			if out[i].Parameters == nil {
				out[i].Parameters = map[string]v1alpha1.Values{}
			}
			out[i].Parameters[name] = append(out[i].Parameters[name], strings.Split(values, ",")...)
		}
		if !taken {
			return nil, usage(meant("--parameter", name, names), "--parameter %s: no preset here takes it", name)
		}
	}
	for i := range used {
		for _, q := range used[i].Parameters {
			if q.Required && len(out[i].Parameters[q.Name]) == 0 {
				return nil, usage("as in: --parameter "+q.Name+"=VALUE; docs/presets.md says of what form", "preset %s needs %s", used[i].Name, q.Name)
			}
		}
	}
	return out, nil
}
