package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/atlas-iam/atlas-iam/emulator"
)

// canaryAWS is the embedded AWS, with a way to fail.
type canaryAWS struct {
	server   *emulator.Server
	keys     emulator.Keys
	mode     atomic.Value // string, see ServeHTTP
	endpoint string
}

const canaryAccount = "492000000148"

func newCanaryAWS(t *testing.T) *canaryAWS {
	t.Helper()
	server, err := emulator.Open(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &canaryAWS{server: server}
	a.mode.Store("works")
	if a.keys, err = server.Account(canaryAccount, "us-east-1"); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(a)
	t.Cleanup(func() { front.Close(); server.Close() })
	a.endpoint = front.URL
	return a
}

// ServeHTTP does as mode says: calls of EKS fail, or those of STS.
func (a *canaryAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	isEKS := strings.Contains(r.Header.Get("Authorization"), "/eks/")
	fail := func(status int, contentType, text string) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
	token := r.Header.Get("X-Amz-Security-Token")
	switch mode := a.mode.Load().(string); {
	case bytes.Contains(body, []byte("Action=AssumeRoleWithWebIdentity")):
		fail(200, "text/xml", fmt.Sprintf(`<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>%s</AccessKeyId>`+
			`<SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>`+
			`</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, a.keys.AccessKeyID, a.keys.SecretAccessKey, a.keys.SessionToken))
	case mode == "eks denies" && isEKS:
		fail(403, "application/json", `{"__type":"AccessDeniedException","message":"User is not authorized to perform: eks:ListClusters"}`)
	case mode == "eks denies writes" && isEKS && r.Method != http.MethodGet:
		fail(403, "application/json", `{"__type":"AccessDeniedException","message":"User is not authorized to perform: eks:CreateAccessEntry, token `+token+`"}`)
	case mode == "eks fails" && isEKS:
		fail(500, "application/json", `{"__type":"ServerException","message":"oops"}`)
	case mode == "eks answers garbage" && isEKS:
		fail(200, "application/json", `{"clusters":`)
	case mode == "eks cuts the line" && isEKS:
		panic(http.ErrAbortHandler)
	case mode == "eks says what it was sent" && isEKS: // as AWS does of a wrong signature
		message := "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.\n\n" +
			"The Canonical String for this request should have been\n'GET\n/clusters\n\nx-amz-security-token:" + token + "\n'"
		b, _ := json.Marshal(map[string]string{"message": message})
		w.Header().Set("X-Amzn-Errortype", "InvalidSignatureException")
		fail(403, "application/json", string(b))
	case mode == "sts says what it was sent" && !isEKS:
		fail(403, "text/xml", "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match. "+
			"The Canonical String for this request should have been 'POST x-amz-security-token:"+token+"'</Message></Error></ErrorResponse>")
	default:
		a.server.ServeHTTP(w, r)
	}
}

// canarySource is one way to be given credentials.
type canarySource struct {
	env      map[string]string
	canaries []string // besides the keys' own
	folder   string   // of the documents
	fails    bool     // whatever AWS does
}

// canarySources are all the ways that the SDK and the documents have. Every
// secret that is no key of the lab says so.
func canarySources(t *testing.T, a *canaryAWS, dir string) map[string]canarySource {
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inEnv := map[string]string{"AWS_ACCESS_KEY_ID": a.keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": a.keys.SecretAccessKey, "AWS_SESSION_TOKEN": a.keys.SessionToken}
	and := func(env map[string]string, more ...string) map[string]string {
		env = maps.Clone(env)
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	ini := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n", a.keys.AccessKeyID, a.keys.SecretAccessKey, a.keys.SessionToken)
	process, _ := json.Marshal(map[string]any{"Version": 1, "AccessKeyId": a.keys.AccessKeyID, "SecretAccessKey": a.keys.SecretAccessKey, "SessionToken": a.keys.SessionToken})
	token := file("token", "canary.web.identity")
	return map[string]canarySource{
		"environment variables":   {env: inEnv, folder: "plain"},
		"shared credentials file": {env: map[string]string{"AWS_SHARED_CREDENTIALS_FILE": file("credentials", "[default]\n"+ini)}, folder: "plain"},
		"profile of the config":   {env: map[string]string{"AWS_CONFIG_FILE": file("config", "[profile me]\n"+ini), "AWS_PROFILE": "me"}, folder: "plain"},
		"credential process": {env: map[string]string{"AWS_PROFILE": "me",
			"AWS_CONFIG_FILE": file("config2", "[profile me]\ncredential_process = cat "+file("process.json", string(process))+"\n")}, folder: "plain"},
		// The SDK asks AWS's own STS, whatever AWS_ENDPOINT_URL says, so this one never works here.
		"web identity": {env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::" + canaryAccount + ":role/ci", "AWS_REGION": "us-east-1"},
			canaries: []string{"canary.web.identity"}, folder: "plain", fails: true},
		"external id": {env: inEnv, canaries: []string{"canary-external-id"}, folder: "assumed"},
		"proxies with passwords": {env: and(inEnv, "HTTPS_PROXY", "http://u:canary-proxy@127.0.0.1:1", "HTTP_PROXY", "http://u:canary-proxy@127.0.0.1:1"),
			canaries: []string{"canary-proxy"}, folder: "plain"},
		"endpoint with a password": {env: and(inEnv, "AWS_ENDPOINT_URL", strings.Replace(a.endpoint, "//", "//u:canary-endpoint@", 1)),
			canaries: []string{"canary-endpoint"}, folder: "plain"},
	}
}

// canaryDocuments writes two folders of documents; one's account is reached by
// a role with an external id.
func canaryDocuments(t *testing.T, dir string) {
	for folder, assume := range map[string]string{"plain": "", "assumed": `, assumeRole: {arn: "arn:aws:iam::` + canaryAccount + `:role/atlas", externalId: canary-external-id}`} {
		text := `apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ` + folder + `}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "` + canaryAccount + `", regions: [us-east-1]` + assume + `}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: ` + folder + `}
spec: {}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: dev}
spec:
  members: [{user: ann}]
  clusters: {all: true}
  grants: [{policy: Edit, namespaces: [dev]}]
`
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, folder), 0o755), os.WriteFile(filepath.Join(dir, folder, "all.yaml"), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// No secret of any source of credentials is in any output, whatever goes
// wrong, at the highest verbosity; and with each of them the run works.
//
// shows: item S40
func TestCanarySecretsAppearNowhere(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"environment variables", "shared credentials file", "profile of the config", "credential process",
		"web identity", "external id", "proxies with passwords", "endpoint with a password"}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := canaryWorld{canaryAWS: newCanaryAWS(t), dir: t.TempDir()}
			canaryDocuments(t, w.dir)
			if err := os.Symlink(self, filepath.Join(w.dir, "atlas-iam")); err != nil { // TestMain makes that name the command
				t.Fatal(err)
			}
			sources := canarySources(t, w.canaryAWS, w.dir)
			w.source = sources[name]
			if len(sources) != len(names) || w.source.env == nil {
				t.Fatalf("the sources are %q", slices.Sorted(maps.Keys(sources)))
			}
			w.steps(t, name == "environment variables")
		})
	}
}

// canaryWorld is one source's lab and folder.
type canaryWorld struct {
	*canaryAWS
	dir    string
	source canarySource
}

// run runs one command line; the AWS does as mode says.
func (w *canaryWorld) run(t *testing.T, mode string, env map[string]string, args ...string) (output string, code int) {
	t.Helper()
	w.mode.Store(mode)
	cmd := exec.Command(filepath.Join(w.dir, "atlas-iam"), args...)
	cmd.Dir = filepath.Join(w.dir, w.source.folder)
	all := map[string]string{"PATH": os.Getenv("PATH"), "HOME": w.dir, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": w.endpoint, "TMPDIR": w.dir}
	maps.Copy(all, env)
	for k, v := range all {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	b, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// look holds a text against all secrets.
func (w *canaryWorld) look(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range append([]string{w.keys.SecretAccessKey, w.keys.SessionToken}, w.source.canaries...) {
		if strings.Contains(text, secret) {
			t.Errorf("%s has the secret %q:\n%s", where, secret, text)
		}
	}
}

// steps are ordinary commands and their failures; slow ones are those that the
// SDK tries again.
func (w *canaryWorld) steps(t *testing.T, slow bool) {
	if out, code := w.run(t, "works", nil, "lab", "seed", "--endpoint", w.endpoint, filepath.Join(w.dir, w.source.folder)); code != 0 {
		t.Fatalf("seed: %d: %s", code, out)
	}
	saved, other, record := filepath.Join(w.dir, "plan.json"), filepath.Join(w.dir, "other.json"), filepath.Join(w.dir, "record.jsonl")
	steps := []canaryStep{
		{"works", OK, []string{"plan", "-v", "--out", saved}},
		{"works", OK, []string{"plan", "-v", "-o", "json"}},
		{"works", OK, []string{"plan", "-v", "-o", "markdown"}},
		{"eks denies", Held, []string{"plan", "-v", "--out", other}},
		{"eks says what it was sent", Held, []string{"plan", "-v", "-o", "json"}},
		{"sts says what it was sent", CouldNotAsk, []string{"apply", "-v", "--yes"}},
		{"eks denies writes", Failed, []string{"apply", "-v", "--yes", "--record", record, "--plan", saved}},
		{"works", OK, []string{"apply", "-v", "--yes", "--record", record, "--plan", saved}},
		{"works", OK, []string{"destroy", "-v", "--yes", "--record", record, "-o", "json"}},
	}
	if slow {
		steps = append(steps, canaryStep{"eks fails", Held, []string{"apply", "-v", "--yes"}}, canaryStep{"eks answers garbage", Held, []string{"plan", "-v"}},
			canaryStep{"eks cuts the line", Held, []string{"plan", "-v"}})
	}
	for _, step := range steps {
		out, code := w.run(t, step.mode, w.source.env, step.args...)
		w.look(t, step.mode+": "+strings.Join(step.args, " "), out)
		if w.source.fails && (code == int(CouldNotAsk) || code == int(Usage)) {
			continue
		}
		if code != int(step.code) || w.source.fails {
			t.Errorf("%s: %v: exit %d, want %d\n%s", step.mode, step.args, code, step.code, out)
		}
	}
	for _, f := range []string{saved, other, record} {
		b, err := os.ReadFile(f)
		if (err != nil || len(b) == 0) && !w.source.fails {
			t.Errorf("nothing in %s: %v", f, err)
		}
		if f != record { // what is saved for apply --plan must do without the documents, and has 0600
			b = bytes.ReplaceAll(b, []byte(`"externalId": "canary-external-id"`), nil)
		}
		w.look(t, filepath.Base(f), string(b))
	}
	w.lookFurther(t)
}

type canaryStep struct {
	mode string
	code Code
	args []string
}

// lookFurther has what no step shows: an endpoint that is refused, and what the
// lab remembers. (The external id stands there in a role's trust policy.)
func (w *canaryWorld) lookFurther(t *testing.T) {
	env := maps.Clone(w.source.env)
	env["AWS_ENDPOINT_URL"] = "http://u:canary-refused@aws.invalid/?x=canary-refused"
	out, code := w.run(t, "works", env, "plan", "-v")
	if w.look(t, "an endpoint in the clear", out); code != int(CouldNotAsk) || strings.Contains(out, "canary-refused") {
		t.Errorf("an endpoint in the clear: exit %d: %s", code, out)
	}
	journal, err := json.Marshal(w.server.Journal())
	if err != nil || len(w.server.Journal()) == 0 {
		t.Fatalf("the journal is %s, %v", journal, err)
	}
	if text := string(journal); strings.Contains(text, w.keys.SecretAccessKey) || strings.Contains(text, w.keys.SessionToken) {
		t.Errorf("the journal has the keys: %s", text)
	}
}
