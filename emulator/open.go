package emulator

import (
	"fmt"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/iam"
	"github.com/atlas-iam/atlas-iam/emulator/kubernetes"
	"github.com/atlas-iam/atlas-iam/emulator/sts"
)

// Open opens a lab with EKS, IAM and STS. A file that another process holds
// is store.ErrInUse.
func Open(o Options) (*Server, error) {
	identity, err := iam.New()
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	clusters := eks.New(o.Settle)
	tokens, err := sts.New(identity, kubernetes.Issuers(clusters))
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	if o.Kubernetes {
		clusters = clusters.WithAPIServers()
	}
	server, err := Assemble(o, Parts{
		IAM:         identity,
		Credentials: []call.Credentials{identity, tokens},
		Services:    []call.Service{clusters, identity, tokens},
		EKS:         clusters,
		Kubernetes:  kubernetes.New(clusters),
	})
	if err != nil || o.Kubernetes {
		return server, err
	}
	return server, server.unawait()
}
