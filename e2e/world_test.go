//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/cli"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/lab"
)

// world is a folder of documents and a lab that is served on loopback, so that
// commands run on it as they do beside `lab serve`: --local finds the lab by
// its file. The lab's hooks, clock and journal are the test's.
type world struct {
	t        *testing.T
	dir      string // the Environment's folder
	file     string // the lab's
	endpoint string
	lab      *lab.Lab
	journal  journal
	clock    clock
	accounts []access.Account // of the folder's Environment, to look into the lab with
	stop     func()           // ends the serving; the file is then whole
	slow     time.Duration    // by which the commands' clock is behind the lab's

	mu    sync.Mutex // guards fault
	fault func(*call.Call) *emulator.Fault
}

// clock is the lab's and the commands' time: the system's, and what the test
// added. The SDK signs by the system's clock, which may be 15 minutes off.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// pass lets time pass, without waiting for it.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// journal is the lab's, read as it is written.
type journal struct {
	mu    sync.Mutex
	lines []call.Write
}

// Write takes one line of JSON, as the lab writes them.
func (j *journal) Write(b []byte) (int, error) {
	var w call.Write
	if err := json.Unmarshal(b, &w); err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, w)
	return len(b), nil
}

func (j *journal) all() []call.Write {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// newWorld serves a lab beside a copy of a folder of documents; an empty name
// leaves the folder to the test. The lab is a copy of the file, or empty.
func newWorld(t *testing.T, documents, file string, accounts ...access.Account) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "access"), accounts: accounts}
	w.file = filepath.Join(t.TempDir(), "lab.db")
	if documents != "" {
		if err := errors.Join(os.CopyFS(w.dir, os.DirFS(documents)), os.RemoveAll(filepath.Join(w.dir, ".atlas-iam"))); err != nil {
			t.Fatal(err)
		}
	}
	if file != "" {
		b, err := os.ReadFile(file)
		if err := errors.Join(err, os.WriteFile(w.file, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	w.serve()
	return w
}

func (w *world) serve() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	options := emulator.Options{File: w.file, NoSync: true, Now: w.clock.now, Journal: &w.journal, Fault: w.faultOf}
	go func() { ended <- lab.Serve(ctx, "127.0.0.1:0", options, nil, func(e string) { ready <- e }) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("serve the lab: %v", err)
		}
	})
	w.t.Cleanup(w.stop)
	select {
	case w.endpoint = <-ready:
	case err := <-ended:
		ended <- nil
		w.t.Fatalf("serve the lab: %v", err)
	}
	l, err := lab.Dial(w.t.Context(), w.endpoint)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	w.lab = l
}

// faultOf asks the test's hook without the lock, so that it may call the lab.
func (w *world) faultOf(c *call.Call) *emulator.Fault {
	w.mu.Lock()
	fault := w.fault
	w.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(c)
}

// failing sets what goes wrong from now on; nil: nothing.
func (w *world) failing(f func(*call.Call) *emulator.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

// denied lets AWS answer 403 to the calls that match.
func (w *world) denied(match func(*call.Call) bool) {
	w.failing(func(c *call.Call) *emulator.Fault {
		if match(c) {
			return &emulator.Fault{Kind: emulator.FaultDeny}
		}
		return nil
	})
}

// ran is what came of a command.
type ran struct {
	code     cli.Code
	out, err string
	calls    []call.Write // EKS's writes about access that took effect meanwhile
}

// aboutAccess are the operations that a plan can lead to.
var aboutAccess = []string{"CreateAccessEntry", "UpdateAccessEntry", "DeleteAccessEntry", "AssociateAccessPolicy", "DisassociateAccessPolicy",
	"TagResource", "UntagResource", "UpdateClusterConfig"}

// run runs a command on the folder and its lab. The folder is the working
// directory's stand-in: "." in args is the folder, and "./x" beneath it.
func (w *world) run(args ...string) ran {
	w.t.Helper()
	return w.bare(append(w.beneath(args), "--local", "--lab", w.file)...)
}

func (w *world) beneath(args []string) []string {
	var line []string
	for _, a := range args {
		if a == "." || strings.HasPrefix(a, "./") {
			a = filepath.Join(w.dir, a)
		}
		line = append(line, a)
	}
	return line
}

// bare runs a command line as it is.
func (w *world) bare(args ...string) ran {
	before := len(w.journal.all())
	var stdout, stderr bytes.Buffer
	code := cli.Main(w.t.Context(), args, &cli.Process{
		Stdin: strings.NewReader("yes\n"), Stdout: &stdout, Stderr: &stderr, Getenv: os.Getenv,
		Now:    func() time.Time { return w.clock.now().Add(-w.slow) },
		Random: zeroes{}, Terminal: func(any) bool { return false }, Interrupts: make(chan os.Signal),
	})
	r := ran{code: code, out: stdout.String(), err: stderr.String()}
	for _, c := range w.journal.all()[before:] {
		if c.Service == "eks" && slices.Contains(aboutAccess, c.Operation) {
			r.calls = append(r.calls, c)
		}
	}
	return r
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// writes are the lines of what a command wrote.
func (w *world) writes(r ran) []string {
	w.t.Helper()
	var lines []string
	for _, c := range r.calls {
		lines = append(lines, line(w.t, c))
	}
	return lines
}

// ends fails unless the command ended with a code.
func (r ran) ends(t *testing.T, code cli.Code) ran {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	return r
}

// says fails unless stdout or stderr has all the texts.
func (r ran) says(t *testing.T, texts ...string) ran {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(r.out, s) && !strings.Contains(r.err, s) {
			t.Fatalf("nothing says %q:\n%s%s", s, r.out, r.err)
		}
	}
	return r
}

// nothingToDo fails unless a plan of the folder is one line and a second
// apply writes nothing.
func (w *world) nothingToDo() {
	w.t.Helper()
	r := w.run("apply", "--yes", ".").ends(w.t, cli.OK)
	sameWrites(w.t, w.writes(r), "")
	if !strings.HasPrefix(r.out, "No changes.") || strings.Count(r.out, "\n") != 1 {
		w.t.Fatalf("a plan with nothing to do is not one line:\n%s", r.out)
	}
}

// edit replaces the one place in a document that has text.
func (w *world) edit(file, text, by string) {
	w.t.Helper()
	name := filepath.Join(w.dir, filepath.FromSlash(file))
	b, err := os.ReadFile(name)
	if err != nil {
		w.t.Fatal(err)
	}
	if n := strings.Count(string(b), text); n != 1 {
		w.t.Fatalf("%s has %q %d times", file, text, n)
	}
	w.write(file, strings.Replace(string(b), text, by, 1))
}

// write writes a document whole.
func (w *world) write(file, text string) {
	w.t.Helper()
	name := filepath.Join(w.dir, filepath.FromSlash(file))
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(file string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, filepath.FromSlash(file))); err != nil {
		w.t.Fatal(err)
	}
}

// move takes a folder of documents away, moveBack brings it.
func (w *world) move(folder, to string)       { w.rename(filepath.Join(w.dir, folder), to) }
func (w *world) moveBack(from, folder string) { w.rename(from, filepath.Join(w.dir, folder)) }

func (w *world) rename(from, to string) {
	w.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(from, to)); err != nil {
		w.t.Fatal(err)
	}
}

// outside is AWS as others use it: clients of the lab's own caller, which no
// document names.
func (w *world) outside() *cloud.Cloud {
	w.t.Helper()
	c, err := cloud.Open(w.t.Context(), w.accounts, w.lab.CloudOptions(cloud.Options{}))
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) eks(account, region string) *eks.Client { return w.outside().EKS(account, region) }

func (w *world) iam(account string) *iam.Client { return w.outside().IAM(account) }

// entries gives every access entry of the world that keep wants, with its
// policies, as the bytes that AWS sends, all times included.
func (w *world) entries(keep func(tags map[string]string) bool) map[string]string {
	w.t.Helper()
	all, c := map[string]string{}, w.outside()
	for _, a := range w.accounts {
		for _, region := range a.Regions {
			client := c.EKS(a.ID, region)
			clusters, err := client.ListClusters(w.t.Context(), &eks.ListClustersInput{})
			if err != nil {
				w.t.Fatal(err)
			}
			for _, name := range clusters.Clusters {
				list, err := client.ListAccessEntries(w.t.Context(), &eks.ListAccessEntriesInput{ClusterName: &name})
				if err != nil {
					continue // CONFIG_MAP: there are none
				}
				for _, arn := range list.AccessEntries {
					var raw recorder
					e, err := client.DescribeAccessEntry(w.t.Context(), &eks.DescribeAccessEntryInput{ClusterName: &name, PrincipalArn: &arn}, raw.option)
					if err != nil {
						w.t.Fatal(err)
					}
					if _, err := client.ListAssociatedAccessPolicies(w.t.Context(), &eks.ListAssociatedAccessPoliciesInput{ClusterName: &name, PrincipalArn: &arn}, raw.option); err != nil {
						w.t.Fatal(err)
					}
					if keep(e.AccessEntry.Tags) {
						all[name+" "+arn] = raw.canonical(w.t)
					}
				}
			}
		}
	}
	return all
}

// recorder keeps the bodies of a client's answers.
type recorder struct{ bytes.Buffer }

// canonical are the bodies with the keys of objects in order: neither AWS nor
// the lab promises one.
func (r *recorder) canonical(t testing.TB) string {
	t.Helper()
	var out bytes.Buffer
	for d := json.NewDecoder(&r.Buffer); ; {
		d.UseNumber()
		var v any
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return out.String()
		} else if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
}

func (r *recorder) option(o *eks.Options) { o.HTTPClient = recording{o.HTTPClient, r} }

type recording struct {
	eks.HTTPClient
	into io.Writer
}

func (r recording) Do(req *http.Request) (*http.Response, error) {
	resp, err := r.HTTPClient.Do(req)
	if err != nil {
		return resp, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(resp.Body, r.into), resp.Body}
	return resp, nil
}
