package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

// runAsFlags are those of run-as.
type runAsFlags struct {
	common
	accountFlags
	pod string
}

func newRunAs(p *Process) *cobra.Command {
	var o runAsFlags
	cmd := &cobra.Command{
		Use:   "run-as workload/NAME [PATH...] -- COMMAND",
		Short: "Run a command with a workload's own credentials",
		Long: `Run a command with a workload's own credentials, on this machine. They come the
way a pod's do: the cluster gives a token of the ServiceAccount, and AWS exchanges
it for the role's credentials, or refuses. The command gets them, and nothing of
your own credentials, in its environment.

You need the right to create tokens of the ServiceAccount there. With Pod Identity
a token is a pod's: one that runs as the ServiceAccount must be there.

` + aboutPaths,
		Example: `  atlas-iam run-as workload/yace -- aws sts get-caller-identity`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			if dash < 0 || dash == len(args) {
				return usage("as in: atlas-iam run-as workload/yace -- aws sts get-caller-identity", "run-as needs -- and a command after it")
			}
			if dash == 0 {
				return usage("as in: atlas-iam run-as workload/yace -- aws sts get-caller-identity", "run-as needs a workload")
			}
			return runRunAs(cmd.Context(), p, &o, args[0], args[1:dash], args[dash:])
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.verbose, "verbose", "v", false, "tell each call")
	f.BoolVar(&o.local, "local", false, "use the embedded AWS that lab serve --kubernetes serves")
	f.StringVar(&o.lab, "lab", "", "with --local: the embedded AWS's `file`")
	f.StringSliceVar(&o.cluster, "cluster", nil, "on this `cluster`, by its document's or by EKS's name; needed where there are several")
	o.addAccount(cmd)
	f.StringVar(&o.pod, "pod", "", "the `pod` that is meant: with Pod Identity its token is used (left out: that of one that runs), with IRSA it is looked at whether it was made with the role")
	ends(cmd, ok("the command ended with 0; else its own code, and 128 and the signal's number if one ended it"),
		ending{Failed, "AWS or the cluster refused, and the command was not run"}, couldNotAsk(), invalid())
	return cmd
}

func runRunAs(ctx context.Context, p *Process, o *runAsFlags, word string, paths, command []string) (err error) {
	o.output = "text"
	if err := o.check("text"); err != nil {
		return err
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return usage("", "%s is no program that can be run: %w", command[0], err)
	}
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	if err := f.read(paths); err != nil {
		return err
	}
	who, err := o.chosen(f, "run-as", word)
	if err != nil {
		return err
	}
	who.pod = o.pod
	reading, done := p.cancelled(ctx)
	session, err := f.become(reading, who)
	done()
	if err != nil {
		return err
	}
	env := append(withoutCredentials(os.Environ()),
		"AWS_ACCESS_KEY_ID="+session.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+session.SecretAccessKey, "AWS_SESSION_TOKEN="+session.SessionToken)
	if p.Getenv("AWS_REGION") == "" && p.Getenv("AWS_DEFAULT_REGION") == "" || o.local {
		env = append(env, "AWS_REGION="+who.cluster.Region, "AWS_DEFAULT_REGION="+who.cluster.Region)
	}
	at := f.cloud.Endpoint()
	if f.lab != nil {
		at = f.lab.Served()
	}
	if at != "" {
		env = append(env, "AWS_ENDPOINT_URL="+at)
	}
	return p.run(program, command, env)
}

// become exchanges a token of the ServiceAccount for the role's credentials.
func (f *flow) become(ctx context.Context, s *serviceAccountOf) (*cloud.RoleSession, error) {
	if err := f.open(ctx, f.want.Accounts); err != nil {
		return nil, err
	}
	have, err := observe.Cluster(ctx, f.cloud, s.cluster)
	if cloud.IsNotFound(err) {
		return nil, &Failure{Code: Failed, Err: fmt.Errorf("cluster %s is not there", s.cluster)}
	}
	if err != nil {
		return nil, f.p.cloudError(err)
	}
	client, err := observe.Dial(ctx, f.cloud, have, nil)
	if err != nil {
		return nil, unasked(fmt.Errorf("ask cluster %s for a token of serviceaccount %s/%s: %w", s.cluster.Name, s.namespace, s.name, err), "a lab has API servers with lab serve --kubernetes")
	}
	defer client.Close()
	if s.workload.Credentials == access.IRSA {
		if s.pod != "" { // the token is not the pod's, but who names one asks about it
			if _, err := f.podOf(ctx, client, s); err != nil {
				return nil, err
			}
		}
		token, _, err := client.ServiceAccountToken(ctx, s.namespace, s.name, access.AudienceSTS, nil)
		if err != nil {
			return nil, f.refused(err, "", "ask for a token of serviceaccount %s/%s on %s", s.namespace, s.name, s.cluster.Name)
		}
		session, err := f.cloud.WebIdentity(ctx, s.cluster.Account, s.cluster.Region, s.role, "atlas-iam-run-as", token)
		return session, f.refused(err, "atlas-iam plan shows what the role's trust policy lacks", "exchange the token of serviceaccount %s/%s on %s for role %s", s.namespace, s.name, s.cluster.Name, s.role)
	}
	pod, err := f.podOf(ctx, client, s)
	if err != nil {
		return nil, err
	}
	token, _, err := client.ServiceAccountToken(ctx, s.namespace, s.name, access.AudienceEKS, pod)
	if err != nil {
		return nil, f.refused(err, "", "ask for a token of pod %s/%s on %s", s.namespace, pod.Name, s.cluster.Name)
	}
	session, err := f.cloud.PodIdentity(ctx, s.cluster.Account, s.cluster.Region, s.cluster.Name, token)
	return session, f.refused(err, podIdentityHint(err, s), "exchange the token of pod %s/%s on %s", s.namespace, pod.Name, s.cluster.Name)
}

// podIdentityHint says what to do where EKS Auth refuses a pod's token. (EKS Auth
// API, AssumeRoleForPodIdentity: ResourceNotFoundException is of the association;
// AccessDeniedException is of the role's trust policy, unless it names the caller)
func podIdentityHint(err error, s *serviceAccountOf) string {
	switch code := cloud.Code(err); {
	case code == "ResourceNotFoundException" && s.byPattern():
		return report.ShellLine(s.again("bind")) + " gives it the role; a pod that runs already finds credentials only when it is made again"
	case code == "ResourceNotFoundException":
		return "atlas-iam plan shows whether the association is there"
	case code == "AccessDeniedException" && strings.Contains(cloud.Reason(err), "eks-auth:"):
		return "your own credentials need eks-auth:AssumeRoleForPodIdentity on the cluster"
	case code == "AccessDeniedException":
		return "the association is there, and the role's trust policy does not let EKS give it; atlas-iam plan shows what it lacks"
	}
	return ""
}

// podOf finds a pod that runs as the ServiceAccount: that of --pod, else one that
// was made for the workload's scheme if there is one. Of a pod that was not it is
// said that it does not get these credentials.
func (f *flow) podOf(ctx context.Context, client *kube.Client, s *serviceAccountOf) (*kube.Pod, error) {
	pods, err := client.Pods(ctx, s.namespace, s.name)
	if err != nil {
		return nil, f.refused(err, "", "look for a pod of serviceaccount %s/%s on %s", s.namespace, s.name, s.cluster.Name)
	}
	meant := slices.DeleteFunc(pods, func(p kube.Pod) bool { return s.pod != "" && p.Name != s.pod })
	if len(meant) == 0 {
		what, why := "no pod runs", ""
		if s.pod != "" {
			what = "pod " + s.pod + " does not run"
		}
		if s.workload.Credentials == access.PodIdentity {
			why = ", and a token of Pod Identity is a pod's"
		}
		return nil, &Failure{Code: Failed, Err: fmt.Errorf("%s as serviceaccount %s/%s on %s%s", what, s.namespace, s.name, s.cluster.Name, why)}
	}
	if i := slices.IndexFunc(meant, func(p kube.Pod) bool { return s.unlike(&p) == "" }); i >= 0 {
		return &meant[i], nil
	}
	f.p.say("pod %s/%s does not get these credentials: %s", s.namespace, meant[0].Name, s.unlike(&meant[0]))
	return &meant[0], nil
}

// unlike says why a pod's SDKs come to other credentials than the workload's
// scheme gives, or to none; "" if they come to those. The variables are written
// when a pod is made, and SDKs look at those of IRSA first. (EKS User Guide,
// pod-id-how-it-works, pod-configuration; AWS SDKs and Tools Reference,
// standardized credential providers)
func (s *serviceAccountOf) unlike(p *kube.Pod) string {
	const irsa, agent = "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	lacks, other := irsa, agent
	if s.workload.Credentials == access.PodIdentity {
		lacks, other = agent, irsa
	}
	switch role := p.Env[irsa]; {
	case p.Env[lacks] == "" && p.Env[other] != "":
		return "it was made with " + other + ", of the other scheme; make it again"
	case p.Env[lacks] == "":
		return "it was made without " + lacks + "; make it again"
	case role != "" && (role != s.role || lacks == agent):
		return "it has " + irsa + "=" + role + ", which SDKs take first; make it again"
	}
	return ""
}

// refused is a call that was refused, or that could not be made.
func (f *flow) refused(err error, hint, format string, args ...any) error {
	if err == nil {
		return nil
	}
	var server *kube.Error
	if errors.As(err, &server) && server.Status >= 400 && server.Status < 500 || cloud.Code(err) != "" && !cloud.IsThrottle(err) {
		reason := cloud.Reason(err)
		if server != nil {
			reason = server.Reason()
		}
		return &Failure{Code: Failed, Err: fmt.Errorf(format+": %s", append(args, reason)...), Hint: hint}
	}
	return unasked(fmt.Errorf(format+": %w", append(args, err)...), "")
}

// withoutCredentials is an environment without what would give a client other
// credentials. (AWS SDKs and Tools Reference, environment variables)
func withoutCredentials(env []string) []string {
	drop := []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_EKS", "AWS_ENDPOINT_URL_EKS_AUTH",
	}
	return slices.DeleteFunc(slices.Clone(env), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return slices.Contains(drop, name)
	})
}

// run runs a command with the process's own streams and ends as it ends.
func (p *Process) run(program string, command, env []string) error {
	cmd := exec.Command(program, command[1:]...)
	cmd.Args[0] = command[0]
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, p.Stdin, p.Stdout, p.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return ended(Code(128 + int(status.Signal())))
		}
		return ended(Code(exit.ExitCode()))
	}
	return unasked(err, "")
}
