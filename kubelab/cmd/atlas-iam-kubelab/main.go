// Command atlas-iam-kubelab is the Kubernetes beside one cluster of the lab: a
// real API server, wired as Amazon EKS wires it. `atlas-iam lab serve
// --kubernetes` starts one for each cluster.
//
// The environment variable ATLAS_IAM_KUBELAB_TOKEN holds the token with which
// the lab knows it. It prints one line of JSON when it is ready. It ends on
// SIGTERM and SIGINT, and when its standard input ends: a parent that holds
// the other end of it takes its children along, however it dies.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/atlas-iam/atlas-iam/kubelab/internal/controlplane"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("ATLAS_IAM_KUBELAB_TOKEN"), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "atlas-iam-kubelab:", err)
		os.Exit(1)
	}
}

func run(args []string, token string, stdin io.Reader, stdout io.Writer) error {
	o := controlplane.Options{Token: token}
	f := flag.NewFlagSet("atlas-iam-kubelab", flag.ContinueOnError)
	f.StringVar(&o.Lab, "lab", "", "the lab's `URL`")
	f.StringVar(&o.Account, "account", "", "the cluster's account, by its twelve `digits`")
	f.StringVar(&o.Region, "region", "", "the cluster's `region`")
	f.StringVar(&o.Name, "name", "", "the cluster's `name`")
	f.StringVar(&o.Dir, "data", "", "keep the cluster's state and private keys in this `folder`")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "`address` on loopback; port 0 takes the port of the last time, else a free one")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("read the arguments: %q is none", f.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // ends when the parent does
		cancel()
	}()
	return controlplane.Run(ctx, o, func(r controlplane.Ready) error {
		b, err := json.Marshal(r)
		if err == nil {
			_, err = fmt.Fprintln(stdout, string(b))
		}
		if err != nil {
			return fmt.Errorf("say that the cluster is ready: %w", err)
		}
		return nil
	})
}
