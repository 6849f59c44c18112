//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// savedRefusals are about consent: saved plans, prompts and --yes.
func savedRefusals() []refusal {
	const left = `DeleteAccessEntry test 492000000148:user/oleksii`
	save := func(w *world) string {
		w.remove("backend.yaml")
		file := filepath.Join(w.t.TempDir(), "plan.json")
		w.aws("plan", "--out", file, ".").ends(w.t, cli.OK)
		return file
	}
	saved := func(w *world) ran { return w.aws("apply", "--yes", "--plan", save(w)) }
	rewritten := func(from, to string) func(*world) ran {
		return func(w *world) ran {
			file := save(w)
			b, err := os.ReadFile(file)
			if err != nil {
				w.t.Fatal(err)
			}
			if !strings.Contains(string(b), from) {
				w.t.Fatalf("the plan has no %s", from)
			}
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(b), from, to)), 0o600); err != nil {
				w.t.Fatal(err)
			}
			return w.aws("apply", "--yes", "--plan", file)
		}
	}
	row48 := func(name string, code cli.Code, says string, danger func(*world) ran) refusal {
		return refusal{rows: []int{48}, name: name, code: code, says: []string{says}, danger: danger, twin: saved, twinWrites: left}
	}
	return []refusal{
		row48("a plan whose bytes changed", cli.Usage, "changed after it was written", rewritten("oleksii", "vira")),
		row48("a plan of a later version", cli.Usage, "has version 2", rewritten(`"version": 1,`, `"version": 2,`)),
		row48("a plan of another place", cli.Usage, "the plan was made at", func(w *world) ran {
			w.run("plan", ".").ends(w.t, cli.OK)
			file := filepath.Join(w.t.TempDir(), "plan.json")
			w.remove("backend.yaml")
			w.run("plan", "--out", file, ".").ends(w.t, cli.OK)
			return w.aws("apply", "--yes", "--plan", file)
		}),
		row48("a plan whose facts moved", cli.Usage, "plan again", func(w *world) ran {
			w.edit("admins.yaml", ", {user: boris}", "")
			file := save(w)
			w.deleteEntry(smallAccount, us, "test", "user/anna")
			return w.aws("apply", "--yes", "--plan", file)
		}),
		row48("a plan of another account", cli.CouldNotAsk, "492000000149", func(w *world) ran {
			file := save(w)
			keys, err := w.lab.Account(w.t.Context(), "492000000149", us)
			if err != nil {
				w.t.Fatal(err)
			}
			w.t.Setenv("AWS_ACCESS_KEY_ID", keys.AccessKeyID)
			w.t.Setenv("AWS_SECRET_ACCESS_KEY", keys.SecretAccessKey)
			w.t.Setenv("AWS_SESSION_TOKEN", keys.SessionToken)
			return w.aws("apply", "--yes", "--plan", file)
		}),
		row48("a plan applied twice", cli.OK, "nothing to do", func(w *world) ran {
			file := save(w)
			w.aws("apply", "--yes", "--plan", file).ends(w.t, cli.OK)
			return w.aws("apply", "--yes", "--plan", file)
		}),
		{rows: []int{49}, name: "yes comes from a pipe", code: cli.Usage, says: []string{"there is no terminal to ask on", "--yes"},
			danger: func(w *world) ran { w.remove("backend.yaml"); return w.aws("apply", ".") },
			twin:   func(w *world) ran { w.remove("backend.yaml"); return w.apply() }, twinWrites: left},
		{rows: []int{49}, name: "--yes with a held change", code: cli.Held, says: []string{"last-admin", "(or --allow last-admin)"},
			danger:     func(w *world) ran { w.remove("admins.yaml"); return w.apply() },
			twin:       func(w *world) ran { w.remove("admins.yaml"); return w.apply("--allow", "last-admin") },
			twinWrites: `DeleteAccessEntry test 492000000148:user/(anna|boris)`},
		{rows: []int{50}, name: "plain http to another machine", code: cli.CouldNotAsk, says: []string{"plain http and not on this machine"},
			danger: func(w *world) ran { w.likeAWS("http://eks.example.com"); return w.apply() },
			twin: func(w *world) ran {
				w.likeAWS(strings.Replace(w.endpoint, "127.0.0.1", "localhost", 1))
				return w.apply()
			}},
		{rows: []int{50}, name: "the lab's keys to AWS", code: cli.CouldNotAsk, says: []string{"the credentials are the lab's and would go to"},
			danger: func(w *world) ran { w.t.Setenv("AWS_ENDPOINT_URL", ""); return w.apply() },
			twin:   func(w *world) ran { return w.apply() }},
		{rows: []int{50}, name: "keys of AWS to the lab", code: cli.CouldNotAsk,
			danger: func(w *world) ran {
				w.t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
				w.t.Setenv("AWS_SESSION_TOKEN", "")
				return w.apply()
			},
			twin: func(w *world) ran { return w.apply() }},
	}
}

// labRefusals are about who may reach the lab, and with what.
func labRefusals() []refusal {
	row51 := func(name string, code cli.Code, change func(r *http.Request)) refusal {
		return refusal{rows: []int{51}, name: name, code: code,
			danger: func(w *world) ran { return w.ask(0, change) },
			twin:   func(w *world) ran { return w.ask(14*time.Minute, nil) }}
	}
	return []refusal{
		{rows: []int{51}, name: "a lab on every interface", code: cli.Usage, says: []string{"loopback"},
			danger: func(w *world) ran {
				return w.bare("lab", "serve", "--listen", "0.0.0.0:0", "--lab", filepath.Join(w.t.TempDir(), "other.db"))
			},
			twin: func(w *world) ran { return w.ask(0, nil) }}, // it listens on 127.0.0.1
		row51("a foreign Host header", http.StatusForbidden, func(r *http.Request) { r.Host = "evil.example" }),
		row51("a query parameter twice", http.StatusForbidden, func(r *http.Request) { r.URL.RawQuery += "&maxResults=100" }),
		row51("a query parameter twice, in two cases", http.StatusForbidden, func(r *http.Request) { r.URL.RawQuery += "&MAXRESULTS=100" }),
		row51("a header that was not signed", http.StatusForbidden, func(r *http.Request) { r.Header.Set("X-Amz-Target", "Evil") }),
		row51("no signature", http.StatusForbidden, func(r *http.Request) { r.Header.Del("Authorization") }),
		{rows: []int{51}, name: "a signature 16 minutes old", code: http.StatusForbidden,
			danger: func(w *world) ran { return w.ask(16*time.Minute, nil) },
			twin:   func(w *world) ran { return w.ask(14*time.Minute, nil) }},
	}
}

// ask sends the lab a signed request of a certain age that change may spoil
// after it was signed. 200 is code 0, any other status is its own code.
func (w *world) ask(age time.Duration, change func(*http.Request)) ran {
	w.t.Helper()
	keys, err := w.lab.Env(w.t.Context(), smallAccount)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodGet, w.endpoint+"/clusters?maxResults=5", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	empty := sha256.Sum256(nil)
	credentials := aws.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}
	if err := v4.NewSigner().SignHTTP(w.t.Context(), credentials, r, hex.EncodeToString(empty[:]), "eks", us, time.Now().Add(-age)); err != nil {
		w.t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return ran{}
	}
	return ran{code: cli.Code(resp.StatusCode)}
}
