package eks

import (
	"encoding/base64"
	"iter"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// largestPage bounds maxResults, and is its default. (EKS API)
const largestPage = 100

// page is what a list asks for.
type page struct {
	MaxResults *int   `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}

// take collects one page of the keyed values of all, which begin after the
// token's key, and the token of the next. scope binds the token to its list:
// one of another list, cluster or filter is refused.
func take[T any](c *call.Call, p page, scope string, all func(after string) iter.Seq2[string, T]) ([]T, string, error) {
	size := largestPage
	if p.MaxResults != nil {
		size = *p.MaxResults
	}
	if size < 1 || size > largestPage {
		return nil, "", invalid("", "maxResults must be between 1 and %d", largestPage)
	}
	size = c.PageSize(size)
	after, err := p.after(scope)
	if err != nil {
		return nil, "", err
	}
	var items []T
	last := ""
	for k, v := range all(after) {
		if len(items) == size {
			return items, base64.RawURLEncoding.EncodeToString([]byte(store.Key(scope, last))), nil
		}
		items, last = append(items, v), k
	}
	return items, "", nil
}

func (p page) after(scope string) (string, error) {
	if p.NextToken == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.NextToken)
	if prefix := store.Key(scope, ""); err == nil && len(b) > len(prefix) && string(b[:len(prefix)]) == prefix {
		return string(b[len(prefix):]), nil
	}
	return "", invalid("", "The specified nextToken is invalid.")
}

// stored lists the values of one kind as a page's source, leaving out those
// that keep does not want.
func stored[T any](r store.Reader, prefix string, keep func(T) bool) func(after string) iter.Seq2[string, T] {
	return func(after string) iter.Seq2[string, T] {
		return func(yield func(string, T) bool) {
			for k, v := range store.List[T](r, bucket, prefix, after) {
				if keep(v) && !yield(k, v) {
					return
				}
			}
		}
	}
}
