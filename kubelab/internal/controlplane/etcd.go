package controlplane

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcd is the cluster's store. It listens on a socket in a folder that its
// owner alone may enter: whoever reaches etcd is past all authorization.
type etcd struct {
	server   *embed.Etcd
	sockets  string
	endpoint string
}

func startEtcd(dir string) (_ *etcd, err error) {
	// Not beneath dir: the path of a socket has some 100 characters at most.
	sockets, err := os.MkdirTemp("", "kubelab-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for etcd's sockets: %w", err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(sockets)
		}
	}()
	client := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "client")}
	peer := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "peer")}
	c := embed.NewConfig()
	c.Dir = filepath.Join(dir, "etcd")
	// What it advertises stays the default addresses: etcd takes no sockets
	// there, and nobody asks a single member where it is.
	c.ListenClientUrls = []url.URL{client}
	c.ListenPeerUrls = []url.URL{peer}
	// What a crash of the machine may cost is a lab; a killed process loses
	// nothing.
	c.UnsafeNoFsync = true
	c.LogLevel, c.LogOutputs = "error", []string{"stderr"}
	server, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return nil, fmt.Errorf("start etcd: %w", err)
	case <-time.After(patience):
		server.Close()
		return nil, fmt.Errorf("start etcd: not ready after %s", patience)
	}
	return &etcd{server, sockets, client.String()}, nil
}

func (e *etcd) close() {
	e.server.Close()
	os.RemoveAll(e.sockets)
}
