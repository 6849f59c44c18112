package sigv4

import (
	"io"
	"strings"
	"testing"
)

// BenchmarkVerify checks the signature of a request as the lab does for each:
// a small one, and the largest policy that IAM takes.
func BenchmarkVerify(b *testing.B) {
	for name, body := range map[string]string{"an entry": `{"principalArn":"arn:aws:iam::111122223333:role/a/b"}`, "128 KB": strings.Repeat("x", 131072)} {
		b.Run(name, func(b *testing.B) {
			r := signed(b, "POST", entryPath, body)
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := verify(r, body, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
