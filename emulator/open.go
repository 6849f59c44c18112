package emulator

import (
	"fmt"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/cloudwatch"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/eksauth"
	"github.com/atlas-iam/atlas-iam/emulator/iam"
	"github.com/atlas-iam/atlas-iam/emulator/kubernetes"
	"github.com/atlas-iam/atlas-iam/emulator/s3"
	"github.com/atlas-iam/atlas-iam/emulator/sts"
)

// Open opens a lab with EKS, EKS Auth, IAM and STS, and a call each of
// CloudWatch and S3. A file that another process holds
// is store.ErrInUse.
func Open(o Options) (*Server, error) {
	identity, err := iam.New()
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	clusters := eks.New(o.Settle)
	issuers := kubernetes.Issuers(clusters)
	tokens, err := sts.New(identity, issuers)
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	if o.Kubernetes {
		clusters = clusters.WithAPIServers()
	}
	pods := eksauth.New(clusters, tokens, issuers)
	server, err := Assemble(o, Parts{
		IAM:         identity,
		Credentials: []call.Credentials{identity, tokens},
		Services:    []call.Service{clusters, identity, tokens, pods, cloudwatch.New(), s3.New()},
		EKS:         clusters,
		Kubernetes:  kubernetes.New(clusters),
		EKSAuth:     pods,
	})
	if err != nil || o.Kubernetes {
		return server, err
	}
	return server, server.unawait()
}
