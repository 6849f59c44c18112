// Package eksauth is the lab's Amazon EKS Auth: it gives a pod that shows its
// ServiceAccount's token the credentials of the role that a Pod Identity
// association names. (aws-facts 3.2, 3.3)
package eksauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/oidc"
	"github.com/atlas-iam/atlas-iam/emulator/store"
	"github.com/atlas-iam/atlas-iam/emulator/sts"
)

// Audience is whom the tokens are for.
const Audience = "pods.eks.amazonaws.com"

// Name is the service's signing name.
const Name = "eks-auth"

// Clusters is what EKS knows of clusters and associations.
type Clusters interface {
	Cluster(r store.Reader, k call.ClusterKey, now time.Time) (eks.Cluster, bool)
	PodIdentity(r store.Reader, k call.ClusterKey, namespace, serviceAccount string) (eks.PodIdentity, bool)
}

// Roles makes sessions of roles.
type Roles interface {
	Assume(c *call.Call, w sts.Wanted) (sts.Session, error)
}

// Service is EKS Auth. It keeps nothing itself.
type Service struct {
	clusters Clusters
	roles    Roles
	issuers  sts.Issuers
}

// New makes the service.
func New(clusters Clusters, roles Roles, issuers sts.Issuers) *Service {
	return &Service{clusters, roles, issuers}
}

// Name is the service's signing name.
func (s *Service) Name() string { return Name }

// Protocol is REST with JSON.
func (s *Service) Protocol() call.Protocol { return call.Protocol{} }

var route = regexp.MustCompile(`^/clusters/([^/]+)/assume-role-for-pod-identity$`)

// clusterName is the form of a cluster's name. (EKS Auth API, ClusterName)
var clusterName = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9\-_]{0,99}$`)

// Route finds the service's one operation.
func (s *Service) Route(r *call.Request) (call.Operation, error) {
	m := route.FindStringSubmatch(r.Path)
	if m == nil || r.Method != http.MethodPost {
		return call.Operation{}, &call.Error{Code: "UnknownOperationException", Message: "no operation of EKS Auth has this method and path", Status: http.StatusNotFound}
	}
	return s.Operation(m[1], r.Body), nil
}

// Operation is AssumeRoleForPodIdentity for a cluster, whose name may be
// percent-encoded, with a body of JSON.
func (s *Service) Operation(cluster string, body []byte) call.Operation {
	return call.Operation{Name: "AssumeRoleForPodIdentity", Handle: func(c *call.Call) (*call.Response, error) {
		name, err := url.PathUnescape(cluster)
		if err != nil || !clusterName.MatchString(name) {
			return nil, call.Errorf("InvalidParameterException", "The cluster name %q must be 1 to 100 letters, digits, hyphens and underscores, and begin with a letter or digit.", cluster)
		}
		var in struct {
			Token string `json:"token"`
		}
		if err := json.Unmarshal(body, &in); err != nil || in.Token == "" {
			return nil, call.Errorf("InvalidParameterException", "The request needs a token.")
		}
		out, err := s.assume(c, name, in.Token)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(out)
		if err != nil {
			return nil, fmt.Errorf("write the answer of AssumeRoleForPodIdentity: %w", err)
		}
		return &call.Response{Body: b}, nil
	}}
}

// Answer is what AssumeRoleForPodIdentity answers. (EKS Auth API)
type Answer struct {
	Subject struct {
		Namespace      string `json:"namespace"`
		ServiceAccount string `json:"serviceAccount"`
	} `json:"subject"`
	Audience    string `json:"audience"`
	Association struct {
		ARN string `json:"associationArn"`
		ID  string `json:"associationId"`
	} `json:"podIdentityAssociation"`
	AssumedRoleUser struct {
		ARN string `json:"arn"`
		ID  string `json:"assumeRoleId"`
	} `json:"assumedRoleUser"`
	Credentials struct {
		SessionToken    string `json:"sessionToken"`
		SecretAccessKey string `json:"secretAccessKey"`
		AccessKeyID     string `json:"accessKeyId"`
		Expiration      int64  `json:"expiration"` // seconds since 1970
	} `json:"credentials"`
}

func (s *Service) assume(c *call.Call, name, token string) (*Answer, error) {
	arn := "arn:" + c.Partition + ":eks:" + c.Region + ":" + c.Account + ":cluster/" + name
	if err := c.Authorize("eks-auth:AssumeRoleForPodIdentity", arn, nil); err != nil {
		return nil, inWords(err)
	}
	k := call.ClusterKey{Account: c.Account, Region: c.Region, Name: name}
	cluster, ok := s.clusters.Cluster(c.Tx, k, c.Now)
	if !ok {
		return nil, &call.Error{Code: "ResourceNotFoundException", Message: "No cluster found for name: " + name + ".", Status: http.StatusNotFound}
	}
	pod, err := s.verify(c, cluster, token)
	if err != nil {
		return nil, err
	}
	association, ok := s.clusters.PodIdentity(c.Seen, k, pod.Namespace, pod.ServiceAccount.Name)
	if !ok {
		return nil, &call.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound,
			Message: fmt.Sprintf("No Pod Identity association found for service account %s/%s in cluster %s.", pod.Namespace, pod.ServiceAccount.Name, name)}
	}
	session, err := s.session(c, arn, name, pod, association)
	if err != nil {
		return nil, inWords(err)
	}
	out := &Answer{Audience: Audience}
	out.Subject.Namespace, out.Subject.ServiceAccount = pod.Namespace, pod.ServiceAccount.Name
	out.Association.ARN, out.Association.ID = association.ARN, association.ID
	out.AssumedRoleUser.ARN, out.AssumedRoleUser.ID = session.Caller.ARN, session.Caller.UserID
	out.Credentials.AccessKeyID, out.Credentials.SecretAccessKey = session.Caller.AccessKeyID, session.Secret
	out.Credentials.SessionToken, out.Credentials.Expiration = session.Token, session.Expires.Unix()
	return out, nil
}

// verify holds a token against the cluster's issuer and gives for which pod it
// was made. Assumption pod-token: it must be bound to a pod, whose name and id
// the session's tags need.
func (s *Service) verify(c *call.Call, cluster eks.Cluster, text string) (oidc.Kubernetes, error) {
	var none oidc.Kubernetes
	token, err := oidc.Parse(text)
	if err != nil {
		return none, refused(err)
	}
	keys, known := s.issuers(c.Tx, token.Claims.Issuer, c.Now)
	if !known || token.Claims.Issuer != cluster.Issuer {
		return none, invalid("its issuer is not that of cluster " + cluster.Name)
	}
	if err := token.Verify(keys, c.Now); err != nil {
		return none, refused(err)
	}
	if a := token.Claims.Audience; len(a) != 1 || a[0] != Audience {
		return none, invalid("its audience is not " + Audience) // assumption several-audiences
	}
	pod := token.Claims.Kubernetes
	switch {
	case pod.Namespace == "" || pod.ServiceAccount.Name == "" || token.Claims.Subject != "system:serviceaccount:"+pod.Namespace+":"+pod.ServiceAccount.Name:
		return none, invalid("its subject is not the ServiceAccount for which it was made")
	case pod.Pod.Name == "" || pod.Pod.UID == "":
		return none, invalid("it is bound to no pod")
	}
	return pod, nil
}

func invalid(why string) error {
	return call.Errorf("InvalidTokenException", "The token included in the request is invalid: %s.", why)
}

func refused(err error) error {
	var e *oidc.Error
	switch {
	case !errors.As(err, &e):
		return fmt.Errorf("verify a pod's token: %w", err)
	case e.Fault == oidc.Expired:
		return call.Errorf("ExpiredTokenException", "The token included in the request is expired.")
	}
	return invalid(e.Text)
}

// inWords gives an error of STS's or IAM's as EKS Auth does, which answers a
// denial with status 400. (EKS Auth API, errors)
func inWords(err error) error {
	var e *call.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case "AccessDeniedException":
		return call.Errorf(e.Code, "%s", e.Message)
	case "AccessDenied":
		// As users report it. (github.com/aws/eks-pod-identity-agent, issues)
		return call.Errorf("AccessDeniedException", "Unauthorized Exception! EKS does not have permissions to assume the associated role.")
	case "ValidationError", "MalformedPolicyDocument":
		return call.Errorf("InvalidParameterException", "%s", e.Message)
	case "PackedPolicyTooLarge", "InvalidParameterValue":
		return call.Errorf("InvalidRequestException", "%s", e.Message)
	}
	return err
}

// The lives of the credentials, in seconds. Assumption pod-identity-life: six
// hours, whatever the role's own longest session is, and an hour with a target
// role; so long the agent keeps them. (aws-facts 3.4)
const (
	life        = 6 * 3600
	chainedLife = 3600
)

// session makes the session of an association's role, and of the target role
// if it has one.
func (s *Service) session(c *call.Call, clusterARN, cluster string, pod oidc.Kubernetes, a eks.PodIdentity) (sts.Session, error) {
	as := *c
	as.Caller = call.Caller{Kind: call.ServicePrincipal, ARN: Audience}
	w := sts.Wanted{Action: "sts:AssumeRole", Role: a.Role, Name: sessionName(cluster, pod.Pod.Name), Duration: life, Longest: life}
	if !a.DisableSessionTags {
		w.Tags = []sts.Tag{
			{Key: "eks-cluster-arn", Value: clusterARN}, {Key: "eks-cluster-name", Value: cluster},
			{Key: "kubernetes-namespace", Value: pod.Namespace}, {Key: "kubernetes-service-account", Value: pod.ServiceAccount.Name},
			{Key: "kubernetes-pod-name", Value: pod.Pod.Name}, {Key: "kubernetes-pod-uid", Value: pod.Pod.UID},
		}
		for _, t := range w.Tags {
			w.Transitive = append(w.Transitive, t.Key)
		}
	}
	var policies []string
	if a.Policy != "" {
		policies = []string{a.Policy}
	}
	if a.TargetRole == "" {
		w.Policies = policies
		return s.roles.Assume(&as, w)
	}
	first, err := s.roles.Assume(&as, w)
	if err != nil {
		return sts.Session{}, err
	}
	as.Caller = first.Caller
	then := sts.Wanted{Action: "sts:AssumeRole", Role: a.TargetRole, Name: w.Name, Duration: chainedLife, Longest: chainedLife, Policies: policies}
	if a.DisableSessionTags {
		then.ExternalID = a.ExternalID
	}
	return s.roles.Assume(&as, then)
}

// sessionName is eks-CLUSTER-POD-UUID. (EKS Auth API, AssumedRoleUser)
// Assumption session-name: the cluster's and the pod's name are cut to ten
// characters, so that all is within STS's 64.
func sessionName(cluster, pod string) string {
	return strings.Join([]string{"eks", cut(cluster), cut(pod), newUUID()}, "-")
}

func cut(s string) string { return s[:min(len(s), 10)] }
