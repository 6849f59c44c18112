package iam

import "github.com/atlas-iam/atlas-iam/emulator/query"

// emptyHandlers answer for what the lab's users and roles cannot have, since
// the lab has no operation that gives it to them: the lists are truly empty.
// Terraform asks for all of them before it deletes a user or a role.
func (s *Service) emptyHandlers() map[string]query.Handler {
	none := func(k kind, member string, paged bool) query.Handler {
		return read(func(r *request) (object, error) {
			if _, err := s.named(r, k, k.word+"Name"); err != nil {
				return nil, err
			}
			out := object{member: []object{}}
			if paged {
				out["IsTruncated"] = false
			}
			return out, nil
		})
	}
	login := func(r *request) (object, error) {
		e, err := s.named(r, user, "UserName")
		if err != nil {
			return nil, err
		}
		return nil, s.notFound("Login Profile for User %s cannot be found.", e.Name)
	}
	return map[string]query.Handler{
		"ListGroupsForUser":              none(user, "Groups", true),
		"ListMFADevices":                 none(user, "MFADevices", true),
		"ListSSHPublicKeys":              none(user, "SSHPublicKeys", true),
		"ListSigningCertificates":        none(user, "Certificates", true),
		"ListServiceSpecificCredentials": none(user, "ServiceSpecificCredentials", false),
		"ListInstanceProfilesForRole":    none(role, "InstanceProfiles", true),
		"GetLoginProfile":                read(login),
		"DeleteLoginProfile":             write(login),
		"ListVirtualMFADevices": read(func(r *request) (object, error) {
			if err := r.Authorize("iam:ListVirtualMFADevices", "*", nil); err != nil {
				return nil, err
			}
			return object{"VirtualMFADevices": []object{}, "IsTruncated": false}, nil
		}),
	}
}
