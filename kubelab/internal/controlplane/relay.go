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
)

// startRelay passes the API server's webhooks on to the lab. The lab speaks
// plain http, and a webhook's client sends no token over that: the relay has a
// certificate of the cluster's. Who may ask what is the lab's to judge, by the
// token, which goes through.
func startRelay(lab string, k *keys) (endpoint string, stop func(), err error) {
	to, err := url.Parse(lab)
	if err != nil {
		return "", nil, fmt.Errorf("pass webhooks on to the lab: %w", err)
	}
	certificate, err := tls.LoadX509KeyPair(k.servingCertificate, k.serving)
	if err != nil {
		return "", nil, fmt.Errorf("pass webhooks on to the lab: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("pass webhooks on to the lab: %w", err)
	}
	server := &http.Server{
		Handler: &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
			Transport: &http.Transport{MaxIdleConnsPerHost: 64},
		},
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(os.Stderr, "relay: ", 0),
	}
	go server.ServeTLS(listener, "", "") // ends with stop
	return "https://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}
