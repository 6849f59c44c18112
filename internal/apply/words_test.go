package apply

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func TestARunsResultCountsEveryOutcomeOnce(t *testing.T) {
	change := func(cluster string, teams ...string) *plan.Change {
		return &plan.Change{Cluster: key(cluster), Teams: teams}
	}
	outcomes := []Outcome{
		{Change: change("b", "qa", "dev"), Status: Done, Writes: make([]Write, 2)},
		{Change: change("a", "qa"), Status: Already},
		{Change: change("c", "qa"), Status: Done, Writes: make([]Write, 1)},
		{Change: change("c", "qa"), Status: Failed, Writes: make([]Write, 1)},
		{Change: change("c", "qa"), Status: Done},
		{Change: change("b", "ops"), Status: Skipped, Skip: SkipHeld},
		{Change: change("a", "ops"), Status: Skipped, Skip: SkipNeeds},
		{Change: change("a"), Status: Unknown},
	}
	res := newResult(outcomes, true)
	if d := cmp.Diff(Counts{Done: 3, Already: 1, Failed: 1, Skipped: 2, Unknown: 1, Held: 1, Writes: 4}, res.Counts); d != "" {
		t.Error(d)
	}
	want := []TeamResult{
		{Team: "dev", Complete: []access.ClusterKey{key("b")}},
		{Team: "ops", Incomplete: []access.ClusterKey{key("a"), key("b")}},
		{Team: "qa", Complete: []access.ClusterKey{key("a"), key("b")}, Incomplete: []access.ClusterKey{key("c")}},
	}
	if d := cmp.Diff(want, res.Teams); d != "" {
		t.Error(d)
	}
	for name, tt := range map[string]struct {
		outcomes          []Outcome
		signal            bool
		wantOK, wantStops bool
	}{
		"all made":                        {outcomes[:3], false, true, false},
		"all made, then a signal came":    {outcomes[:3], true, true, false},
		"one failed":                      {outcomes[:4], false, false, false},
		"one was skipped after a signal":  {outcomes[5:6], true, false, true},
		"one failed, one was skipped":     {[]Outcome{outcomes[3], outcomes[6]}, false, false, false},
		"one was skipped, one is unknown": {outcomes[6:], false, false, false},
		"one is unknown":                  {outcomes[7:], false, false, false},
		"nothing to do":                   {nil, false, true, false},
		"one failed and a signal stopped": {outcomes[3:4], true, false, true},
	} {
		if r := newResult(tt.outcomes, tt.signal); r.OK() != tt.wantOK || r.Stopped != tt.wantStops {
			t.Errorf("%s: OK %v, stopped %v", name, r.OK(), r.Stopped)
		}
	}
}

func TestAnErrorComesWithWhatToDo(t *testing.T) {
	api := func(code, message string) error {
		return &smithy.OperationError{OperationName: "CreateAccessEntry", Err: &smithy.GenericAPIError{Code: code, Message: message}}
	}
	p := newPlan()
	for name, tt := range map[string]struct {
		status Status
		err    error
		want   string
	}{
		"denied, the action in AWS's words": {Failed, api("AccessDeniedException", "User: x is not authorized to perform: eks:TagResource on resource: y"), "role/tf-admin lacks eks:TagResource; run again to finish, nothing is repeated"},
		"denied, no action told":            {Failed, api("AccessDeniedException", "no"), "role/tf-admin lacks eks:CreateAccessEntry; run again to finish, nothing is repeated"},
		"moved":                             {Failed, fmt.Errorf("x: %w", &MovedError{}), "plan again to see what is to do now"},
		"a principal that IAM lacks":        {Failed, api("InvalidParameterException", "The specified principalArn is invalid: invalid principal."), "IAM has no such principal, or its path is missing"},
		"another parameter":                 {Failed, api("InvalidParameterException", "The username must not begin with system:"), ""},
		"a principal's words in another":    {Failed, api("ServerException", "invalid principal"), ""},
		"unknown":                           {Unknown, errors.New("EOF"), "run again: it reads first and repeats nothing"},
		"anything else":                     {Failed, errors.New("EOF"), ""},
	} {
		o := Outcome{Status: tt.status, Err: tt.err}
		if o.explain(&p.Plan, accountID); o.Hint != tt.want {
			t.Errorf("%s: %q, want %q", name, o.Hint, tt.want)
		}
	}
	if got := action(errors.New("x")); got != "a right" {
		t.Error(got)
	}
}

func TestTheCallerIsNamedAsPeopleKnowIt(t *testing.T) {
	for arn, want := range map[string]string{
		callerARN: "role/tf-admin", "arn:aws:iam::" + accountID + ":user/ops/ann": "user/ops/ann",
		"arn:aws:iam::" + accountID + ":root": "arn:aws:iam::" + accountID + ":root", "": "the caller",
	} {
		p := newPlan()
		p.Accounts = append([]access.HaveAccount{{Account: access.Account{ID: "111122223333"}, Caller: "another"}}, p.Accounts...)
		p.Accounts[1].Caller = arn
		if got := caller(&p.Plan, accountID); got != want {
			t.Errorf("%s: %q, want %q", arn, got, want)
		}
	}
}

func TestTheRunsOwnPrincipalIsKnownInEachAccount(t *testing.T) {
	user := "arn:aws:iam::111122223333:user/ann"
	p := newPlan()
	p.Accounts = append(p.Accounts, access.HaveAccount{Caller: user, Behind: "arn:aws:sts::444455556666:assumed-role/pipeline/7"})
	for principal, want := range map[string]bool{
		"arn:aws:iam::444455556666:role/ci/pipeline": true, "arn:aws:iam::444455556666:user/pipeline": false,
		adminARN: true, user: true, "arn:aws:iam::" + accountID + ":role/tf-admin": true,
		"arn:aws:iam::" + accountID + ":role/ci/other": false, "arn:aws:iam::111122223333:role/ci/tf-admin": false,
		"arn:aws:iam::" + accountID + ":user/tf-admin": false, "arn:aws:iam::111122223333:user/bob": false, "": false, callerARN: false,
	} {
		if got := isCaller(&p.Plan, &plan.Change{Principal: principal}); got != want {
			t.Errorf("%s is the caller: %v", principal, got)
		}
	}
}

func TestAnEntryMadeAgainIsAnotherEntry(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e := access.Entry{ARN: "x/1", CreatedAt: at}
	for name, tt := range map[string]struct {
		other access.Entry
		want  bool
	}{
		"the same":             {e, true},
		"another id":           {access.Entry{ARN: "x/2", CreatedAt: at}, false},
		"another time":         {access.Entry{ARN: "x/1", CreatedAt: at.Add(time.Second)}, false},
		"no id, the same time": {access.Entry{CreatedAt: at}, true},
		"no id, another time":  {access.Entry{CreatedAt: at.Add(time.Second)}, false},
		"no time, the same id": {access.Entry{ARN: "x/1"}, true},
		"nothing told":         {access.Entry{}, true},
	} {
		if sameEntry(&e, &tt.other) != tt.want || sameEntry(&tt.other, &e) != tt.want {
			t.Errorf("%s: the same is %v", name, !tt.want)
		}
	}
}

func TestAWantedEntryLeavesToEKSWhatEKSSets(t *testing.T) {
	bare := access.Entry{Principal: arn("a"), Type: access.Standard, Groups: []string{"b", "a", "b"}}
	if got := completed(&bare); got.Username != arn("a") || cmp.Diff([]string{"a", "b"}, got.Groups) != "" || bare.Username != "" {
		t.Errorf("%+v", got)
	}
	named := bare
	named.Username = "team:a"
	if got := completed(&named); got.Username != "team:a" {
		t.Error(got.Username)
	}
	node := access.Entry{Principal: arn("a"), Type: access.EC2Linux}
	if got := completed(&node); got.Username != "" || got.Groups != nil {
		t.Errorf("%+v", got)
	}
	filled := node
	filled.Username, filled.Groups = "system:node:x", []string{"system:nodes"}
	if !sameIdentity(&filled, &node) {
		t.Error("EKS fills the entry of a node")
	}
	with := node
	with.Groups = []string{"g"}
	if sameIdentity(&filled, &with) {
		t.Error("wanted groups count, whatever the type")
	}
	grouped := access.Entry{Principal: arn("a"), Type: access.Standard, Username: "u", Groups: []string{"g"}}
	none := access.Entry{Principal: arn("a"), Type: access.Standard}
	if sameIdentity(&grouped, &none) {
		t.Error("no groups of a person are none")
	}
}

func TestAdoptingMayTakeOverAnEnvironmentsMarksAndNoOthers(t *testing.T) {
	j := &job{runner: &runner{}}
	old := access.Owner{Environment: "old", ID: "x"}
	mine := func(more ...string) access.Entry {
		e := tags(entry("a"), owner.Tags())
		for _, k := range more {
			e.Tags[k] = "1"
		}
		return e
	}
	theirs := tags(entry("a"), old.Tags())
	marked := tags(entry("a"), map[string]string{"k": "2"})
	for name, tt := range map[string]struct {
		from, to access.Entry
		want     bool
	}{
		"no marks":              {tags(entry("a"), nil), mine("k"), true},
		"another environment's": {theirs, mine(), true},
		"a tag that changes":    {marked, mine("k"), false},
		"a tag that is lost":    {marked, mine(), false},
		"groups besides":        {tags(entry("a", "g"), nil), mine(), false},
	} {
		if got := j.adopts(&tt.from, &tt.to); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestASavedPlanIsForItsPlaceAndItsCaller(t *testing.T) {
	const other = "arn:aws:sts::" + accountID + ":assumed-role/other/s"
	for name, tt := range map[string]struct {
		edit func(was, is *access.HaveAccount)
		want string // what is another
		open bool   // and guard caller decides
	}{
		"the same": {func(_, _ *access.HaveAccount) {}, "", false},
		"another session": {func(_, is *access.HaveAccount) {
			is.Caller = "arn:aws:sts::" + accountID + ":assumed-role/tf-admin/later"
		}, "", false},
		"nobody was named": {func(was, _ *access.HaveAccount) { was.Caller = "" }, "", false},
		"another role":     {func(_, is *access.HaveAccount) { is.Caller = other }, "caller", true},
		"a user":           {func(_, is *access.HaveAccount) { is.Caller = arn("ann") }, "caller", true},
		"another behind the same role": {func(was, is *access.HaveAccount) {
			was.Behind, is.Behind = arn("ann"), "arn:aws:sts::111122223333:assumed-role/pipeline/7"
		}, "who assumes ", true},
		"the same behind it, in another session": {func(was, is *access.HaveAccount) {
			was.Behind, is.Behind = "arn:aws:sts::111122223333:assumed-role/pipeline/6", "arn:aws:sts::111122223333:assumed-role/pipeline/7"
		}, "", false},
		"a role of another account": {func(_, is *access.HaveAccount) { is.Caller = "arn:aws:sts::111122223333:assumed-role/tf-admin/ci-17" }, "caller", false},
		"another partition":         {func(_, is *access.HaveAccount) { is.Account.Partition = "aws-cn" }, "partition", false},
		"another endpoint":          {func(was, _ *access.HaveAccount) { was.Endpoint = "http://127.0.0.1:1" }, "endpoint", false},
		"an account not read":       {func(_, is *access.HaveAccount) { is.Account.ID = "111122223333" }, "account", false},
	} {
		was, is := access.HaveAccount{Account: account(), Caller: callerARN}, access.HaveAccount{Account: account(), Caller: callerARN}
		tt.edit(&was, &is)
		place, err := samePlace(&plan.Plan{Accounts: []access.HaveAccount{was}}, &access.Snapshot{Accounts: []access.HaveAccount{is}})
		if (place != nil) != tt.open {
			t.Errorf("%s: left to guard caller: %v", name, place)
		}
		if place != nil {
			err = place
		}
		if got := errors.As(err, &place); got != (tt.want != "") || got && (!strings.HasPrefix(place.What, tt.want) || place.Account != accountID || place.Was == place.Is) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
