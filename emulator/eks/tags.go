package eks

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// Limits of tags. (aws-facts 2.1)
const (
	mostTags        = 50
	longestTagKey   = 128
	longestTagValue = 256
)

// checkTags holds tags against the limits; code is what a fault answers.
func checkTags(tags map[string]string, cluster, code string) error {
	for _, k := range sortedKeys(tags) {
		message := ""
		switch n := utf8.RuneCountInString(k); {
		case n < 1 || n > longestTagKey:
			message = "A tag key must be 1 to 128 characters long."
		case utf8.RuneCountInString(tags[k]) > longestTagValue:
			message = "The value of tag " + k + " must be at most 256 characters long."
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			message = "The tag key " + k + " must not begin with aws:."
		}
		if message != "" {
			return fail(code, http.StatusBadRequest, cluster, message)
		}
	}
	if len(tags) > mostTags {
		return fail(code, http.StatusBadRequest, cluster, "A resource may have at most 50 tags.")
	}
	return nil
}

// tagContext gives the condition keys of tags in a request.
func tagContext(tags map[string]string) map[string][]string {
	if len(tags) == 0 {
		return nil
	}
	ctx := map[string][]string{"aws:TagKeys": sortedKeys(tags)}
	for k, v := range tags {
		ctx["aws:RequestTag/"+k] = []string{v}
	}
	return ctx
}

type tagsInput struct {
	ResourceArn string            `json:"resourceArn"`
	Tags        map[string]string `json:"tags,omitempty"`
	TagKeys     []string          `json:"tagKeys,omitempty"`
}

func (s *Service) tagResource(c *call.Call, in tagsInput) (shape, error) {
	return nil, changeTags(c, in, func(tags map[string]string) error {
		maps.Copy(tags, in.Tags)
		return checkTags(tags, "", "BadRequestException")
	})
}

func (s *Service) untagResource(c *call.Call, in tagsInput) (shape, error) {
	return nil, changeTags(c, in, func(tags map[string]string) error {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
		return nil
	})
}

func (s *Service) listTagsForResource(c *call.Call, in tagsInput) (shape, error) {
	if err := c.Authorize("eks:ListTagsForResource", in.ResourceArn, nil); err != nil {
		return nil, err
	}
	t, err := tagged(c, c.Seen, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return tagMap(schemas.ListTagsForResourceResponse_tags, t.tags), nil
}

func changeTags(c *call.Call, in tagsInput, change func(map[string]string) error) error {
	ctx := tagContext(in.Tags)
	if len(in.TagKeys) > 0 {
		ctx = map[string][]string{"aws:TagKeys": in.TagKeys}
	}
	if err := c.Authorize("eks:"+c.Operation, in.ResourceArn, ctx); err != nil {
		return err
	}
	t, err := tagged(c, c.Tx, in.ResourceArn)
	if err != nil {
		return err
	}
	tags := maps.Clone(orEmpty(t.tags))
	if err := change(tags); err != nil {
		return err
	}
	if maps.Equal(tags, t.tags) {
		return nil
	}
	t.put(tags)
	c.Record(in.ResourceArn, in)
	return nil
}

// taggable is a resource's tags and how to write them.
type taggable struct {
	tags map[string]string
	put  func(map[string]string)
}

// tagged finds what has an ARN: a cluster, access entry, association or add-on.
func tagged(c *call.Call, r store.Reader, resource string) (taggable, error) {
	missing := fail("NotFoundException", http.StatusNotFound, "", "The specified resource could not be found: "+resource)
	rest, ok := strings.CutPrefix(resource, arn(c, ""))
	if !ok {
		return taggable{}, fail("BadRequestException", http.StatusBadRequest, "", "The resourceArn is not one of EKS in this account and Region: "+resource)
	}
	parts := strings.Split(rest, "/")
	switch {
	case len(parts) == 2 && parts[0] == "cluster":
		k, err := find(c, r, parts[1])
		if err != nil {
			return taggable{}, missing
		}
		return taggable{k.Cluster.Tags, func(tags map[string]string) {
			k.Cluster.Tags = tags
			c.Tx.Put(bucket, key(c, "cluster", parts[1]), k)
		}}, nil
	case len(parts) == 6 && parts[0] == "access-entry":
		for at, e := range store.List[entry](r, bucket, key(c, "entry", parts[1]), "") {
			if e.ARN == resource {
				return taggable{e.Tags, func(tags map[string]string) {
					e.Tags = tags
					c.Tx.Put(bucket, at, e)
				}}, nil
			}
		}
		return taggable{}, missing
	case len(parts) == 3 && parts[0] == "podidentityassociation":
		if t, ok := taggedAssociation(c, r, parts[1], parts[2]); ok {
			return t, nil
		}
		return taggable{}, missing
	case len(parts) == 4 && parts[0] == "addon":
		if t, ok := taggedAddon(c, r, parts[1], parts[2], resource); ok {
			return t, nil
		}
		return taggable{}, missing
	case slices.Contains([]string{"nodegroup", "fargateprofile", "identityproviderconfig"}, parts[0]):
		return taggable{}, call.NotImplemented("eks", c.Operation+" on "+parts[0])
	}
	return taggable{}, missing
}
