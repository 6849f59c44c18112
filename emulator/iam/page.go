package iam

import (
	"encoding/base64"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/query"
)

// page answers a list: the items after Marker, at most MaxItems (100 if not
// given), in the order they come. key tells items apart and must ascend or at
// least stay the same between calls.
func page[T, O any](r *request, member string, items []T, key func(T) string, show func(T) O) (object, error) {
	from := 0
	if marker := r.In.Text("Marker"); marker != "" {
		after, err := base64.RawURLEncoding.DecodeString(marker)
		if err != nil {
			return nil, &call.Error{Code: query.ValidationError, Message: "Invalid Marker."}
		}
		from = len(items)
		for i, item := range items {
			if key(item) > string(after) {
				from = i
				break
			}
		}
	}
	upTo := min(len(items), from+r.PageSize(r.In.Int("MaxItems", 100)))
	shown := make([]O, 0, upTo-from)
	for _, item := range items[from:upTo] {
		shown = append(shown, show(item))
	}
	out := object{member: shown, "IsTruncated": upTo < len(items)}
	if upTo < len(items) {
		out["Marker"] = base64.RawURLEncoding.EncodeToString([]byte(key(items[upTo-1])))
	}
	return out, nil
}
