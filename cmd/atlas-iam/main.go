// Command atlas-iam is access as code for Amazon EKS. See package internal/cli.
package main

import (
	"context"
	"crypto/rand"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/atlas-iam/atlas-iam/internal/cli"
)

func main() {
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	os.Exit(int(cli.Main(context.Background(), os.Args[1:], &cli.Process{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, Random: rand.Reader,
		Terminal: cli.IsTerminal, Interrupts: interrupts,
	})))
}
