package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/kubernetes"
)

// serveLab answers the lab's own routes, which are no part of AWS:
//
//	GET  /healthz                         the lab is up
//	GET  /_lab/accounts                   its accounts
//	POST /_lab/accounts?account=&region=  makes an account, if it is not there
//	GET  /_lab/env?account=               the lab caller's keys in an account
//	POST /_lab/keys?account=&region=&cluster=  lets a new key sign a cluster's ServiceAccount tokens
//	GET  /_lab/journal                    the writes since the start
//	GET  /_lab/assumptions                what the lab takes for granted of AWS
//	...  /_lab/kubernetes/                what the clusters' API servers ask, each with its own token
//
// They hand out keys of a lab to whoever is on this machine, and to nobody
// else: a request that a browser made for a page bears an Origin and is
// refused.
func (s *Server) serveLab(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		http.Error(w, "the lab's own routes are not for web pages", http.StatusForbidden)
		return
	}
	if s.parts.Kubernetes != nil && strings.HasPrefix(r.URL.Path, kubernetes.Prefix) {
		s.parts.Kubernetes.Serve(w, r, front{s})
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /healthz":
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	case "GET /_lab/accounts":
		all, err := s.Accounts()
		writeResult(w, all, err)
	case "POST /_lab/accounts":
		keys, err := s.Account(r.URL.Query().Get("account"), r.URL.Query().Get("region"))
		writeResult(w, keys, err)
	case "GET /_lab/env":
		keys, err := s.env(r.URL.Query().Get("account"))
		writeResult(w, keys, err)
	case "POST /_lab/keys":
		q := r.URL.Query()
		id, err := s.RotateKeys(call.ClusterKey{Account: q.Get("account"), Region: q.Get("region"), Name: q.Get("cluster")})
		writeResult(w, map[string]string{"kid": id}, err)
	case "GET /_lab/journal":
		writeResult(w, s.Journal(), nil)
	case "GET /_lab/assumptions":
		writeResult(w, Assumptions(), nil)
	default:
		http.Error(w, fmt.Sprintf("the lab has no route %s %s", r.Method, r.URL.Path), http.StatusNotFound)
	}
}

// env finds the keys to print. Without an account it is the lab's only one;
// an empty lab gets DefaultAccount.
func (s *Server) env(account string) (Keys, error) {
	if account == "" {
		all, err := s.Accounts()
		if err != nil {
			return Keys{}, err
		}
		switch len(all) {
		case 0:
			return s.Account(DefaultAccount, "")
		case 1:
			account = all[0].ID
		default:
			var ids []string
			for _, a := range all {
				ids = append(ids, a.ID)
			}
			return Keys{}, fmt.Errorf("the lab has %d accounts, say which: %s", len(all), strings.Join(ids, ", "))
		}
	}
	keys, ok, err := s.Keys(account)
	if err == nil && !ok {
		err = fmt.Errorf("the lab has no account %q", account)
	}
	return keys, err
}

func writeResult(w http.ResponseWriter, v any, err error) {
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, v)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(v)
}
