// Package lab is the embedded AWS as commands use it: opened from its file in
// this process, or reached where a running `lab serve` holds that file; with
// credentials for each account, and filled with what documents name.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/store"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// DefaultFile is the lab's file beneath the Environment's folder.
const DefaultFile = ".atlas-iam/lab.db"

// Host is the name under which --local knows its lab, served or not, so that a
// plan made on it names the same endpoint both ways. Names beneath localhost
// are this machine. (RFC 6761, 6.3)
const Host = "lab.localhost"

// Lab is an open lab.
type Lab struct {
	server   *emulator.Server // nil if another process serves it
	client   *http.Client
	endpoint string
	served   string // URL; empty if no other process can reach it
}

// patience is how long another command on the same lab is waited for, and how
// long a served lab lets calls under way end.
const patience = 5 * time.Second

// Open opens the lab in file, making it if it is not there. Where a running
// `lab serve` holds the file, that is the lab; another command that holds it is
// waited for.
func Open(ctx context.Context, file string, now func() time.Time) (*Lab, error) {
	if err := prepareFolder(filepath.Dir(file)); err != nil {
		return nil, fmt.Errorf("open the lab %s: %w", file, err)
	}
	for deadline := time.Now().Add(patience); ; {
		server, err := emulator.Open(emulator.Options{File: file, Now: now, Hosts: []string{Host}})
		if err == nil {
			return In(server), nil
		}
		if !errors.Is(err, store.ErrInUse) {
			return nil, fmt.Errorf("open the lab %s: %w", file, err)
		}
		l, err := join(ctx, file)
		if err == nil || time.Now().After(deadline) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("open the lab %s: %w", file, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// In is the lab of a server in this process, one that answers to Host. Close
// closes the server.
func In(server *emulator.Server) *Lab {
	return &Lab{server: server, client: &http.Client{Transport: server.Transport()}, endpoint: "http://" + Host}
}

// prepareFolder makes the lab's folder and keeps what is in it out of Git.
func prepareFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if filepath.Base(dir) != ".atlas-iam" {
		return nil
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Stat(ignore); err == nil {
		return nil
	}
	return os.WriteFile(ignore, []byte("*\n"), 0o644)
}

// join reaches the `lab serve` that holds file, by the note it left.
func join(ctx context.Context, file string) (*Lab, error) {
	n, err := readNote(file)
	if err != nil {
		return nil, fmt.Errorf("open the lab %s: it is in use by another process, and no `lab serve` says that it serves it: %w", file, err)
	}
	u, err := url.Parse(n.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("open the lab %s: read where it is served: %w", file, err)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !local(u) {
		return nil, fmt.Errorf("open the lab %s: the note beside it says that it is served at %q, which is not on this machine", file, n.Endpoint)
	}
	l := &Lab{endpoint: "http://" + Host, served: n.Endpoint, client: &http.Client{CheckRedirect: stay, Transport: &http.Transport{
		MaxIdleConnsPerHost: 2 * cloud.DefaultMaxInFlight,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, u.Host)
		},
	}}}
	if err := l.alive(ctx); err != nil {
		return nil, fmt.Errorf("open the lab %s: process %d serves it at %s and does not answer: %w", file, n.PID, n.Endpoint, err)
	}
	return l, nil
}

// Dial reaches the lab that is served at an endpoint, which must be on
// loopback: its keys are no secret, and nothing else is a lab.
func Dial(ctx context.Context, endpoint string) (*Lab, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("reach the lab: %q is not an http URL", endpoint)
	}
	if !local(u) {
		return nil, fmt.Errorf("reach the lab: %q is not on this machine", endpoint)
	}
	l := &Lab{endpoint: strings.TrimRight(endpoint, "/"), served: strings.TrimRight(endpoint, "/"), client: &http.Client{
		CheckRedirect: stay, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * cloud.DefaultMaxInFlight}}}
	if err := l.alive(ctx); err != nil {
		return nil, fmt.Errorf("reach the lab at %s: %w", endpoint, err)
	}
	return l, nil
}

// local reports whether a URL leads to this machine.
func local(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || u.Hostname() == Host || ip != nil && ip.IsLoopback()
}

// stay lets no answer lead a client away: a lab redirects nobody.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close closes the lab's file, if this process holds it.
func (l *Lab) Close() error {
	if l.server == nil {
		l.client.CloseIdleConnections()
		return nil
	}
	return l.server.Close()
}

// Endpoint is where the lab's API is, for AWS clients.
func (l *Lab) Endpoint() string { return l.endpoint }

// Served is where other processes reach the lab; empty if it is this one's
// alone.
func (l *Lab) Served() string { return l.served }

// CloudOptions makes o lead to the lab: its address, and in each account the
// lab's own caller, which may do everything there. AWS's own configuration is
// not read. Accounts that the lab lacks are made.
func (l *Lab) CloudOptions(o cloud.Options) cloud.Options {
	o.Endpoint = l.endpoint
	o.HTTPClient = l.client
	o.CredentialsFor = func(a access.Account) aws.CredentialsProvider {
		return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			return l.base(ctx, a)
		})
	}
	o.Credentials = credentials.NewStaticCredentialsProvider("", "", "")
	return o
}

// base gives the credentials with which an account's own are reached: the lab
// caller's there. Where the documents name a role to assume, seeding made it
// to trust that caller.
func (l *Lab) base(ctx context.Context, a access.Account) (aws.Credentials, error) {
	region := ""
	if len(a.Regions) > 0 {
		region = a.Regions[0]
	}
	k, err := l.Account(ctx, a.ID, region)
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken, AccountID: k.Account, Source: "lab"}, nil
}

// Account gives the lab caller's keys in an account, which is made in the
// partition of region if the lab lacks it.
func (l *Lab) Account(ctx context.Context, id, region string) (emulator.Keys, error) {
	var k emulator.Keys
	err := l.ask(ctx, http.MethodPost, "/_lab/accounts", url.Values{"account": {id}, "region": {region}}, &k)
	return k, err
}

// accounts lists the lab's accounts by their digits.
func (l *Lab) accounts(ctx context.Context) ([]string, error) {
	var all []struct{ ID string }
	if err := l.ask(ctx, http.MethodGet, "/_lab/accounts", nil, &all); err != nil {
		return nil, err
	}
	var ids []string
	for _, a := range all {
		ids = append(ids, a.ID)
	}
	return ids, nil
}

// Env gives the lab caller's keys in an account the lab has; without one, in
// its only account.
func (l *Lab) Env(ctx context.Context, account string) (emulator.Keys, error) {
	var k emulator.Keys
	q := url.Values{}
	if account != "" {
		q.Set("account", account)
	}
	err := l.ask(ctx, http.MethodGet, "/_lab/env", q, &k)
	return k, err
}

func (l *Lab) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var health struct{ Status string }
	return l.ask(ctx, http.MethodGet, "/healthz", nil, &health)
}

// ask calls one of the lab's own routes.
func (l *Lab) ask(ctx context.Context, method, path string, q url.Values, into any) error {
	u := l.endpoint + path
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, nil)
	if err != nil {
		return fmt.Errorf("ask the lab for %s: %w", path, err)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the lab for %s: %w", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("ask the lab for %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		var said struct{ Error string }
		if json.Unmarshal(body, &said) != nil || said.Error == "" {
			said.Error = strings.TrimSpace(string(body))
		}
		return fmt.Errorf("ask the lab for %s: %s: %s", path, resp.Status, said.Error)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("ask the lab for %s: this is not a lab's answer: %w", path, err)
	}
	return nil
}
