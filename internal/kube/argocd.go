package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

type secret struct {
	Metadata metadata          `json:"metadata"`
	Data     map[string][]byte `json:"data"`
}

// ArgoSecretObject is a Secret as it stands, with the version that a delete is
// bound to.
type ArgoSecretObject struct {
	access.HaveArgoSecret
	At Standing
}

// object reads a Secret; one without a name is none. What it says is read if it
// is o's.
func (s *secret) object(o access.Owner, foreign map[string]string) (ArgoSecretObject, bool) {
	m := &s.Metadata
	out := ArgoSecretObject{At: m.standing(), HaveArgoSecret: access.HaveArgoSecret{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, Labels: m.Labels, Managers: m.managers()}}
	if s.Data != nil && o.OwnerOfArgoSecret(&out.HaveArgoSecret, foreign).Ours {
		data := map[string]string{}
		for _, k := range []string{"name", "server", "config"} {
			data[k] = string(s.Data[k])
		}
		r := access.RegistrationOf(data)
		out.Registration = &r
	}
	return out, m.whole()
}

// ArgoSecrets reads all of o's Secrets that register clusters, and the metadata
// of those that stand at the names of need and are not among them, sorted by
// namespace and name; those that are being deleted are left out. What is in
// others' Secrets is never asked for.
func (c *Client) ArgoSecrets(ctx context.Context, need *access.ArgoNeed) ([]access.HaveArgoSecret, error) {
	var ours []string
	labels := need.Owner.Labels()
	for k, v := range labels {
		ours = append(ours, k+"="+v)
	}
	slices.Sort(ours)
	all, err := list(ctx, c, listed{name: "secrets", path: "/api/v1/secrets", labels: strings.Join(ours, ",")}, func(raw json.RawMessage) (access.HaveArgoSecret, bool, error) {
		var s secret
		if err := json.Unmarshal(raw, &s); err != nil {
			return access.HaveArgoSecret{}, false, err
		}
		o, ok := s.object(need.Owner, need.ForeignTags)
		return o.HaveArgoSecret, !o.At.Ending, whole(ok)
	})
	if err != nil {
		return nil, err
	}
	for _, k := range need.Names {
		if slices.ContainsFunc(all, func(s access.HaveArgoSecret) bool { return s.Namespace == k.Namespace && s.Name == k.Name }) {
			continue
		}
		o, err := c.secretAt(ctx, k, need.Owner, need.ForeignTags, onlyMetadata)
		switch {
		case IsNotFound(err):
		case err != nil:
			return nil, err
		case !o.At.Ending:
			all = append(all, o.HaveArgoSecret)
		}
	}
	slices.SortFunc(all, func(a, b access.HaveArgoSecret) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// GetArgoSecret reads the Secret that stands at a name, and what it says if it
// is o's; an error for which IsNotFound holds says that there is none.
func (c *Client) GetArgoSecret(ctx context.Context, k access.ArgoSecretKey, o access.Owner, foreign map[string]string) (*ArgoSecretObject, error) {
	have, err := c.secretAt(ctx, k, o, foreign, onlyMetadata)
	if err != nil || !o.OwnerOfArgoSecret(&have.HaveArgoSecret, foreign).Ours {
		return have, err
	}
	return c.secretAt(ctx, k, o, foreign, "")
}

func (c *Client) secretAt(ctx context.Context, k access.ArgoSecretKey, o access.Owner, foreign map[string]string, accept string) (*ArgoSecretObject, error) {
	at := &access.WrittenObject{Kind: access.SecretObject, Namespace: k.Namespace, Name: k.Name}
	body, _, err := c.do(ctx, call{verb: "read", object: objectWords(at), method: http.MethodGet, path: objectPath(at), accept: accept})
	if err != nil {
		return nil, err
	}
	var have secret
	if err := json.Unmarshal(body, &have); err != nil {
		// Not with the decoder's words: they may quote what is in it.
		return nil, c.unreadable("read", objectWords(at), errors.New("the answer is no Secret"))
	}
	out, ok := have.object(o, foreign)
	if !ok || out.Name != k.Name || out.Namespace != k.Namespace {
		return nil, c.unreadable("read", objectWords(at), errors.New("the answer is not the Secret that was asked for"))
	}
	return &out, nil
}
