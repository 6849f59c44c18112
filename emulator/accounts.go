package emulator

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// LabRole is the role, with AdministratorAccess, that each account of the lab
// has for the lab's own caller.
const LabRole = "atlas-iam-lab"

// DefaultAccount is the account that an empty lab gets when none is named.
const DefaultAccount = "123456789012"

// labSession is the session name of the lab's own caller.
const labSession = "lab"

// Keys are credentials of the lab's own caller in an account.
type Keys struct {
	Account         string `json:"account"`
	Partition       string `json:"partition"`
	Region          string `json:"region"` // the Region the account was made for
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
}

const (
	keysBucket    = "lab.keys"    // account -> Keys
	keyIDsBucket  = "lab.key-ids" // access key id -> account
	defaultRegion = "us-east-1"
)

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// Account makes the account, if the lab does not have it, with its lab role
// and that role's keys, and gives the keys. region decides the account's
// partition when it is made; for one that exists it must be of the same
// partition. Empty is the account's own Region, us-east-1 for a new one.
func (s *Server) Account(id, region string) (Keys, error) {
	if !accountID.MatchString(id) {
		return Keys{}, fmt.Errorf("make lab account %q: an account id has twelve digits", id)
	}
	var keys Keys
	err := s.db.Update(func(tx *store.Tx) (err error) {
		tx.SetTime(s.o.Now())
		if have, ok := store.Get[Keys](tx, keysBucket, id); ok {
			if keys = have; region != "" && PartitionOf(region) != have.Partition {
				return fmt.Errorf("use lab account %s in %s: the account is in partition %s", id, region, have.Partition)
			}
			return nil
		}
		keys, err = s.makeAccount(tx, id, cmp.Or(region, defaultRegion))
		return err
	})
	return keys, err
}

func (s *Server) makeAccount(tx *store.Tx, id, region string) (Keys, error) {
	account := call.Account{ID: id, Partition: PartitionOf(region), CreatedAt: s.o.Now().UTC()}
	call.PutAccount(tx, account)
	_, err := s.parts.IAM.EnsureRole(tx, account, call.Role{
		Name:        LabRole,
		Description: "The caller of atlas-iam --local and of lab env",
		Trust:       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account.ARN() + `"},"Action":"sts:AssumeRole"}]}`,
		Admin:       true,
	}, account.CreatedAt)
	if err != nil {
		return Keys{}, fmt.Errorf("make role %s in lab account %s: %w", LabRole, id, err)
	}
	keys := Keys{
		Account: id, Partition: account.Partition, Region: region,
		AccessKeyID: SessionKeyPrefix + strings.ToUpper(rand.Text()[:13]), SecretAccessKey: secret(30), SessionToken: secret(96),
	}
	tx.Put(keysBucket, id, keys)
	tx.Put(keyIDsBucket, keys.AccessKeyID, id)
	return keys, nil
}

func secret(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

// Keys gives the lab caller's keys of an account the lab has.
func (s *Server) Keys(account string) (keys Keys, ok bool, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		keys, ok = store.Get[Keys](tx, keysBucket, account)
		return nil
	})
	return keys, ok, err
}

// Accounts lists the lab's accounts, by id.
func (s *Server) Accounts() (all []call.Account, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		all = call.Accounts(tx)
		return nil
	})
	return all, err
}

// labCredential knows the lab caller's keys. They never expire, and are worth
// what the role in the account is worth: without it, nothing.
func (s *Server) labCredential(tx *store.Tx, accessKeyID string) (call.Credential, bool) {
	id, ok := store.Get[string](tx, keyIDsBucket, accessKeyID)
	if !ok {
		return call.Credential{}, false
	}
	keys, _ := store.Get[Keys](tx, keysBucket, id)
	role := "arn:" + keys.Partition + ":iam::" + id + ":role/" + LabRole
	uniqueID, ok := s.parts.IAM.Principal(tx, role)
	if !ok {
		return call.Credential{}, false
	}
	return call.Credential{
		Secret: keys.SecretAccessKey, SessionToken: keys.SessionToken,
		Caller: call.Caller{
			Kind: call.Session, Account: id, Partition: keys.Partition,
			ARN:    "arn:" + keys.Partition + ":sts::" + id + ":assumed-role/" + LabRole + "/" + labSession,
			UserID: uniqueID + ":" + labSession, PrincipalARN: role, PrincipalID: uniqueID, SessionName: labSession,
		},
	}, true
}

// PartitionOf tells a Region's partition by its name, as the AWS SDKs'
// partition metadata has it.
func PartitionOf(region string) string {
	for _, p := range [...]struct{ prefix, partition string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"},
		{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}
