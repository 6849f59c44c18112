package access

import (
	"encoding/json"
	"strings"
	"testing"
)

// shows: item S128
func TestARegistrationSaysWhatArgoCDReadsAndNothingElse(t *testing.T) {
	r := Registration{Cluster: "prod", Server: "https://x", ClusterName: "eks-prod", CA: "Q0E="}
	for role, want := range map[string]string{
		"":                             `{"awsAuthConfig":{"clusterName":"eks-prod"},"tlsClientConfig":{"insecure":false,"caData":"Q0E="}}`,
		"arn:aws:iam::1:role/deployer": `{"awsAuthConfig":{"clusterName":"eks-prod","roleARN":"arn:aws:iam::1:role/deployer"},"tlsClientConfig":{"insecure":false,"caData":"Q0E="}}`,
	} {
		r.Role = role
		d := r.Data()
		if len(d) != 3 || d["name"] != "prod" || d["server"] != "https://x" || d["config"] != want {
			t.Errorf("%v", d)
		}
		if back := RegistrationOf(d); back != r {
			t.Errorf("read back as %+v", back)
		}
	}
}

// What Argo CD could be told beside, as a bearer token, is told from what we
// write, and not kept.
func TestWhatElseARegistrationSaysIsSeenAndNotKept(t *testing.T) {
	const ours = `{"awsAuthConfig":{"clusterName":"x"},"tlsClientConfig":{"insecure":false,"caData":"Q0E="}}`
	for config, other := range map[string]bool{
		ours:                       false,
		" " + ours + "\n":          false,
		`{"bearerToken":"hidden"}`: true,
		`{"username":"u","password":"hidden","awsAuthConfig":{"clusterName":"x"}}`:                     true,
		`{"awsAuthConfig":{"clusterName":"x","profile":"hidden"},"tlsClientConfig":{"caData":"Q0E="}}`: true,
		`{"awsAuthConfig":{"clusterName":"x"},"tlsClientConfig":{"insecure":true,"caData":"Q0E="}}`:    true,
		`{"awsAuthConfig":{"clusterName":"x"},"tlsClientConfig":{"keyData":"hidden"}}`:                 true,
		ours + ours:      true,
		ours + " hidden": true,
		"":               true,
		"hidden":         true,
	} {
		r := RegistrationOf(map[string]string{"name": "n", "server": "s", "config": config, "project": "p"})
		text, err := json.Marshal(r)
		if err != nil || r.Other != other || strings.Contains(string(text), "hidden") {
			t.Errorf("%s: %s", config, text)
		}
	}
}

func TestEnvironmentsHaveSecretsOfTheirOwnForClustersOfOneName(t *testing.T) {
	names := map[string]string{}
	for _, o := range []Owner{{"a", "1"}, {"a-b", "1"}, {"b", "1"}} {
		for _, cluster := range []string{"c", "b-c", "a"} {
			n := o.ArgoSecretName(cluster)
			if was := names[n]; was != "" {
				t.Errorf("%s is of %s and of %s", n, was, o.Environment+" "+cluster)
			}
			names[n] = o.Environment + " " + cluster
		}
	}
}
