package kube

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
)

// Try has the server judge writes without making them, and gives them back
// with its words, sorted. What a trial came to is in the trial: it has no
// error.
func (c *Client) Try(ctx context.Context, trials []access.Trial) []access.Trial {
	out := slices.Clone(trials)
	var wg sync.WaitGroup
	next := make(chan *access.Trial)
	for range inFlight {
		wg.Go(func() {
			for t := range next {
				c.try(ctx, t)
			}
		})
	}
	for i := range out {
		next <- &out[i]
	}
	close(next)
	wg.Wait()
	slices.SortFunc(out, func(a, b access.Trial) int { return a.Compare(&b) })
	return out
}

func (c *Client) try(ctx context.Context, t *access.Trial) {
	err := c.tried(ctx, t)
	if err == nil {
		return
	}
	t.Refused = Reason(err)
	t.Conflict = IsConflict(err)
	// The authorizers' words; those of RBAC's check of what is bound differ.
	// (k8s.io/apiserver, responsewriters.ForbiddenMessage)
	t.Bare = IsForbidden(err) && strings.Contains(t.Refused, " cannot ") && strings.Contains(t.Refused, " resource ")
	t.Unread = status(err) < 300 || status(err) >= 500 || IsUnauthorized(err) || IsBusy(err)
}

// tried gives what the server says no with.
func (c *Client) tried(ctx context.Context, t *access.Trial) (err error) {
	switch {
	case t.Written != nil && t.Verb == access.TryDelete:
		if _, err = c.TryDeleteObject(ctx, t.Written, t.UID); IsNotFound(err) {
			return nil // gone already
		}
		return err
	case t.Written != nil:
		_, err = c.TryApplyObject(ctx, t.Written)
		return err
	}
	if t.Verb != access.TryApply {
		_, err = c.Delete(ctx, &Object{Binding: access.Binding{Namespace: t.Binding.Namespace, Name: t.Binding.Name, UID: t.Binding.UID}}, true)
		if IsNotFound(err) {
			err = nil // gone already
		}
	}
	if err == nil && t.Verb != access.TryDelete {
		b := t.Binding
		if t.Verb == access.TryReplace {
			b.Name += ":try" // its own name is taken, and a role cannot be changed
		}
		_, err = c.TryApply(ctx, &b)
	}
	return err
}
