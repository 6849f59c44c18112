package controlplane

import (
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
)

// relay passes the API server's webhooks on to the lab. The lab speaks plain
// http, and a webhook's client sends no token over that: the relay has a
// certificate of the cluster's. Who may ask what is the lab's to judge, by the
// token, which goes through.
type relay struct {
	endpoint string // https, on loopback
	mutation string // the URL of the webhook that changes pods
	stop     func()
}

func startRelay(o Options, k *keys, client kubernetes.Interface) (*relay, error) {
	to, err := url.Parse(o.Lab)
	if err != nil {
		return nil, fmt.Errorf("pass webhooks on to the lab: %w", err)
	}
	certificate, err := tls.LoadX509KeyPair(k.servingCertificate, k.serving)
	if err != nil {
		return nil, fmt.Errorf("pass webhooks on to the lab: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("pass webhooks on to the lab: %w", err)
	}
	endpoint := "https://" + listener.Addr().String()
	r := &relay{endpoint: endpoint, mutation: o.route(endpoint, mutationRoute)}
	passed := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}
	pods := &mutation{o: o, client: client}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == o.route("", mutationRoute) {
				pods.ServeHTTP(w, r)
				return
			}
			passed.ServeHTTP(w, r)
		}),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(os.Stderr, "relay: ", 0),
	}
	go server.ServeTLS(listener, "", "") // ends with stop
	r.stop = func() { _ = server.Close() }
	return r, nil
}
