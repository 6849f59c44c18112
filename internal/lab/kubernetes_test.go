package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
)

// TestMain makes the test binary a program in the place of kubelab where the
// environment says so: one that speaks as it does and runs no API server.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_KUBELAB") != "" {
		os.Exit(standIn(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// standIn notes that it runs in its folder, asks the lab what its cluster is
// and ends with its standard input.
func standIn(args []string) int {
	flags := map[string]string{}
	for i := 0; i+1 < len(args); i += 2 {
		flags[args[i]] = args[i+1]
	}
	dir, name := flags["-data"], flags["-name"]
	if strings.HasPrefix(name, "broken") {
		fmt.Fprintln(os.Stderr, "some words\nno such disk")
		return 1
	}
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "AWS_") {
			fmt.Fprintln(os.Stderr, "it was given", kv)
			return 1
		}
	}
	r, err := http.NewRequest("GET", flags["-lab"]+"/_lab/kubernetes/"+flags["-account"]+"/"+flags["-region"]+"/"+name+"/cluster", nil)
	if err != nil {
		return 2
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("ATLAS_IAM_KUBELAB_TOKEN"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != 200 {
		fmt.Fprintln(os.Stderr, "the lab does not know me")
		return 3
	}
	starts, _ := os.ReadFile(filepath.Join(dir, "starts"))
	starts = append(starts, 'x')
	if os.WriteFile(filepath.Join(dir, "starts"), starts, 0o600) != nil {
		return 4
	}
	fmt.Printf(`{"endpoint":"https://127.0.0.1:%d","certificateAuthority":"Q0E="}`+"\n", 10000+len(starts))
	ended := make(chan bool)
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(ended) }()
	for {
		select {
		case <-ended:
			return 0
		case <-time.After(10 * time.Millisecond):
			if os.Remove(filepath.Join(dir, "crash")) == nil {
				fmt.Fprintln(os.Stderr, "it crashed")
				return 5
			}
		}
	}
}

// served is a served lab with API servers that are stand-ins.
type served struct {
	t        *testing.T
	file     string
	endpoint string
	end      func()
	mu       sync.Mutex
	said     []string
}

func serveKubernetes(t *testing.T, file string) *served {
	t.Helper()
	t.Setenv("TEST_KUBELAB", "1")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "none of its business")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, file: file}
	k := &Kubernetes{Program: self, Say: func(format string, args ...any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.said = append(s.said, fmt.Sprintf(format, args...))
	}}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, "127.0.0.1:0", emulator.Options{File: file}, k, func(e string) { ready <- e })
	}()
	select {
	case s.endpoint = <-ready:
	case err := <-ended:
		t.Fatalf("the lab ended: %v", err)
	}
	s.end = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the lab ended with %v", err)
		}
	})
	t.Cleanup(s.end)
	return s
}

func (s *served) words() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

func (s *served) config() aws.Config {
	s.t.Helper()
	l, err := Dial(s.t.Context(), s.endpoint)
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	k, err := l.Env(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	return aws.Config{Region: "us-east-1", BaseEndpoint: &s.endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)}
}

func (s *served) create(names ...string) {
	s.t.Helper()
	c := s.config()
	trust := trustPolicy(principal{IAMPrincipal: access.IAMPrincipal{Partition: "aws", Account: emulator.DefaultAccount}})
	_, _ = iam.NewFromConfig(c).CreateRole(s.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("service"), AssumeRolePolicyDocument: &trust})
	for _, name := range names {
		_, err := eks.NewFromConfig(c).CreateCluster(s.t.Context(), &eks.CreateClusterInput{
			Name: &name, RoleArn: aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/service"),
			ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: []string{"a", "b"}}})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *served) delete(name string) {
	s.t.Helper()
	if _, err := eks.NewFromConfig(s.config()).DeleteCluster(s.t.Context(), &eks.DeleteClusterInput{Name: &name}); err != nil {
		s.t.Fatal(err)
	}
}

// await waits until a cluster has a status and, if that is given, an endpoint.
func (s *served) await(name, status, endpoint string) *ekstypes.Cluster {
	s.t.Helper()
	var last string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		out, err := eks.NewFromConfig(s.config()).DescribeCluster(s.t.Context(), &eks.DescribeClusterInput{Name: &name})
		if err != nil {
			s.t.Fatal(err)
		}
		last = string(out.Cluster.Status) + " " + aws.ToString(out.Cluster.Endpoint)
		if string(out.Cluster.Status) == status && (endpoint == "" || aws.ToString(out.Cluster.Endpoint) == endpoint) {
			return out.Cluster
		}
	}
	s.t.Fatalf("cluster %s is %s, not %s %s; said:\n%s", name, last, status, endpoint, s.words())
	return nil
}

// folders are those of the API servers, by the id of the issuer.
func (s *served) folders() []string {
	s.t.Helper()
	found, err := os.ReadDir(folder(s.file))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	var names []string
	for _, d := range found {
		names = append(names, d.Name())
	}
	return names
}

func id(c *ekstypes.Cluster) string {
	issuer := *c.Identity.Oidc.Issuer
	return issuer[strings.LastIndexByte(issuer, '/')+1:]
}

func (s *served) awaitFolders(want int) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for len(s.folders()) != want && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if got := s.folders(); len(got) != want {
		s.t.Errorf("folders %v, want %d", got, want)
	}
}

// shows: item S47; flag lab serve --kubernetes
func TestEachClusterHasAnAPIServerForAsLongAsItIsThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab.db")
	s := serveKubernetes(t, file)
	s.create("one", "two", "three")
	const first, second = "https://127.0.0.1:10001", "https://127.0.0.1:10002"
	one := s.await("one", "ACTIVE", first)
	s.await("two", "ACTIVE", first)
	s.await("three", "ACTIVE", first)
	if *one.CertificateAuthority.Data != "Q0E=" {
		t.Errorf("authority %q", *one.CertificateAuthority.Data)
	}

	// One that crashes is started again, and its cluster stays.
	if err := os.WriteFile(filepath.Join(folder(file), id(one), "crash"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.await("one", "ACTIVE", second)
	if !strings.Contains(s.words(), "the API server of cluster one ended: exit status 5: it crashed") {
		t.Errorf("said:\n%s", s.words())
	}

	// One that is deleted ends, with all that it kept; made again by its name it
	// is another one.
	s.delete("two")
	s.awaitFolders(2)
	s.create("two")
	s.await("two", "ACTIVE", first)

	// The lab ends and its API servers with it; started again it has them all,
	// before it says that it is ready, but not those of clusters that went.
	s.end()
	stale := filepath.Join(folder(file), strings.Repeat("0F", 16))
	other := filepath.Join(folder(file), "somebody's")
	for _, dir := range []string{stale, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s = serveKubernetes(t, file)
	for name, endpoint := range map[string]string{"one": "https://127.0.0.1:10003", "two": second, "three": second} {
		out, err := eks.NewFromConfig(s.config()).DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: &name})
		if err != nil || *out.Cluster.Endpoint != endpoint {
			t.Errorf("%s after a restart: %v %v", name, out, err)
		}
	}
	if got := s.folders(); slices.Contains(got, filepath.Base(stale)) || !slices.Contains(got, filepath.Base(other)) {
		t.Errorf("folders %v", got)
	}
}

func TestAClusterFailsWhoseAPIServerNeverComes(t *testing.T) {
	s := serveKubernetes(t, filepath.Join(t.TempDir(), "lab.db"))
	s.create("broken", "fine")
	c := s.await("broken", "FAILED", "")
	if m := *c.Health.Issues[0].Message; !strings.Contains(m, "no such disk") || strings.Contains(m, "some words") {
		t.Errorf("its health says %q", m)
	}
	s.await("fine", "ACTIVE", "")
	s.delete("broken")
	s.awaitFolders(1)
}

// A lab that was served with API servers and is opened without has the same
// clusters, also those that were being made.
func TestWithoutKubernetesNoClusterWaits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab.db")
	server, err := emulator.Open(emulator.Options{File: file, Kubernetes: true, Hosts: []string{Host}})
	if err != nil {
		t.Fatal(err)
	}
	l := In(server)
	k, err := l.Env(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	status := func(l *Lab, create bool) string {
		t.Helper()
		endpoint := l.Endpoint()
		c := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: l.client,
			Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)}
		if create {
			trust := trustPolicy(principal{IAMPrincipal: access.IAMPrincipal{Partition: "aws", Account: k.Account}})
			_, err1 := iam.NewFromConfig(c).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("service"), AssumeRolePolicyDocument: &trust})
			_, err2 := eks.NewFromConfig(c).CreateCluster(t.Context(), &eks.CreateClusterInput{Name: aws.String("one"),
				RoleArn: aws.String("arn:aws:iam::" + k.Account + ":role/service"), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: []string{"a", "b"}}})
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
		}
		out, err := eks.NewFromConfig(c).DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: aws.String("one")})
		if err != nil {
			t.Fatal(err)
		}
		return string(out.Cluster.Status)
	}
	if got := status(l, true); got != "CREATING" {
		t.Errorf("with API servers to come: %s", got)
	}
	l.Close()
	if got := status(open(t, file), false); got != "ACTIVE" {
		t.Errorf("without: %s", got)
	}
}

func TestKubelabIsFound(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, kubelab)
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	none := func(string) string { return "" }
	if got, err := FindKubelab(none); err == nil {
		t.Errorf("found %s where there is none", got)
	}
	named := func(name string) string { return map[string]string{"ATLAS_IAM_KUBELAB": program}[name] }
	if got, err := FindKubelab(named); err != nil || got != program {
		t.Errorf("named: %s %v", got, err)
	}
	missing := func(name string) string { return map[string]string{"ATLAS_IAM_KUBELAB": program + "-none"}[name] }
	t.Setenv("PATH", dir)
	if got, err := FindKubelab(none); err != nil || got != program {
		t.Errorf("on PATH: %s %v", got, err)
	}
	if got, err := FindKubelab(missing); err == nil {
		t.Errorf("the named one is not there, and %s was found instead", got)
	}
}
