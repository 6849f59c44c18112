package lab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
)

// kubelab is the program that runs one cluster's API server; a module of its
// own, for it is larger than all else together.
const kubelab = "atlas-iam-kubelab"

// Kubernetes makes a served lab one whose clusters have real API servers.
type Kubernetes struct {
	Program string                           // as FindKubelab finds it
	Say     func(format string, args ...any) // tells a person of what comes and goes
}

// FindKubelab finds the program that runs an API server: what the environment
// variable ATLAS_IAM_KUBELAB names, beside this program, or on PATH.
func FindKubelab(getenv func(string) string) (string, error) {
	if named := getenv("ATLAS_IAM_KUBELAB"); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("find the program that ATLAS_IAM_KUBELAB names: %w", err)
		}
		return filepath.Abs(path)
	}
	if self, err := os.Executable(); err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), kubelab)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(kubelab)
	if err != nil {
		return "", fmt.Errorf("find %s, which runs the clusters' API servers: it is not beside atlas-iam and not on PATH", kubelab)
	}
	return filepath.Abs(path)
}

// startsAtOnce is how many API servers may be starting: each keeps a processor
// busy for some seconds.
const startsAtOnce = 2

// fleet is the API servers of a served lab, one for each cluster that is there.
type fleet struct {
	Kubernetes
	server   *emulator.Server
	endpoint string // of the lab
	dir      string // a folder for each cluster, by the id of its issuer
	starting chan struct{}

	mu      sync.Mutex
	members map[string]*apiServer // by the id of the issuer
	ended   chan struct{}         // told when a member is gone
}

// apiServer is that of one cluster.
type apiServer struct {
	cluster eks.Cluster
	stop    context.CancelFunc
	settled chan struct{} // closed when it was first ready, or failed

	// Guarded by fleet.mu.
	deleted bool               // its cluster is
	key     string             // the id of the key with which it was started to sign
	anew    context.CancelFunc // ends the program, which is started again at once; nil: it does not run
	ending  bool               // anew was called
}

// folder is where the API servers of a lab in file keep their state.
func folder(file string) string { return strings.TrimSuffix(file, filepath.Ext(file)) + ".kubernetes" }

func newFleet(k Kubernetes, server *emulator.Server, endpoint, dir string) *fleet {
	return &fleet{
		Kubernetes: k, server: server, endpoint: endpoint, dir: dir, starting: make(chan struct{}, startsAtOnce),
		members: map[string]*apiServer{}, ended: make(chan struct{}, 1),
	}
}

// start starts the API servers of the clusters that are there and waits until
// each is ready or has failed. The folders of clusters that are gone go.
func (f *fleet) start(ctx context.Context) error {
	if err := f.tidy(); err != nil {
		return fmt.Errorf("start the clusters' API servers: %w", err)
	}
	if err := f.match(ctx); err != nil {
		return fmt.Errorf("start the clusters' API servers: %w", err)
	}
	f.mu.Lock()
	var first []*apiServer
	for _, m := range f.members {
		first = append(first, m)
	}
	f.mu.Unlock()
	for _, m := range first {
		<-m.settled
	}
	return nil
}

var issuerID = regexp.MustCompile(`^[0-9A-F]{32}$`)

// tidy removes the folders of clusters that were deleted while nobody looked.
func (f *fleet) tidy() error {
	found, err := os.ReadDir(f.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	clusters, err2 := f.server.Clusters()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	for _, d := range found {
		if issuerID.MatchString(d.Name()) && !slices.ContainsFunc(clusters, func(c eks.Cluster) bool { return c.ID == d.Name() }) {
			if err := os.RemoveAll(filepath.Join(f.dir, d.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep starts and ends API servers as clusters come and go, until ctx ends;
// then it ends them all.
func (f *fleet) keep(ctx context.Context) {
	again := time.NewTicker(time.Second) // a cluster that is being deleted is gone only later
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			for f.count() > 0 {
				<-f.ended
			}
			return
		case <-f.server.ClustersChanged():
		case <-f.ended:
		case <-again.C:
		}
		if err := f.match(ctx); err != nil {
			f.Say("the lab's clusters cannot be listed: %v", err)
		}
	}
}

func (f *fleet) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.members)
}

// match makes the members those of the clusters that are there. One whose name
// an ending member still has waits for that one.
func (f *fleet) match(ctx context.Context) error {
	clusters, err := f.server.Clusters()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	names := map[call.ClusterKey]bool{}
	for id, m := range f.members {
		names[m.cluster.ClusterKey] = true
		if !slices.ContainsFunc(clusters, func(c eks.Cluster) bool { return c.ID == id }) {
			m.deleted = true
			m.stop()
			continue
		}
		if key, err := f.server.SigningKey(m.cluster); err == nil && m.anew != nil && !m.ending && key != m.key {
			m.ending = true
			m.anew()
		}
	}
	for _, c := range clusters {
		if names[c.ClusterKey] || ctx.Err() != nil {
			continue
		}
		own, stop := context.WithCancel(ctx)
		m := &apiServer{cluster: c, stop: stop, settled: make(chan struct{})}
		f.members[c.ID] = m
		go f.run(own, m)
	}
	return nil
}

// run keeps a cluster's API server running until ctx ends. One that ends by
// itself is started again, after a while; one that never was ready fails its
// cluster, if that was being made.
func (f *fleet) run(ctx context.Context, m *apiServer) {
	settle := sync.OnceFunc(func() { close(m.settled) })
	defer f.leave(m, settle)
	waited := m.cluster.Awaits
	for pause := time.Second; ctx.Err() == nil; pause = min(2*pause, time.Minute) {
		began := time.Now()
		rotated, err := f.turn(ctx, m, func() { waited = false; settle() })
		if ctx.Err() != nil {
			return
		}
		if rotated {
			f.Say("cluster %s: its ServiceAccount tokens have a new key; its API server starts again", m.cluster.Name)
			continue
		}
		f.Say("the API server of cluster %s ended: %v", m.cluster.Name, err)
		if err := f.server.APIServerEnded(m.cluster, err.Error()); err != nil {
			f.Say("the lab cannot note that: %v", err)
		}
		settle()
		if waited {
			<-ctx.Done() // the cluster has failed
			return
		}
		if time.Since(began) > time.Minute {
			pause = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// turn runs the program once, with the keys that its cluster has now, and
// reports whether it was ended because they are others.
func (f *fleet) turn(ctx context.Context, m *apiServer, settled func()) (rotated bool, err error) {
	key, err := f.server.SigningKey(m.cluster)
	if err != nil {
		return false, fmt.Errorf("find its signing key: %w", err)
	}
	own, anew := context.WithCancel(ctx)
	defer anew()
	f.mu.Lock()
	m.key, m.anew, m.ending = key, anew, false
	f.mu.Unlock()
	err = f.once(own, m.cluster, settled)
	f.mu.Lock()
	defer f.mu.Unlock()
	m.anew = nil
	return m.ending, err
}

// leave takes a member whose API server has ended out of the fleet.
func (f *fleet) leave(m *apiServer, settle func()) {
	if err := f.server.APIServerEnded(m.cluster, ""); err != nil {
		f.Say("the lab cannot note that the API server of cluster %s ended: %v", m.cluster.Name, err)
	}
	settle()
	f.mu.Lock()
	delete(f.members, m.cluster.ID)
	deleted := m.deleted
	f.mu.Unlock()
	if deleted {
		if err := os.RemoveAll(filepath.Join(f.dir, m.cluster.ID)); err != nil {
			f.Say("the folder of the deleted cluster %s stays: %v", m.cluster.Name, err)
		}
	}
	select {
	case f.ended <- struct{}{}:
	default:
	}
}

// ready is the line that the program prints when its API server serves.
type ready struct {
	Endpoint             string `json:"endpoint"`
	CertificateAuthority string `json:"certificateAuthority"`
}

// grace is how long an API server may take to end.
const grace = 15 * time.Second

// once runs the program to its end, which is an error unless ctx asks for it,
// and calls settled when its API server serves. It holds the other end of the program's standard input: whatever becomes of
// this process, the program ends with it.
func (f *fleet) once(ctx context.Context, c eks.Cluster, settled func()) error {
	select {
	case f.starting <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	started := sync.OnceFunc(func() { <-f.starting })
	defer started()
	dir := filepath.Join(f.dir, c.ID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make its folder: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open its log: %w", err)
	}
	defer log.Close()
	var last tail
	cmd := exec.Command(f.Program, "-lab", f.endpoint, "-account", c.Account, "-region", c.Region, "-name", c.Name, "-data", dir)
	cmd.Env = append(withoutAWS(os.Environ()), "ATLAS_IAM_KUBELAB_TOKEN="+f.server.APIServerToken(c.ClusterKey))
	cmd.Stderr = io.MultiWriter(log, &last)
	hold, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := context.AfterFunc(ctx, func() {
		_ = hold.Close() // asks it to end
		time.AfterFunc(grace, func() { _ = cmd.Process.Kill() })
	})
	defer ended()
	failed := f.listen(out, c, started, settled)
	err = cmd.Wait()
	if err == nil {
		err = errors.New("it ended by itself")
	}
	return errors.Join(failed, fmt.Errorf("%w: %s (log: %s)", err, last.line(), log.Name()))
}

// listen takes the line that the program prints, and what follows until its
// end.
func (f *fleet) listen(out io.Reader, c eks.Cluster, started, settled func()) error {
	lines := bufio.NewReader(out)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return nil // it ended before: its exit code says more
	}
	var r ready
	if err = json.Unmarshal(line, &r); err == nil {
		err = f.server.APIServerReady(c, emulator.APIServer{Endpoint: r.Endpoint, CertificateAuthority: r.CertificateAuthority})
	}
	if err == nil {
		f.Say("cluster %s: API server at %s", c.Name, r.Endpoint)
		settled()
	}
	started()
	_, _ = io.Copy(io.Discard, lines)
	return err
}

// withoutAWS is an environment without AWS's variables: an API server has no
// use for credentials.
func withoutAWS(env []string) []string {
	return slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "AWS_") })
}

// tail keeps the last line written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if n := len(t.b) - 4096; n > 0 {
		t.b = append([]byte(nil), t.b[n:]...)
	}
	return len(p), nil
}

func (t *tail) line() string {
	b := bytes.TrimSpace(t.b)
	return string(b[bytes.LastIndexByte(b, '\n')+1:])
}
