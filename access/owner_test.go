package access

import "testing"

// Ours is what carries both tags; another tool's mark makes it
// foreign whatever else it carries.
func TestOnlyBothTagsAndNoOtherToolsMarkMakeAnObjectOurs(t *testing.T) {
	us := Owner{Environment: "ops", ID: "k7f3c9a1"}
	foreign := map[string]string{"created-by": "terraform", "team-tool": "*"}
	with := func(more ...string) map[string]string {
		tags := us.Tags()
		for i := 0; i < len(more); i += 2 {
			tags[more[i]] = more[i+1]
		}
		return tags
	}
	for what, tt := range map[string]struct {
		tags map[string]string
		want Ownership
	}{
		"both tags":                        {with(), Ownership{true, "environment ops"}},
		"and tags of nobody":               {with("component", "devops", "created-by", "a person"), Ownership{true, "environment ops"}},
		"no tags":                          {nil, Ownership{false, "nobody's mark"}},
		"tags of nobody":                   {map[string]string{"component": "devops"}, Ownership{false, "nobody's mark"}},
		"our name, another id":             {map[string]string{TagEnvironment: "ops", TagID: "other"}, Ownership{false, "another environment named ops (id other)"}},
		"our name, no id":                  {map[string]string{TagEnvironment: "ops"}, Ownership{false, "another environment named ops (id )"}},
		"our id, another name":             {map[string]string{TagEnvironment: "dev", TagID: us.ID}, Ownership{false, "environment dev"}},
		"our id alone":                     {map[string]string{TagID: us.ID}, Ownership{false, "environment "}},
		"another environment":              {map[string]string{TagEnvironment: "dev", TagID: "x"}, Ownership{false, "environment dev"}},
		"another environment, no id":       {map[string]string{TagEnvironment: "dev"}, Ownership{false, "environment dev"}},
		"ours, and a CloudFormation stack": {with("aws:cloudformation:stack-name", "s"), Ownership{false, "CloudFormation stack s"}},
		"ours, and CloudFormation's id":    {with("aws:cloudformation:logical-id", "l"), Ownership{false, "CloudFormation"}},
		"ours, and eksctl's":               {with("alpha.eksctl.io/cluster-name", "c"), Ownership{false, "eksctl, tag alpha.eksctl.io/cluster-name"}},
		"ours, and eksctl's older":         {with("eksctl.cluster.k8s.io/v1alpha1/cluster-name", "c"), Ownership{false, "eksctl, tag eksctl.cluster.k8s.io/v1alpha1/cluster-name"}},
		"ours, and a named foreign tag":    {with("created-by", "terraform"), Ownership{false, "tag created-by=terraform"}},
		"ours, and one of any value":       {with("team-tool", "7"), Ownership{false, "tag team-tool=7"}},
		"two marks: the first by key":      {with("team-tool", "7", "created-by", "terraform"), Ownership{false, "tag created-by=terraform"}},
	} {
		if got := us.OwnerOf(tt.tags, foreign); got != tt.want {
			t.Errorf("%s: %+v, want %+v", what, got, tt.want)
		}
	}
}

func TestAnUnsetOwnerOwnsNothing(t *testing.T) {
	for _, tags := range []map[string]string{nil, {TagEnvironment: ""}, {TagID: ""}} {
		if got := (Owner{}).OwnerOf(tags, nil); got.Ours {
			t.Errorf("%v: %+v", tags, got)
		}
	}
}
