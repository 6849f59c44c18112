package apply

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// changeMode sets a cluster's authentication mode and waits until the cluster
// is ACTIVE with it: until then entries may be refused.
func (j *job) changeMode(ctx context.Context, from, to access.AuthMode) error {
	until := j.opts.Now().Add(j.opts.ModeWait)
	have, err := j.settledCluster(ctx, until)
	if err != nil {
		return err
	}
	switch have.mode {
	case to:
		return nil
	case from:
	default:
		return j.modeMoved(from, have.mode)
	}
	var update string
	err = j.do(ctx, &write{
		operation: "UpdateClusterConfig", words: "change the authentication mode",
		from: recordedMode{from}, to: recordedMode{to},
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.UpdateClusterConfig(ctx, &eks.UpdateClusterConfigInput{
				Name:               &j.key.Name,
				AccessConfig:       &types.UpdateAccessConfigRequest{AuthenticationMode: types.AuthenticationMode(to)},
				ClientRequestToken: aws.String(j.requestToken(j.change.ID, "UpdateClusterConfig")),
			})
			if err != nil {
				return middleware.Metadata{}, err
			}
			if out.Update != nil {
				update = aws.ToString(out.Update.Id)
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			c, err := j.settledCluster(ctx, until)
			if err != nil {
				return false, err
			}
			if c.mode != from && c.mode != to {
				return false, j.modeMoved(from, c.mode)
			}
			return c.mode == to, nil
		},
		// Another update is under way, or the mode is set; took waits for the
		// end and tells.
		standing: func(err error) bool { return inUse(err) || sameMode(err, to) },
		until:    until,
	})
	if err != nil {
		return err
	}
	return j.awaitMode(ctx, update, from, to, until)
}

// awaitMode waits for an update that EKS has accepted: for the update, where it
// may be read, and then for the cluster to show it.
func (j *job) awaitMode(ctx context.Context, update string, from, to access.AuthMode, until time.Time) error {
	accepted := fmt.Errorf("EKS accepted update %s of %s to mode %s", update, j.object(), to)
	if err := j.awaitUpdate(ctx, update, to, until); err != nil {
		return err
	}
	for wait := firstWait; ; wait = nextWait(wait) {
		c, err := j.settledCluster(ctx, until)
		switch {
		case err != nil:
			return &LostError{Write: accepted, Read: err}
		case c.mode == to:
			return nil
		case c.mode != from:
			return j.modeMoved(to, c.mode)
		case !j.pause(ctx, wait, until):
			return &LostError{Write: accepted, Read: fmt.Errorf("it is still %s", c.mode)}
		}
	}
}

// awaitUpdate waits for the end of an update. A caller who may not read
// updates learns of it by the cluster alone.
func (j *job) awaitUpdate(ctx context.Context, update string, to access.AuthMode, until time.Time) error {
	if update == "" {
		return nil
	}
	for wait := firstWait; ; wait = nextWait(wait) {
		out, err := j.eks.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: &j.key.Name, UpdateId: &update})
		if err != nil && !cloud.IsNotFound(err) {
			return nil
		}
		if err == nil && out.Update != nil {
			switch out.Update.Status {
			case types.UpdateStatusSuccessful:
				return nil
			case types.UpdateStatusFailed, types.UpdateStatusCancelled:
				return fmt.Errorf("change the authentication mode of %s: update %s ended as %s%s", j.object(), update, out.Update.Status, updateErrors(out.Update))
			}
		}
		j.waiting("the cluster's update to mode " + string(to))
		if !j.pause(ctx, wait, until) {
			return nil
		}
	}
}

// sameMode reports whether EKS refused to set a mode because it is set. (the
// error's text is reported by users: "Unsupported authentication mode update
// from X to X")
func sameMode(err error, to access.AuthMode) bool {
	return strings.Contains(cloud.Reason(err), fmt.Sprintf("Unsupported authentication mode update from %s to %s", to, to))
}

// settledCluster reads the cluster and waits while it is not ACTIVE.
func (j *job) settledCluster(ctx context.Context, until time.Time) (cluster, error) {
	for wait := firstWait; ; wait = nextWait(wait) {
		c, err := j.readCluster(ctx)
		if err != nil || c.status == types.ClusterStatusActive {
			return c, err
		}
		j.waiting("the cluster, which is " + string(c.status))
		if !j.pause(ctx, wait, until) {
			return c, fmt.Errorf("%s is %s, and this run waits no longer", j.object(), c.status)
		}
	}
}

func (j *job) waiting(what string) {
	if j.opts.Waiting != nil {
		j.progress.Lock()
		defer j.progress.Unlock()
		j.opts.Waiting(j.change, what)
	}
}

func (j *job) modeMoved(was, is access.AuthMode) error {
	return &MovedError{Object: j.object(), What: "the authentication mode", Was: orNone(string(was)), Is: orNone(string(is))}
}

func updateErrors(u *types.Update) string {
	var words string
	for _, e := range u.Errors {
		words += fmt.Sprintf(": %s: %s", e.ErrorCode, aws.ToString(e.ErrorMessage))
	}
	return words
}

type recordedMode struct {
	AuthenticationMode access.AuthMode `json:"authenticationMode"`
}
