package trust

import (
	"flag"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

var rounds = flag.Int("rounds", 200, "random sets of ServiceAccounts")

// covers is the wish as people read it, apart from the code that writes it.
func covers(w access.WantTrust, scheme access.Credentials, k access.ClusterKey, namespace, name string) bool {
	glob := func(pattern, s string) bool {
		return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, "[^:]*") + "$").MatchString(s)
	}
	return w.Credentials == scheme && w.Cluster == k && glob(w.Namespace, namespace) && glob(w.Name, name)
}

// shows: item S98
// The policy written lets in exactly whom the documents name, and nobody else,
// by the decisions of authz/iam; also after merging it into another's, and
// after others came and went.
func TestExactlyTheWantedServiceAccountsMayHaveTheRole(t *testing.T) {
	const seed = 20261122
	r := rand.New(rand.NewPCG(seed, 4))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	namespaces, names := []string{"a", "ab", "a-b", "pr-1", "pr-", "kube-system"}, []string{"x", "xy", "default", "a"}
	clusters := []string{"one", "two", "one-two", "three"}
	wide := []string{"wide-cluster-1", "wide-cluster-2", "wide-cluster-3", "wide-cluster-4", "wide-cluster-5", "wide-cluster-6", "wide-cluster-7"}
	mix := map[string]int{}
	for range *rounds {
		var of []access.WantTrust
		for range 1 + r.IntN(6) {
			w := access.WantTrust{Credentials: access.PodIdentity, Cluster: key(pick(clusters[:3]...)),
				Namespace: pick(append(namespaces, "pr-*", "a*", "*b")...), Name: pick(append(names, "*", "x*")...)}
			if r.IntN(2) == 0 {
				w.Credentials = access.IRSA
			}
			of = append(of, w)
		}
		if r.IntN(4) == 0 { // so many that clusters must share a statement
			for _, name := range wide {
				of = append(of, access.WantTrust{Credentials: access.PodIdentity, Cluster: key(name), Namespace: "ab", Name: pick("x", "x", "xy")})
			}
		}
		before, _ := Want(of[:1+r.IntN(len(of))], issuerOf)
		now, missing := Want(of, issuerOf)
		if len(missing) > 0 {
			t.Fatal(missing)
		}
		d := merged(t, merged(t, access.Document(pick("", others)), before), now)
		p, err := iam.Parse(iam.Trust, string(d))
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Statements) < len(now) {
			mix["shared"]++
		}
		a := asker{p, home}
		for range 40 {
			scheme, k, ns, name := access.Credentials(pick("IRSA", "PodIdentity")), key(pick(clusters...)), pick(namespaces...), pick(names...)
			if r.IntN(2) == 0 { // one that is wanted, perhaps in the other scheme
				w := of[r.IntN(len(of))]
				scheme, k = w.Credentials, w.Cluster
				ns, name = strings.ReplaceAll(w.Namespace, "*", pick("", "b", "a-b")), strings.ReplaceAll(w.Name, "*", pick("", "xy"))
				if ns == "" || name == "" {
					continue
				}
			}
			wish := false
			for _, w := range of {
				wish = wish || covers(w, scheme, k, ns, name)
			}
			got, spoilt := iam.Allowed, pick("", "", "", "audience", "other")
			if scheme == access.IRSA {
				i, _ := issuerOf(k)
				f := facts{i.Name() + ":sub": {subjectPrefix + ns + ":" + name}, i.Name() + ":aud": {stsAudience}, "aws:FederatedProvider": {i.Provider}}
				switch spoilt {
				case "audience":
					f[i.Name()+":aud"] = []string{pick("vault", "sts.amazonaws.com.example", "")}
				case "other": // another issuer's token with the same subject
					other, _ := issuerOf(key("nobodys"))
					f = facts{other.Name() + ":sub": f[i.Name()+":sub"], other.Name() + ":aud": {stsAudience}}
					i = other
				}
				got = a.decide(bearer(i.Provider), assumeWithWeb, f, false)
			} else {
				f := podFacts(clusterARN(k), k.Name, ns, name)
				switch spoilt {
				case "audience":
					f = untaggedFacts()
				case "other": // a cluster of that name elsewhere
					f[tagCluster] = []string{pick(strings.Replace(clusterARN(k), "us-east-1", "us-west-2", 1), strings.Replace(clusterARN(k), home, "111122223333", 1))}
				}
				for _, action := range []string{assumeRole, tagSession} {
					if v := a.decide(pods(), action, f, false); v != iam.Allowed {
						got = v
					}
				}
			}
			wish = wish && spoilt == ""
			if (got == iam.Allowed) != wish || got == iam.Undetermined {
				t.Fatalf("seed %d: %s %s %s/%s (%s): %s, want allowed: %v\nfor %v\n%s", seed, scheme, k.Name, ns, name, spoilt, got, wish, of, d)
			}
			mix[string(scheme)+" "+string(got)]++
			if spoilt != "" {
				mix[string(scheme)+" "+spoilt]++
			}
		}
	}
	t.Logf("seed %d: %v", seed, mix)
	if mix["shared"] < *rounds/10 {
		t.Errorf("a poor mix: %d policies share statements", mix["shared"])
	}
	for _, kind := range []string{"IRSA allow", "PodIdentity allow", "IRSA deny", "PodIdentity deny", "IRSA audience", "IRSA other", "PodIdentity audience", "PodIdentity other"} {
		if mix[kind] < *rounds {
			t.Errorf("a poor mix: %d of %s", mix[kind], kind)
		}
	}
}

// What is written is never called dangerous, nothing of it is lacking in
// itself, and without a statement somebody lacks it.
func TestWhatIsWrittenIsWholeAndNotDangerous(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, 4))
	mix := map[string]int{}
	for range *rounds / 5 {
		var of []access.WantTrust
		for range 1 + r.IntN(5) {
			w := access.WantTrust{Credentials: access.PodIdentity, Cluster: key([]string{"one", "two"}[r.IntN(2)]), Namespace: []string{"a", "pr-*", "*-b"}[r.IntN(3)], Name: []string{"x", "y"}[r.IntN(2)]}
			if r.IntN(2) == 0 {
				w.Credentials = access.IRSA
			}
			of = append(of, w)
		}
		s, _ := Want(of, issuerOf)
		d := merged(t, "", s)
		if found := Judge(d, About{Role: "arn:aws:iam::" + home + ":role/x", Ours: true}); len(found) > 0 {
			t.Fatalf("seed %d: %v\n%s", seed, found, d)
		}
		if l := append(Lacks(d, s), Unclear(d, s)...); len(l) > 0 {
			t.Fatalf("seed %d: %s lacks %v", seed, d, l)
		}
		if len(s) < 2 {
			mix["one statement"]++
			continue
		}
		i := r.IntN(len(s))
		without := append(append([]Statement{}, s[:i]...), s[i+1:]...)
		if l := Lacks(merged(t, "", without), s); len(l) != 1 || l[0].Sid != s[i].Sid {
			t.Fatalf("seed %d: without %s it lacks %v", seed, s[i].Sid, l)
		}
		mix["one taken out"]++
	}
	t.Logf("seed %d: %v", seed, mix)
	if mix["one taken out"] < *rounds/20 {
		t.Errorf("a poor mix: %v", mix)
	}
}
