package sts_test

import (
	"testing"

	"github.com/atlas-iam/atlas-iam/internal/lab/labtest"
)

const account, region = labtest.Account, labtest.Region

// world is a lab with a cluster, and what tests of this room do with it.
type world struct{ *labtest.World }

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{labtest.New(t)}
}
