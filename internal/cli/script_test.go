package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the scripts' golden texts anew")

// TestMain makes the test binary the command, so that scripts run the real one
// without building it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"atlas-iam": func() {
		interrupts := make(chan os.Signal, 2)
		signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
		os.Exit(int(Main(context.Background(), os.Args[1:], &Process{
			Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Now: time.Now, Random: rand.Reader,
			Terminal: IsTerminal, Interrupts: interrupts,
		})))
	}})
}

// Scripts are what a user types. Besides testscript's own commands they know
//
//	exits CODE COMMAND...   COMMAND ends with exactly this code
//	endpoint NAME FILE      waits until FILE's lab is served, and sets $NAME
//	await FILE TEXT         waits until FILE has TEXT
//	assume ...                  see assume
//	get CODE URL [HOST]     GET, under a Host header if given, answers CODE
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "endpoint": endpoint, "get": get, "await": await, "assume": assume,
		},
		Setup: func(e *testscript.Env) error {
			if err := copyExamples(filepath.Join(e.WorkDir, "examples")); err != nil {
				return err
			}
			e.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			e.Setenv("AWS_CONFIG_FILE", e.WorkDir+"/no-config")
			e.Setenv("AWS_SHARED_CREDENTIALS_FILE", e.WorkDir+"/no-credentials")
			return nil
		},
	})
}

// copyExamples copies the examples without the labs that were tried on them.
func copyExamples(to string) error {
	if err := os.CopyFS(to, os.DirFS("../../examples")); err != nil {
		return err
	}
	labs, err := filepath.Glob(filepath.Join(to, "*", ".atlas-iam"))
	for _, lab := range labs {
		err = errors.Join(err, os.RemoveAll(lab))
	}
	return err
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit interface{ ExitCode() int }
		if e, ok := err.(interface{ ExitCode() int }); ok {
			exit = e
		} else {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func endpoint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: endpoint NAME FILE")
	}
	file := ts.MkAbs(args[1]) + ".endpoint"
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(file)
		var n struct{ Endpoint string }
		if err == nil && json.Unmarshal(b, &n) == nil && n.Endpoint != "" {
			ts.Setenv(args[0], n.Endpoint)
			return
		}
	}
	ts.Fatalf("no lab was served for %s", args[1])
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if b, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(b), args[1]) {
			return
		}
	}
	ts.Fatalf("%s never had %q", args[0], args[1])
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: get CODE URL [HOST]")
	}
	req, err := http.NewRequest(http.MethodGet, args[1], nil)
	ts.Check(err)
	if len(args) > 2 {
		req.Host = args[2]
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if fmt.Sprint(resp.StatusCode) != args[0] {
		ts.Fatalf("GET %s: %s, want %s: %s", args[1], resp.Status, args[0], strings.TrimSpace(string(body)))
	}
}
