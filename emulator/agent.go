package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/eksauth"
	"github.com/atlas-iam/atlas-iam/emulator/oidc"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// AgentPath is where the lab answers as the Pod Identity agents of all its
// clusters: GET with a pod's token in Authorization. On AWS each node has an
// agent, at http://169.254.170.23/v1/credentials. (aws-facts 3.5)
const AgentPath = "/v1/credentials"

// serveAgent gives a pod its credentials, as the agent of its cluster does:
// with the token that it shows the agent asks EKS Auth, as the node's role; in
// the lab, which has no nodes, as the lab's own caller. Nothing is kept: the
// lab promises that a change is seen at once.
func (s *Server) serveAgent(w http.ResponseWriter, r *http.Request) {
	sleep(r.Context(), s.o.Latency)
	id := newRequestID()
	answer, err := s.podCredentials(r, id)
	if err != nil {
		var e *call.Error
		if !errors.As(err, &e) {
			e = internal(call.Protocol{}, err.Error())
		}
		kind := "client"
		if e.HTTPStatus() >= http.StatusInternalServerError {
			kind = "server"
		}
		w.Header().Set("X-Amzn-Requestid", id)
		http.Error(w, fmt.Sprintf("[%s]: (%s): %s, fault: %s", id, e.Code, e.Message, kind), e.HTTPStatus())
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{
		"AccessKeyId": answer.Credentials.AccessKeyID, "SecretAccessKey": answer.Credentials.SecretAccessKey, "Token": answer.Credentials.SessionToken,
		"AccountId":  strings.SplitN(answer.AssumedRoleUser.ARN, ":", 6)[4],
		"Expiration": time.Unix(answer.Credentials.Expiration, 0).UTC().Format(time.RFC3339Nano),
	})
}

func (s *Server) podCredentials(r *http.Request, id string) (*eksauth.Answer, error) {
	text := r.Header.Get("Authorization")
	token, err := oidc.Parse(text)
	switch {
	case r.Method != http.MethodGet:
		return nil, &call.Error{Code: "MethodNotAllowed", Message: "the agent takes GET", Status: http.StatusMethodNotAllowed}
	case text == "":
		return nil, call.Errorf("InvalidTokenException", "Service account token cannot be empty")
	case err != nil:
		return nil, call.Errorf("InvalidTokenException", "Service account token cannot be parsed: %v", err)
	}
	cluster, lives, agent, err := s.agentOf(token.Claims.Issuer)
	switch {
	case err != nil:
		return nil, err
	case !lives:
		return nil, call.Errorf("InvalidTokenException", "no cluster of the lab has the token's issuer")
	case !agent: // on EKS nobody would answer
		return nil, &call.Error{Code: "NoAgent", Status: http.StatusNotFound,
			Message: "cluster " + cluster.Name + " has no Pod Identity agent: it needs the add-on eks-pod-identity-agent, or Auto Mode"}
	}
	keys, ok, err := s.Keys(cluster.Account)
	if err != nil || !ok {
		return nil, fmt.Errorf("find the lab's caller in account %s: %w", cluster.Account, err)
	}
	c := &call.Call{
		RequestID: id, Now: s.o.Now(), SourceIP: sourceIP(r), IAM: s.parts.IAM, PageLimit: s.o.PageLimit,
		Service: eksauth.Name, Operation: "AssumeRoleForPodIdentity", Account: cluster.Account, Region: cluster.Region, Partition: cluster.Partition,
	}
	err = s.db.View(func(tx *store.Tx) error {
		credential, _ := s.labCredential(tx, keys.AccessKeyID) // without its role it may do nothing
		c.Caller = credential.Caller
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !s.limits.allow(limitKey{c.Account, c.Region, c.Service}, c.Now) {
		return nil, throttled(c.Protocol)
	}
	body, err := json.Marshal(map[string]string{"token": text})
	if err != nil {
		return nil, err
	}
	response, err := s.runWithFault(r.Context(), c, s.parts.EKSAuth.Operation(cluster.Name, body))
	if err != nil {
		return nil, err
	}
	answer := &eksauth.Answer{}
	return answer, json.Unmarshal(response.Body, answer)
}

// agentOf finds the cluster whose agent a token is shown to, that of its
// issuer, and whether it has one.
func (s *Server) agentOf(issuer string) (c eks.Cluster, lives, agent bool, err error) {
	now := s.o.Now()
	err = s.db.View(func(tx *store.Tx) error {
		c, lives = s.parts.EKS.IssuedBy(tx, issuer, now)
		agent = lives && s.parts.EKS.HasAgent(tx, c.ClusterKey, now)
		return nil
	})
	return c, lives, agent, err
}
