package emulator

import (
	"fmt"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/iam"
	"github.com/atlas-iam/atlas-iam/emulator/sts"
)

// Open opens a lab with EKS, IAM and STS. A file that another process holds
// is store.ErrInUse.
func Open(o Options) (*Server, error) {
	identity, err := iam.New()
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	tokens, err := sts.New(identity)
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	return Assemble(o, Parts{
		IAM:         identity,
		Credentials: []call.Credentials{identity, tokens},
		Services:    []call.Service{eks.New(o.Settle), identity, tokens},
	})
}
