package podidentity_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator/podidentity"
)

const role = "arn:aws:iam::111122223333:role/yace"

var options = podidentity.Options{Region: "eu-west-1", Agent: "http://127.0.0.1:4566/v1/credentials", Random: func(int64) int64 { return 7 }}

// mutate gives a pod, written as JSON, as it is after the webhook.
func mutate(t *testing.T, pod string, account podidentity.Account, o podidentity.Options) any {
	t.Helper()
	var read podidentity.Pod
	var whole any
	for _, into := range []any{&read, &whole} {
		if err := json.Unmarshal([]byte(pod), into); err != nil {
			t.Fatalf("%s: %v", pod, err)
		}
	}
	b, err := json.Marshal(podidentity.Patch(&read, account, o))
	if err != nil {
		t.Fatal(err)
	}
	var patch []struct {
		Op, Path string
		Value    any
	}
	if err := json.Unmarshal(b, &patch); err != nil {
		t.Fatal(err)
	}
	for _, p := range patch {
		if p.Op != "add" {
			t.Fatalf("an operation %s", p.Op)
		}
		whole = add(t, whole, strings.Split(p.Path, "/")[1:], p.Value)
	}
	return whole
}

// add does one operation of a JSON Patch. (RFC 6902, 4.1)
func add(t *testing.T, in any, path []string, value any) any {
	t.Helper()
	key := strings.ReplaceAll(strings.ReplaceAll(path[0], "~1", "/"), "~0", "~")
	switch v := in.(type) {
	case map[string]any:
		if len(path) == 1 {
			v[key] = value
			return v
		}
		v[key] = add(t, v[key], path[1:], value)
		return v
	case []any:
		if key == "-" && len(path) == 1 {
			return append(v, value)
		}
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i > len(v) || i == len(v) && len(path) > 1 {
			t.Fatalf("no element %s in %v", key, v)
		}
		if len(path) == 1 {
			return append(v[:i:i], append([]any{value}, v[i:]...)...)
		}
		v[i] = add(t, v[i], path[1:], value)
		return v
	}
	t.Fatalf("nothing at %s", key)
	return nil
}

func object(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

const (
	regional = `{"name":"AWS_STS_REGIONAL_ENDPOINTS","value":"regional"},{"name":"AWS_DEFAULT_REGION","value":"eu-west-1"},{"name":"AWS_REGION","value":"eu-west-1"}`
	irsaEnv  = `{"name":"AWS_ROLE_ARN","value":"arn:aws:iam::111122223333:role/yace"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/var/run/secrets/eks.amazonaws.com/serviceaccount/token"}`
	podEnv   = `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://127.0.0.1:4566/v1/credentials"},` +
		`{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"}`
	irsaMount = `{"name":"aws-iam-token","readOnly":true,"mountPath":"/var/run/secrets/eks.amazonaws.com/serviceaccount"}`
	podMount  = `{"name":"eks-pod-identity-token","readOnly":true,"mountPath":"/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"}`
)

func volume(name, audience, file string, seconds int) string {
	return fmt.Sprintf(`{"name":%q,"projected":{"sources":[{"serviceAccountToken":{"audience":%q,"expirationSeconds":%d,"path":%q}}]}}`, name, audience, seconds, file)
}

func irsaVolume(seconds int) string {
	return volume("aws-iam-token", "sts.amazonaws.com", "token", seconds)
}

// shows: item S89
func TestPodsAreChangedAsEKSChangesThem(t *testing.T) {
	irsa := podidentity.Account{Annotations: map[string]string{"eks.amazonaws.com/role-arn": role}}
	with := func(pairs ...string) podidentity.Account {
		a := podidentity.Account{Annotations: map[string]string{"eks.amazonaws.com/role-arn": role}}
		for i := 0; i < len(pairs); i += 2 {
			a.Annotations["eks.amazonaws.com/"+pairs[i]] = pairs[i+1]
		}
		return a
	}
	associated := podidentity.Account{Annotations: map[string]string{}, Associated: true}
	both := with()
	both.Associated = true
	podVolume := volume("eks-pod-identity-token", "pods.eks.amazonaws.com", "eks-pod-identity-token", 79207)
	for _, c := range []struct {
		name    string
		account podidentity.Account
		pod     string
		want    string
	}{
		{"no role", podidentity.Account{}, `{"spec":{"containers":[{"name":"a"}]}}`, `{"spec":{"containers":[{"name":"a"}]}}`},
		{"an empty annotation", podidentity.Account{Annotations: map[string]string{"eks.amazonaws.com/role-arn": ""}}, `{"spec":{"containers":[{"name":"a"}]}}`, `{"spec":{"containers":[{"name":"a"}]}}`},
		{"IRSA", irsa, `{"spec":{"containers":[{"name":"a","image":"x"}]}}`,
			`{"spec":{"containers":[{"name":"a","image":"x","env":[` + regional + `,` + irsaEnv + `],"volumeMounts":[` + irsaMount + `]}],"volumes":[` + irsaVolume(86400) + `]}}`},
		{"volumes come first, variables and mounts last", irsa,
			`{"spec":{"containers":[{"name":"a","env":[{"name":"X","value":"1"}],"volumeMounts":[{"name":"v"}]}],"initContainers":[{"name":"i"}],"volumes":[{"name":"v"}]}}`,
			`{"spec":{"containers":[{"name":"a","env":[{"name":"X","value":"1"},` + regional + `,` + irsaEnv + `],"volumeMounts":[{"name":"v"},` + irsaMount + `]}],` +
				`"initContainers":[{"name":"i","env":[` + regional + `,` + irsaEnv + `],"volumeMounts":[` + irsaMount + `]}],"volumes":[` + irsaVolume(86400) + `,{"name":"v"}]}}`},
		{"Pod Identity", associated, `{"spec":{"containers":[{"name":"a"}]},"metadata":{"name":"p"}}`,
			`{"spec":{"containers":[{"name":"a","env":[` + regional + `,` + podEnv + `],"volumeMounts":[` + podMount + `]}],"volumes":[` + podVolume + `]},"metadata":{"name":"p","labels":{"eks.amazonaws.com/pod-identity":"enabled"}}}`},
		{"Pod Identity comes before IRSA", both, `{"spec":{"containers":[{"name":"a"}]},"metadata":{"labels":{"app":"x"}}}`,
			`{"spec":{"containers":[{"name":"a","env":[` + regional + `,` + podEnv + `],"volumeMounts":[` + podMount + `]}],"volumes":[` + podVolume + `]},"metadata":{"labels":{"app":"x","eks.amazonaws.com/pod-identity":"enabled"}}}`},
		{"containers to skip", irsa, `{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"b, c"}},"spec":{"containers":[{"name":"a"},{"name":"b"}],"initContainers":[{"name":"c"}]}}`,
			`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"b, c"}},"spec":{"containers":[{"name":"a","env":[` + regional + `,` + irsaEnv + `],"volumeMounts":[` + irsaMount + `]},{"name":"b"}],"initContainers":[{"name":"c"}],"volumes":[` + irsaVolume(86400) + `]}}`},
		{"a role that is there already", irsa, `{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"mine"}]}]}}`,
			`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"mine"},` + regional + `],"volumeMounts":[` + irsaMount + `]}],"volumes":[` + irsaVolume(86400) + `]}}`},
		{"a Region that is there already", irsa, `{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_REGION","value":"mine"}]}]}}`,
			`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_REGION","value":"mine"},{"name":"AWS_STS_REGIONAL_ENDPOINTS","value":"regional"},` + irsaEnv + `],"volumeMounts":[` + irsaMount + `]}],"volumes":[` + irsaVolume(86400) + `]}}`},
		{"a volume that is there already", irsa, `{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"aws-iam-token"}]}],"volumes":[{"name":"aws-iam-token"}]}}`,
			`{"spec":{"containers":[{"name":"a","env":[` + regional + `,` + irsaEnv + `],"volumeMounts":[{"name":"aws-iam-token"}]}],"volumes":[{"name":"aws-iam-token"}]}}`},
		{"a label that is there already", associated, `{"metadata":{"labels":{"eks.amazonaws.com/pod-identity":"mine"}},"spec":{"containers":[{"name":"a"}]}}`,
			`{"metadata":{"labels":{"eks.amazonaws.com/pod-identity":"mine"}},"spec":{"containers":[{"name":"a","env":[` + regional + `,` + podEnv + `],"volumeMounts":[` + podMount + `]}],"volumes":[` + podVolume + `]}}`},
		{"an audience, and the global STS", with("audience", "vault", "sts-regional-endpoints", "false"), `{"spec":{"containers":[{"name":"a"}]}}`,
			`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_DEFAULT_REGION","value":"eu-west-1"},{"name":"AWS_REGION","value":"eu-west-1"},` + irsaEnv + `],"volumeMounts":[` + irsaMount + `]}],"volumes":[` + volume("aws-iam-token", "vault", "token", 86400) + `]}}`},
		{"on Windows", irsa, `{"spec":{"nodeSelector":{"kubernetes.io/os":"windows"},"containers":[{"name":"a"}]}}`,
			`{"spec":{"nodeSelector":{"kubernetes.io/os":"windows"},"containers":[{"name":"a","env":[` + regional + `,` + strings.Replace(irsaEnv, "/var/run/secrets/eks.amazonaws.com/serviceaccount/token", `C:\\var\\run\\secrets\\eks.amazonaws.com\\serviceaccount\\token`, 1) + `],"volumeMounts":[` + irsaMount + `]}],"volumes":[` + irsaVolume(86400) + `]}}`},
	} {
		if diff := cmp.Diff(object(t, c.want), mutate(t, c.pod, c.account, options)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

// shows: item S89
func TestThePodsWordOnItsTokensLifeComesFirst(t *testing.T) {
	for _, c := range []struct {
		pod, account string
		associated   bool
		want         float64
	}{
		{"", "", false, 86400}, {"", "", true, 79207}, {"", "3600", false, 3600}, {"7200", "3600", false, 7200}, {"7200", "", true, 7200},
		{"soon", "3600", false, 3600}, {"", "soon", false, 86400}, {"599", "", false, 600}, {"", "1", true, 600}, {"600", "", false, 600},
	} {
		a := podidentity.Account{Annotations: map[string]string{"eks.amazonaws.com/role-arn": role}, Associated: c.associated}
		pod := `{"metadata":{},"spec":{"containers":[{"name":"a"}]}}`
		if c.account != "" {
			a.Annotations["eks.amazonaws.com/token-expiration"] = c.account
		}
		if c.pod != "" {
			pod = `{"metadata":{"annotations":{"eks.amazonaws.com/token-expiration":"` + c.pod + `"}},"spec":{"containers":[{"name":"a"}]}}`
		}
		got := mutate(t, pod, a, options).(map[string]any)["spec"].(map[string]any)["volumes"].([]any)[0].(map[string]any)["projected"].(map[string]any)["sources"].([]any)[0].(map[string]any)["serviceAccountToken"].(map[string]any)["expirationSeconds"]
		if got != c.want {
			t.Errorf("pod %q, ServiceAccount %q, association %v: %v, want %v", c.pod, c.account, c.associated, got, c.want)
		}
	}
}

// The lives of Pod Identity tokens are spread so that they are not renewed all
// at once.
func TestTheJitterStaysInItsBounds(t *testing.T) {
	asked := int64(0)
	o := options
	for _, random := range []func(int64) int64{func(n int64) int64 { asked = n; return 0 }, func(n int64) int64 { return n - 1 }} {
		o.Random = random
		text := fmt.Sprint(mutate(t, `{"metadata":{},"spec":{"containers":[{"name":"a"}]}}`, podidentity.Account{Associated: true}, o))
		if !strings.Contains(text, "expirationSeconds:79200") && !strings.Contains(text, "expirationSeconds:86400") {
			t.Error(text)
		}
	}
	if asked != 7201 {
		t.Errorf("drawn below %d", asked)
	}
}

// Whatever a pod has, it keeps: names are told apart, and what is added stands
// behind, volumes before.
//
// shows: item S89
func TestNothingThatIsThereIsChanged(t *testing.T) {
	seed := uint64(20261122)
	r := rand.New(rand.NewPCG(seed, 1))
	names := []string{"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "X"}
	volumes := []string{"aws-iam-token", "eks-pod-identity-token", "v"}
	some := func(from []string, extra string) []any {
		list := []any{}
		for _, n := range from {
			if r.IntN(3) == 0 {
				list = append(list, map[string]any{"name": n, extra: "kept"})
			}
		}
		return list
	}
	mix := map[string]int{}
	for range 2000 {
		containers := func() []any {
			list := []any{}
			for i := range r.IntN(3) {
				list = append(list, map[string]any{"name": fmt.Sprint("c", i), "env": some(names, "value"), "volumeMounts": some(volumes, "mountPath"), "image": "x"})
			}
			return list
		}
		pod := map[string]any{"metadata": map[string]any{"labels": map[string]any{}}, "spec": map[string]any{"containers": containers(), "initContainers": containers(), "volumes": some(volumes, "secret")}}
		before, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		a := podidentity.Account{Associated: r.IntN(2) == 0}
		if r.IntN(3) > 0 {
			a.Annotations = map[string]string{"eks.amazonaws.com/role-arn": role}
		}
		after := mutate(t, string(before), a, options)
		mix[fmt.Sprintf("association %v, annotation %v", a.Associated, a.Annotations != nil)]++
		if !keeps(object(t, string(before)), after) {
			t.Fatalf("seed %d: %s became %v", seed, before, after)
		}
	}
	t.Logf("seed %d, mix %v", seed, mix)
	for kind, n := range mix {
		if len(mix) < 4 || n < 200 {
			t.Errorf("a poor mix: %s %d of %v", kind, n, mix)
		}
	}
}

// keeps reports whether all of before stands in after; of lists in the same
// order.
func keeps(before, after any) bool {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		for k, v := range b {
			ok = ok && keeps(v, a[k])
		}
		return ok
	case []any:
		a, ok := after.([]any)
		i := 0
		for _, v := range a {
			if i < len(b) && keeps(b[i], v) {
				i++
			}
		}
		return ok && i == len(b)
	}
	return before == after
}

func TestReviewsAreOfPods(t *testing.T) {
	known := func(string, string) (podidentity.Account, bool) { return podidentity.Account{Associated: true}, true }
	for _, wrong := range []string{``, `{}`, `{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{}}`, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`} {
		if out, err := podidentity.Review([]byte(wrong), known, options); err == nil {
			t.Errorf("%s: %s", wrong, out)
		}
	}
	ask := func(account string, ok bool) string {
		out, err := podidentity.Review([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"7","namespace":"ns","object":{"spec":{"serviceAccountName":"`+account+`","containers":[{"name":"a"}]}}}}`),
			func(namespace, name string) (podidentity.Account, bool) {
				if namespace != "ns" || name != account {
					t.Errorf("asked for %s/%s", namespace, name)
				}
				return podidentity.Account{Associated: true}, ok
			}, options)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	const unchanged = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"allowed":true,"uid":"7"}}`
	if out := ask("yace", true); !strings.Contains(out, `"patchType":"JSONPatch"`) || !strings.Contains(out, `"uid":"7"`) {
		t.Error(out)
	}
	for name, ok := range map[string]bool{"": true, "gone": false} {
		if out := ask(name, ok); out != unchanged {
			t.Errorf("%q: %s", name, out)
		}
	}
}
