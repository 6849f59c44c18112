//go:build e2e || soak

package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"sync"
	"testing"
)

// victim is an apply in a process of its own that is killed at a write.
type victim struct {
	child  *exec.Cmd
	output bytes.Buffer

	mu         sync.Mutex
	at, writes int // 0: it is let live
	dead, over bool
}

// newVictim makes one that applies a folder on the world as it is served,
// with the keys of the lab's caller in an account.
func newVictim(t *testing.T, v *virtual, exe, folder, endpoint, account string, at int) *victim {
	t.Helper()
	keys, ok, err := v.server.Keys(account)
	if err != nil || !ok {
		t.Fatalf("the lab's keys: %v, %v", ok, err)
	}
	x := &victim{child: exec.Command(exe, "apply", "--yes", "--max-deletes", "20", folder), at: at}
	x.child.Env = []string{"HOME=" + folder, "AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey, "AWS_SESSION_TOKEN=" + keys.SessionToken}
	x.child.Stdout, x.child.Stderr = &x.output, &x.output
	return x
}

// dies counts a write, and reports whether it is the one at which the process
// has been killed.
func (x *victim) dies() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return false
	}
	if x.writes++; x.writes != x.at {
		return false
	}
	x.dead = x.child.Process.Kill() == nil
	return true
}

// run runs it to its end, as was meant, and gives how many writes came. From
// then on nothing dies.
func (x *victim) run(t *testing.T, quiet func()) int {
	t.Helper()
	if err := x.child.Start(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := x.child.Wait(); (x.at == 0) != (err == nil) || err != nil && !errors.As(err, &exit) {
		t.Fatalf("the child ended with %v\n%s", err, x.output.String())
	}
	quiet()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over = true
	if x.at > 0 && (!x.dead || x.writes < x.at) {
		t.Fatalf("%d writes came, the child was killed: %v\n%s", x.writes, x.dead, x.output.String())
	}
	return x.writes
}
