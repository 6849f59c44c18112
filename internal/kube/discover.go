package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// aggregated asks for all groups' resources in one answer. (Kubernetes, "The
// Kubernetes API": aggregated discovery, stable since v1.30)
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// Discover reads which resources the API server serves beside the core group's,
// sorted by group and name: every authenticated user may ask. (Kubernetes, API
// discovery roles)
func (c *Client) Discover(ctx context.Context) ([]access.KubernetesResource, error) {
	const object = "API discovery"
	body, _, err := c.do(ctx, call{verb: "read", object: object, method: http.MethodGet, path: "/apis", accept: aggregated})
	if err != nil {
		return nil, err
	}
	var list struct {
		Kind  string
		Items []struct {
			Metadata metadata
			Versions []struct {
				Resources []struct {
					Resource, Scope string
				}
			}
		}
	}
	if err := json.Unmarshal(body, &list); err != nil || list.Kind != "APIGroupDiscoveryList" {
		return nil, c.unreadable("read", object, cmp.Or(err, errIncomplete))
	}
	resources := []access.KubernetesResource{}
	for _, g := range list.Items {
		for _, v := range g.Versions {
			for _, r := range v.Resources {
				if r.Resource == "" || r.Scope != "Namespaced" && r.Scope != "Cluster" {
					return nil, c.unreadable("read", object, errIncomplete)
				}
				resources = append(resources, access.KubernetesResource{Group: g.Metadata.Name, Name: r.Resource, Namespaced: r.Scope == "Namespaced"})
			}
		}
	}
	slices.SortFunc(resources, access.KubernetesResource.Compare)
	return slices.Compact(resources), nil
}
