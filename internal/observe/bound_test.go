package observe

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// podServer is an API server of a namespace's pods: it answers 403 to what is
// not set.
type podServer struct {
	t      *testing.T
	trial  string // what a pod that is tried comes to
	refuse string // or with what words it is refused, as Kubernetes' Status
	pods   string // items of the list
	writes int
}

func (s *podServer) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := 403, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"not allowed","code":403}`
	answer := func(text string) {
		if text != "" {
			status, body = 200, text
		}
	}
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/namespaces/preview-1/pods"):
		var pod struct {
			Spec struct{ ServiceAccountName string }
		}
		if err := json.NewDecoder(r.Body).Decode(&pod); err != nil || pod.Spec.ServiceAccountName != "app" {
			s.t.Errorf("tried %+v, %v", pod, err)
		}
		if r.URL.Query().Get("dryRun") != "All" {
			s.writes++
		}
		if answer(s.trial); s.refuse != "" {
			if body = s.refuse; strings.Contains(body, `"code":404`) {
				status = 404
			}
		}
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/namespaces/preview-1/pods"):
		if s.pods != "" {
			answer(`{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[` + strings.TrimSpace(s.pods) + `]}`)
		}
	case strings.HasSuffix(r.URL.Path, "/serviceaccounts/app/token"):
		answer(`{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","status":{"token":"a.b.c","expirationTimestamp":"2026-11-22T12:00:00Z"}}`)
	}
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

// shows: item S126
func TestHowFarAnAssociationIsSeenIsToldStepByStep(t *testing.T) {
	const (
		role  = "arn:aws:iam::492000000148:role/app"
		plain = `{"kind":"Pod","spec":{"containers":[{"name":"try","env":[{"name":"OTHER"}]}]}}`
		given = `{"kind":"Pod","spec":{"containers":[{"name":"try","env":[{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"}]}]}}`
		pod   = `{"metadata":{"name":"web-1","uid":"u"},"spec":{"serviceAccountName":"app"},"status":{"phase":"Running"}}`
		none  = " " // of pods
	)
	refusal := func(code int, reason, message string) string {
		text, err := json.Marshal(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const noPod = "not asked: no pod runs as it yet, and a token is a pod's"
	session := func(name string) *reply {
		return ok200(map[string]any{
			"credentials":     map[string]any{"accessKeyId": "ASIAX", "secretAccessKey": "s", "sessionToken": "t", "expiration": 1793400000},
			"assumedRoleUser": map[string]any{"arn": "arn:aws:sts::492000000148:assumed-role/" + name + "/eks-test-web-1-x", "assumeRoleId": "AROA:x"},
		})
	}
	for what, c := range map[string]struct {
		shown       string // the association's role; "": it is not shown
		server      podServer
		auth        *reply
		without     string
		want        [3]string
		done, fails bool
	}{
		"all of it":                    {shown: role, server: podServer{trial: given, pods: pod}, auth: session("app"), want: [3]string{"seen", "seen", "seen"}, done: true},
		"no pod runs":                  {shown: role, server: podServer{trial: given, pods: none}, want: [3]string{"seen", "seen", "not asked: no pod runs as it yet, and a token is a pod's"}, done: true},
		"nobody may ask the cluster":   {shown: role, want: [3]string{"seen", "not asked: Forbidden: not allowed", "not asked: Forbidden: not allowed"}, done: true},
		"it is not to be asked":        {shown: role, server: podServer{trial: plain, pods: pod}, without: "via None", want: [3]string{"seen", "not asked: via None", "not asked: via None"}, done: true},
		"EKS does not show it":         {server: podServer{trial: given, pods: none}, want: [3]string{"not seen: EKS does not show the association yet", "seen", "not asked: no pod runs as it yet, and a token is a pod's"}},
		"EKS shows its former role":    {shown: role + "-old", server: podServer{trial: given, pods: none}, want: [3]string{"not seen: EKS still shows another role of the association", "seen", "not asked: no pod runs as it yet, and a token is a pod's"}},
		"pods are not changed yet":     {shown: role, server: podServer{trial: plain, pods: none}, want: [3]string{"seen", "not seen: the cluster gives its pods no way to credentials yet", "not asked: no pod runs as it yet, and a token is a pod's"}},
		"EKS Auth does not know it":    {shown: role, server: podServer{trial: given, pods: pod}, auth: refuse(404, "ResourceNotFoundException", "no association"), want: [3]string{"seen", "seen", "not seen: ResourceNotFoundException: no association"}},
		"EKS Auth gives another role":  {shown: role, server: podServer{trial: given, pods: pod}, auth: session("application"), want: [3]string{"seen", "seen", "not seen: EKS Auth still gives arn:aws:sts::492000000148:assumed-role/application/eks-test-web-1-x"}},
		"the caller may not ask there": {shown: role, server: podServer{trial: given, pods: pod}, auth: refuse(400, "AccessDeniedException", "User: x is not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: y"), want: [3]string{"seen", "seen", "not asked: AccessDeniedException: User: x is not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: y"}, done: true},
		"EKS cannot be asked":          {shown: role, fails: true},
		// The words are kube-apiserver's of 1.36.
		"there is no namespace": {shown: role, server: podServer{refuse: refusal(404, "NotFound", `namespaces "preview-1" not found`), pods: none},
			want: [3]string{"seen", `not seen: NotFound: namespaces "preview-1" not found`, noPod}},
		"there is no ServiceAccount": {shown: role, server: podServer{refuse: refusal(403, "Forbidden", `pods "atlas-iam-try-x" is forbidden: error looking up service account preview-1/app: serviceaccount "app" not found`), pods: none},
			want: [3]string{"seen", `not seen: Forbidden: pods "atlas-iam-try-x" is forbidden: error looking up service account preview-1/app: serviceaccount "app" not found`, noPod}},
		"the namespace ends": {shown: role, server: podServer{refuse: refusal(403, "Forbidden", `pods "atlas-iam-try-x" is forbidden: unable to create new content in namespace preview-1 because it is being terminated`), pods: none},
			want: [3]string{"seen", `not seen: Forbidden: pods "atlas-iam-try-x" is forbidden: unable to create new content in namespace preview-1 because it is being terminated`, noPod}},
		"the caller may make no pods": {shown: role, server: podServer{refuse: refusal(403, "Forbidden", `pods is forbidden: User "ci" cannot create resource "pods" in API group "" in the namespace "preview-1"`), pods: none},
			want: [3]string{"seen", `not asked: Forbidden: pods is forbidden: User "ci" cannot create resource "pods" in API group "" in the namespace "preview-1"`, noPod}, done: true},
		"a policy is against the tried pod": {shown: role, server: podServer{refuse: refusal(403, "Forbidden", `pods "atlas-iam-try-x" is forbidden: exceeded quota: q`), pods: none},
			want: [3]string{"seen", `not asked: Forbidden: pods "atlas-iam-try-x" is forbidden: exceeded quota: q`, noPod}, done: true},
		"the way to the cluster answers 404": {shown: role, server: podServer{refuse: `{"code":404}`, pods: none}, want: [3]string{"seen", "not asked: Not Found", noPod}, done: true},
	} {
		t.Run(what, func(t *testing.T) {
			w := workloadWorld()
			c.server.t = t
			dial := withServer(w, &c.server)
			if test := w.accounts["AKIAMAIN"].clusters["us-east-1"]["test"]; c.shown != "" {
				test.pods = append(test.pods, map[string]any{"clusterName": "test", "namespace": "preview-1", "serviceAccount": "app", "associationId": "a-9", "associationArn": "arn:a-9", "roleArn": c.shown})
			}
			w.fault = func(call call) *reply {
				switch {
				case call.service == "eks-auth":
					return c.auth
				case c.fails && call.operation == "ListPodIdentityAssociations":
					return refuse(403, "AccessDeniedException", "no")
				}
				return nil
			}
			cloud := openCloud(t, w, mainAccount())
			cluster, err := Cluster(t.Context(), cloud, testKey)
			if err != nil {
				t.Fatal(err)
			}
			b, err := LookBound(t.Context(), cloud, Binding{Cluster: cluster, Namespace: "preview-1", ServiceAccount: "app", Role: role, Final: role, NoKubernetes: c.without}, dial)
			if c.fails {
				if err == nil || !strings.Contains(err.Error(), "preview-1/app on test") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got [3]string
			for i, s := range []Seeing{b.Listed, b.Pods, b.Given} {
				got[i] = strings.TrimSuffix(string(s.Sight)+": "+s.Why, ": ")
			}
			if d := cmp.Diff(c.want, got); d != "" || b.Done() != c.done {
				t.Errorf("done %v (-want +got):\n%s", b.Done(), d)
			}
			if c.server.writes > 0 {
				t.Error("a pod was made")
			}
		})
	}
}

// shows: item S121
func TestOfOneAssociationOnlyThatOneIsReadWhole(t *testing.T) {
	w := workloadWorld()
	need := allOfWorkloads()
	need.Association = &access.WorkloadAccount{Namespace: "ops", Name: "loki"}
	got, err := read(t, w, Options{Workloads: need})
	if err != nil {
		t.Fatal(err)
	}
	h, _ := got.Cluster(testKey)
	roles := map[string]string{}
	for _, a := range h.PodIdentities {
		roles[a.ServiceAccount] = a.Role
	}
	if d := cmp.Diff(map[string]string{"loki": yaceARN, "yace-sa": "", "ebs-csi": ""}, roles); d != "" || !h.PodIdentitiesRead {
		t.Errorf("roles (-want +got):\n%s", d)
	}
	if n := w.count()["DescribePodIdentityAssociation"]; n != 1 {
		t.Errorf("%d were described", n)
	}
}
