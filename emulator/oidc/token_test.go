package oidc_test

import (
	"errors"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/oidc"
	"github.com/atlas-iam/atlas-iam/emulator/oidc/oidctest"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// issuer makes an issuer as the lab does, and the same for who signs with it.
func issuer(t *testing.T, url string) (oidc.Key, oidctest.Issuer) {
	t.Helper()
	k, err := oidc.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := oidctest.ParseKey(k.PrivatePEM())
	if err != nil {
		t.Fatal(err)
	}
	return k, oidctest.Issuer{URL: url, Key: pair, ID: k.ID}
}

// What is refused here; issuers, audiences and subjects are for who takes the
// token to judge.
func TestATokenIsReadStrictly(t *testing.T) {
	now := time.Unix(1795332190, 0)
	key, i := issuer(t, "https://oidc.eks.us-east-1.amazonaws.com/id/A")
	_, other := issuer(t, "https://oidc.eks.us-east-1.amazonaws.com/id/B")
	verify := func(token string) error {
		parsed, err := oidc.Parse(token)
		if err == nil {
			err = parsed.Verify([]oidc.Key{key}, now)
		}
		return err
	}
	faults := map[oidctest.Why]oidc.Fault{
		oidctest.Malformed: oidc.Malformed, oidctest.NoKey: oidc.NoKey, oidctest.Forged: oidc.Forged,
		oidctest.Expired: oidc.Expired, oidctest.TooEarly: oidc.NotYetValid,
	}
	refused := 0
	for _, c := range oidctest.Hostile(t, i, other, "ops", "yace", "sts.amazonaws.com", now) {
		if err := verify(c.Twin); err != nil {
			t.Errorf("the twin of %q: %v", c.Name, err)
		}
		want, here := faults[c.Why]
		if !here {
			continue
		}
		refused++
		var e *oidc.Error
		if err := verify(c.Token); !errors.As(err, &e) || e.Fault != want {
			t.Errorf("%s: %v, want %s", c.Name, err, want)
		}
	}
	if refused < 15 {
		t.Errorf("%d hostile tokens were tried", refused)
	}
}

func TestAKeyStaysAsLongAsItsTokens(t *testing.T) {
	db, err := store.Open("", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Unix(1795332190, 0)
	first, _ := issuer(t, "")
	second, _ := issuer(t, "")
	third, _ := issuer(t, "")
	err = db.Update(func(tx *store.Tx) error {
		oidc.Begin(tx, "A", first)
		oidc.Begin(tx, "A", second) // it has one
		oidc.Rotate(tx, "A", second, now)
		oidc.Rotate(tx, "A", third, now.Add(time.Hour))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  []string
	}{
		{oidc.LongestToken - 1, []string{third.ID, second.ID, first.ID}},
		{oidc.LongestToken, []string{third.ID, second.ID}},
		{oidc.LongestToken + time.Hour, []string{third.ID}},
		{1000 * oidc.LongestToken, []string{third.ID}},
	} {
		err := db.View(func(tx *store.Tx) error {
			keys := oidc.Keys(tx, "A", now.Add(c.after))
			for i, id := range c.want {
				if len(keys) != len(c.want) || keys[i].ID != id {
					t.Errorf("after %v: %d keys, want %d", c.after, len(keys), len(c.want))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJhIiwic3ViIjoiYiIsImV4cCI6MSwiYXVkIjoiYyJ9.AA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := oidc.Parse(text)
		if err == nil && token.Verify(nil, time.Unix(0, 0)) == nil {
			t.Error("it is valid without a key")
		}
	})
}
