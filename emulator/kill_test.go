package emulator_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/emulator"
)

// serveVariable names the file that TestMain serves instead of testing.
const serveVariable = "ATLAS_IAM_TEST_SERVE"

// TestMain lets the test binary be the lab that is killed.
func TestMain(m *testing.M) {
	file := os.Getenv(serveVariable)
	if file == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, serve(file))
	os.Exit(1)
}

func serve(file string) error {
	s, err := emulator.Open(emulator.Options{File: file})
	if err != nil {
		return err
	}
	k, err := s.Account(account, "us-east-1")
	if err != nil {
		return err
	}
	l, err := emulator.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://"+l.Addr().String(), k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
	return http.Serve(l, s)
}

// start runs a lab in a process of its own.
func start(t *testing.T, file string) (*exec.Cmd, *iam.Client) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"="+file)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the lab did not start: %v", err)
	}
	f := strings.Fields(line)
	return cmd, iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(f[0]), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(f[1], f[2], f[3]),
	})
}

// The lab is killed again and again while eight writers write; what was
// acknowledged must be there ever after. 200 kills with ATLAS_IAM_SOAK set.
//
// shows: item S27
func TestKilledWithWritesInFlightTheLabLosesNoAcknowledgedWrite(t *testing.T) {
	kills, all := 5, []string(nil)
	if os.Getenv("ATLAS_IAM_SOAK") != "" {
		kills = 200
	}
	file := filepath.Join(t.TempDir(), "lab.db")
	cut := 0
	for round := range kills {
		cmd, c := start(t, file)
		if round > 0 && round%50 == 0 {
			stillThere(t, c, all)
		}
		acknowledged := killWhileWriting(t, cmd, c, round)
		if len(acknowledged) < writers*writesEach {
			cut++
		}
		all = append(all, acknowledged...)

		cmd, c = start(t, file)
		stillThere(t, c, acknowledged)
		cmd.Process.Kill()
		cmd.Wait()
	}
	_, c := start(t, file)
	stillThere(t, c, all)
	t.Logf("%d kills, %d with writes in flight, %d writes acknowledged", kills, cut, len(all))
	if cut < kills/2 {
		t.Errorf("only %d of %d kills met writes in flight: too few to tell", cut, kills)
	}
}

// 200 rounds stay beneath an account's 5,000 users.
const writers, writesEach = 8, 3

// killWhileWriting kills the lab when some of the round's writes are
// acknowledged and gives those that were.
func killWhileWriting(t *testing.T, cmd *exec.Cmd, c *iam.Client, round int) []string {
	t.Helper()
	done := make(chan string, writers*writesEach)
	var wg sync.WaitGroup
	for writer := range writers {
		wg.Go(func() {
			for n := range writesEach {
				name := fmt.Sprintf("u%03d-%d-%d", round, writer, n)
				_, err := c.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
				if refused := smithy.APIError(nil); errors.As(err, &refused) {
					t.Errorf("make user %s: %v", name, err)
				}
				if err != nil {
					return // killed
				}
				done <- name
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	var acknowledged []string
	for range 1 + round%12 {
		select {
		case name := <-done:
			acknowledged = append(acknowledged, name)
		case <-finished:
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	cmd.Wait()
	close(done)
	for name := range done {
		acknowledged = append(acknowledged, name)
	}
	return acknowledged
}

func stillThere(t *testing.T, c *iam.Client, names []string) {
	t.Helper()
	have := map[string]bool{}
	for pages := iam.NewListUsersPaginator(c, &iam.ListUsersInput{MaxItems: aws.Int32(1000)}); pages.HasMorePages(); {
		// A reading may be made again: a connection can end of its own accord.
		page, err := pages.NextPage(t.Context(), func(o *iam.Options) { o.RetryMaxAttempts = 5 })
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			have[*u.UserName] = true
		}
	}
	for _, name := range names {
		if !have[name] {
			t.Fatalf("user %s was acknowledged and is lost", name)
		}
	}
}
