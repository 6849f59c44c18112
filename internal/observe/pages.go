package observe

import (
	"errors"
	"fmt"
)

// errIncomplete is an answer with status 200 that lacks what every such answer
// has: it was cut, or did not come from AWS. It is never an empty list.
var errIncomplete = errors.New("the answer is incomplete: a part that AWS always sends is missing")

// mostPages ends a list that does not end; at AWS's page sizes it is far more
// than any account or cluster may have.
const mostPages = 1000

// pages asks for page after page until no token is given. A token that comes
// again is an error: the list would never end, or repeat itself.
func pages[T any](ask func(token *string) (items []T, next *string, err error)) ([]T, error) {
	var (
		all   []T
		token *string
		seen  = make(map[string]bool)
	)
	for range mostPages {
		items, next, err := ask(token)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == nil || *next == "" {
			return all, nil
		}
		if seen[*next] {
			return nil, errors.New("the list repeats: a page token came a second time")
		}
		seen[*next] = true
		token = next
	}
	return nil, fmt.Errorf("the list does not end: gave up after %d pages", mostPages)
}
