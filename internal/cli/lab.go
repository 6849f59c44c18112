package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/internal/lab"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

func newLab(p *Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "The embedded AWS: serve it, use it from other tools",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLabServe(p), newLabEnv(p), newLabSeed(p))
	return cmd
}

type serveFlags struct {
	listen, file, output string
	latency, consistency time.Duration
	rate, faultRate      float64
	faultSeed            uint64
	kubernetes           bool
}

func newLabServe(p *Process) *cobra.Command {
	var o serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the embedded AWS on this machine, for any AWS client",
		Args:  noPaths,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := common{output: o.output}
			if err := c.check("text", "json"); err != nil {
				return err
			}
			if o.faultRate < 0 || o.faultRate > 1 {
				return usage("a share from 0 to 1", "--fault-rate %v", o.faultRate)
			}
			if o.consistency < 0 {
				return usage("as in: --consistency 3s", "--consistency %s is less than nothing", o.consistency)
			}
			return runServe(cmd.Context(), p, &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:4566", "`address` on loopback; port 0 takes a free one")
	f.StringVar(&o.file, "lab", lab.DefaultFile, "keep the embedded AWS's state in this `file`")
	f.BoolVar(&o.kubernetes, "kubernetes", false, "run a real Kubernetes API server for each cluster")
	f.StringVarP(&o.output, "output", "o", "text", "print the endpoint as `format`: text or json")
	f.DurationVar(&o.latency, "latency", 0, "let each answer take this `time`, such as 20ms")
	f.DurationVar(&o.consistency, "consistency", 0, "let lists and descriptions show a change this `time` after it was made, as AWS's do: 3s")
	f.Float64Var(&o.rate, "rate", 0, "throttle above this many `calls` a second of an account, Region and service")
	f.Float64Var(&o.faultRate, "fault-rate", 0, "let this `share` of calls fail, from 0 to 1")
	ends(cmd, ok("ended by Ctrl-C"), ending{CouldNotAsk, "the file or the address is in use or cannot be opened; or atlas-iam-kubelab is not there"}, invalid())
	f.Uint64Var(&o.faultSeed, "fault-seed", 0, "draw the failures from this `seed`; the same seed gives the same failures")
	return cmd
}

func runServe(ctx context.Context, p *Process, o *serveFlags) error {
	ctx, done := p.cancelled(ctx)
	defer done()
	options := emulator.Options{File: o.file, Now: p.Now, Latency: o.latency, Consistency: o.consistency, Rate: o.rate, FaultRate: o.faultRate, FaultSeed: o.faultSeed}
	ready := func(endpoint string) {
		if o.output == "json" {
			b, err := json.Marshal(map[string]string{"endpoint": endpoint, "lab": o.file})
			if err == nil {
				fmt.Fprintln(p.Stdout, string(b))
			}
			return
		}
		fmt.Fprintf(p.Stdout, "%s\n", endpoint)
		p.say(`the lab is served; in another shell: eval "$(atlas-iam lab env --endpoint %s)"`, endpoint)
	}
	var k *lab.Kubernetes
	if o.kubernetes {
		program, err := lab.FindKubelab(p.Getenv)
		if err != nil {
			return unasked(err, "in a clone of atlas-iam, make kubelab builds it; ATLAS_IAM_KUBELAB names one elsewhere")
		}
		k = &lab.Kubernetes{Program: program, Say: p.say}
	}
	if err := lab.Serve(ctx, o.listen, options, k, ready); err != nil {
		if strings.Contains(err.Error(), "loopback") {
			return usage("listen on 127.0.0.1", "%w", err)
		}
		return unasked(err, "")
	}
	return nil
}

func newLabEnv(p *Process) *cobra.Command {
	var endpoint, account string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print shell lines that lead AWS clients to a served lab",
		Example: `  eval "$(atlas-iam lab env --endpoint http://127.0.0.1:4566)"
  aws eks list-clusters`,
		Args: noPaths,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			endpoint = p.servedAt(endpoint)
			l, err := dial(cmd.Context(), endpoint)
			if err != nil {
				return err
			}
			defer closing(&err, l.Close)
			k, err := l.Env(cmd.Context(), account)
			if err != nil {
				return unasked(err, "--account says which; atlas-iam lab seed makes what documents name")
			}
			for _, line := range [][2]string{
				{"AWS_ENDPOINT_URL", endpoint}, {"AWS_ACCESS_KEY_ID", k.AccessKeyID}, {"AWS_SECRET_ACCESS_KEY", k.SecretAccessKey},
				{"AWS_SESSION_TOKEN", k.SessionToken}, {"AWS_REGION", k.Region}, {"AWS_DEFAULT_REGION", k.Region},
			} {
				if line[1] != "" {
					fmt.Fprintf(p.Stdout, "export %s=%s\n", line[0], report.Quote(line[1]))
				}
			}
			return nil
		},
	}
	addEndpoint(cmd, &endpoint)
	ends(cmd, ok("printed"), ending{CouldNotAsk, "no lab is served there, or it has no such account"}, invalid())
	cmd.Flags().StringVar(&account, "account", "", "the keys of this account, by its twelve `digits`; left out: the lab's only one")
	return cmd
}

func newLabSeed(p *Process) *cobra.Command {
	var endpoint string
	c := common{output: "text"}
	cmd := &cobra.Command{
		Use:   "seed PATH...",
		Short: "Make in a served lab what documents name",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) (err error) {
			f := &flow{p: p, c: &c}
			if err := f.read(paths); err != nil {
				return err
			}
			if f.lab, err = dial(cmd.Context(), p.servedAt(endpoint)); err != nil {
				return err
			}
			defer closing(&err, f.close)
			return f.seed(cmd.Context())
		},
	}
	addEndpoint(cmd, &endpoint)
	ends(cmd, ok("all that the documents name is there"), ending{CouldNotAsk, "no lab is served there"}, invalid())
	cmd.Flags().BoolVarP(&c.quiet, "quiet", "q", false, "do not say what was made")
	return cmd
}

// labEndpoint is where lab serve listens if it is not told.
const labEndpoint = "http://127.0.0.1:4566"

func addEndpoint(cmd *cobra.Command, endpoint *string) {
	cmd.Flags().StringVar(endpoint, "endpoint", "", "the `URL` where the lab is served (default: AWS_ENDPOINT_URL, or else "+labEndpoint+")")
}

// servedAt is where the lab is served: as told, where lab env led the shell, or
// where it is by itself.
func (p *Process) servedAt(told string) string {
	return cmp.Or(told, p.Getenv("AWS_ENDPOINT_URL"), labEndpoint)
}

func dial(ctx context.Context, endpoint string) (*lab.Lab, error) {
	l, err := lab.Dial(ctx, endpoint)
	if err != nil {
		return nil, unasked(err, "atlas-iam lab serve serves one; --endpoint says where")
	}
	return l, nil
}

// labFile is the lab of an Environment's folder.
func labFile(root string) string { return filepath.Join(root, filepath.FromSlash(lab.DefaultFile)) }
