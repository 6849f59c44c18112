package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// note is what a `lab serve` leaves beside its file, FILE.endpoint, so that
// --local finds it.
type note struct {
	Endpoint string `json:"endpoint"`
	PID      int    `json:"pid"`
}

func noteFile(file string) string { return file + ".endpoint" }

func readNote(file string) (note, error) {
	var n note
	b, err := os.ReadFile(noteFile(file))
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return n, fmt.Errorf("read %s: %w", noteFile(file), err)
	}
	return n, nil
}

// Serve serves the lab at addr, on loopback, until ctx ends; then it lets the
// calls under way end and closes the file. With k it runs an API server for
// each cluster. ready is told the endpoint as soon as it answers, and the API
// servers of the clusters that are there do.
func Serve(ctx context.Context, addr string, o emulator.Options, k *Kubernetes, ready func(endpoint string)) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := prepareFolder(filepath.Dir(o.File)); err != nil {
		return fmt.Errorf("open the lab %s: %w", o.File, err)
	}
	listener, err := emulator.Listen(addr)
	if err != nil {
		return err
	}
	o.Hosts = append(o.Hosts, Host)
	if k != nil {
		o.Kubernetes = true
		o.Refused = func(c call.ClusterKey, why error) { k.Say("cluster %s: login refused: %v", c.Name, why) }
	}
	server, err := emulator.Open(o)
	if err != nil {
		return errors.Join(fmt.Errorf("open the lab %s: %w", o.File, err), listener.Close())
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	endpoint := "http://" + listener.Addr().String()
	if err := leaveNote(o.File, endpoint); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer os.Remove(noteFile(o.File))
	if k == nil {
		ready(endpoint)
		return serve(ctx, listener, server)
	}
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, listener, server)
		cancel() // the API servers end with it
	}()
	dir, err := filepath.Abs(folder(o.File))
	if err != nil {
		return fmt.Errorf("find the folder of the API servers: %w", err)
	}
	f := newFleet(*k, server, endpoint, dir)
	if err = f.start(ctx); err == nil && ctx.Err() == nil {
		ready(endpoint)
	}
	if err != nil {
		cancel()
	}
	f.keep(ctx)
	return errors.Join(err, <-served)
}

func leaveNote(file, endpoint string) error {
	b, err := json.Marshal(note{endpoint, os.Getpid()})
	if err == nil {
		err = os.WriteFile(noteFile(file), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("say where the lab is served: %w", err)
	}
	return nil
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	var unused unusedConnections
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ConnState: unused.note}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the lab: %w", err)
	case <-ctx.Done():
	}
	unused.close()
	stop, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(stop); err != nil {
		return fmt.Errorf("end the lab: %w", err)
	}
	return nil
}

// unusedConnections are those on which nothing was asked yet. Clients open
// them in advance; a server that ends would wait for them.
type unusedConnections struct {
	mu  sync.Mutex
	all map[net.Conn]bool
}

// note is an http.Server's ConnState.
func (u *unusedConnections) note(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state != http.StateNew {
		delete(u.all, c)
		return
	}
	if u.all == nil {
		u.all = map[net.Conn]bool{}
	}
	u.all[c] = true
}

func (u *unusedConnections) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.all {
		_ = c.Close() // its client sees it and opens another, or does not care
	}
}
