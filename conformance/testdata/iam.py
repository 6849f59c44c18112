"""Users, roles, their policies, tags and sessions, with boto3: the same calls on any endpoint.

It asserts only what AWS documents, so it must pass on the lab, on moto and on an account of AWS. It uses names of its
own and removes what it made. Every operation's answer is noted; at the end it prints a JSON object:
{"calls": N, "seen": ["iam.GetUser"], "never": {"iam.GetUser.User": [members that the model knows and no answer set]}}
"""
import json
import os
import re
import sys

import boto3
import botocore.exceptions

PREFIX = "atlas-iam-conformance-"
known, seen = {}, {}
called = set()
calls = 0


def client(service):
    c = boto3.client(service)

    def note(parsed, model, **_):
        global calls
        calls += 1
        called.add(service + "." + model.name)
        if parsed["ResponseMetadata"]["HTTPStatusCode"] < 300:
            walk(service + "." + model.name, model.output_shape, parsed)

    c.meta.events.register("after-call.%s.*" % service, note)
    return c


def walk(path, shape, value):
    """Notes which members of the model's shape an answer sets, and that each has the model's type."""
    if shape is None or value is None:
        return
    if shape.type_name == "structure":
        known.setdefault(path, set()).update(shape.members)
        seen.setdefault(path, set())
        for name, member in shape.members.items():
            if name in value:
                seen[path].add(name)
                walk(path + "." + name, member, value[name])
        extra = set(value) - set(shape.members) - {"ResponseMetadata"}
        check(not extra, "%s has members the model does not know: %s" % (path, extra))
        for name in shape.required_members:
            check(name in value, "%s lacks its required member %s" % (path, name))
    elif shape.type_name == "list":
        for v in value:
            walk(path + "[]", shape.member, v)


def check(ok, text):
    if not ok:
        raise SystemExit("FAILED: " + text)


def refused(code, call, **args):
    try:
        call(**args)
    except botocore.exceptions.ClientError as e:
        check(e.response["Error"]["Code"] == code, "%s(%s): got %s, want %s" % (call.__name__, args, e.response["Error"], code))
        return
    check(False, "%s(%s) went through, want %s" % (call.__name__, args, code))


def every(call, member, size=1, **arguments):
    """All of a list, by pages of one or of another size."""
    items, marker = [], {}
    while True:
        page = call(MaxItems=size, **marker, **arguments)
        items += page[member]
        if not page.get("IsTruncated"):
            return items
        marker = {"Marker": page["Marker"]}


def trust(account):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::%s:root" % account}, "Action": "sts:AssumeRole"}]})


ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["eks:DescribeCluster"], "Resource": ["*"]}]}


def users(iam):
    name = PREFIX + "user"
    u = iam.create_user(UserName=name, Path="/people/", Tags=[{"Key": "team", "Value": "qa"}])["User"]
    check(re.fullmatch(r"\w{16,128}", u["UserId"]), "user id " + u["UserId"])
    check(u["Arn"].endswith(":user/people/" + name), "user ARN " + u["Arn"])
    refused("EntityAlreadyExists", iam.create_user, UserName=name)
    refused("NoSuchEntity", iam.get_user, UserName=PREFIX + "nobody")
    check(iam.get_user(UserName=name)["User"]["UserId"] == u["UserId"], "get_user gives another id")
    other = iam.create_user(UserName=name + "-2", Path="/people/")["User"]
    listed = [x["Arn"] for x in every(iam.list_users, "Users", PathPrefix="/people/")]
    check(u["Arn"] in listed and other["Arn"] in listed, "list_users gives %s" % listed)
    iam.delete_user(UserName=name + "-2")
    iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "ops"}, {"Key": "more", "Value": ""}])
    iam.untag_user(UserName=name, TagKeys=["more"])
    tags = {t["Key"]: t["Value"] for t in iam.list_user_tags(UserName=name)["Tags"]}
    check(tags == {"team": "ops"}, "tags are %s" % tags)
    iam.tag_user(UserName=name, Tags=[{"Key": "x", "Value": "y"}])
    check(len(every(iam.list_user_tags, "Tags", UserName=name)) == 2, "two tags")
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=json.dumps(DOCUMENT))
    iam.put_user_policy(UserName=name, PolicyName="second", PolicyDocument=json.dumps(DOCUMENT))
    check(sorted(every(iam.list_user_policies, "PolicyNames", UserName=name)) == ["inline", "second"], "inline policies")
    iam.delete_user_policy(UserName=name, PolicyName="second")
    check(iam.list_user_policies(UserName=name)["PolicyNames"] == ["inline"], "one inline policy is left")
    check(iam.get_user_policy(UserName=name, PolicyName="inline")["PolicyDocument"] == DOCUMENT, "the inline policy comes back as it went")
    refused("NoSuchEntity", iam.get_user_policy, UserName=name, PolicyName="other")
    arn = iam.create_policy(PolicyName=PREFIX + "policy", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    refused("EntityAlreadyExists", iam.create_policy, PolicyName=PREFIX + "policy", PolicyDocument=json.dumps(DOCUMENT))
    refused("MalformedPolicyDocument", iam.create_policy, PolicyName=PREFIX + "broken", PolicyDocument="{")
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    check([p["PolicyArn"] for p in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]] == [arn], "attached policies")
    check(iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1, "attachment count")
    check(iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == DOCUMENT, "policy document")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    check([k["AccessKeyId"] for k in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]] == [key["AccessKeyId"]], "access keys")
    second = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    check(len(every(iam.list_access_keys, "AccessKeyMetadata", UserName=name)) == 2, "two access keys")
    refused("LimitExceeded", iam.create_access_key, UserName=name)
    iam.delete_access_key(UserName=name, AccessKeyId=second)
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    check(iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["Status"] == "Inactive", "the key is inactive")
    refused("DeleteConflict", iam.delete_user, UserName=name)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName=name, PolicyArn=arn)
    refused("NoSuchEntity", iam.detach_user_policy, UserName=name, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    iam.delete_user_policy(UserName=name, PolicyName="inline")
    iam.update_user(UserName=name, NewUserName=name + "-renamed")
    refused("NoSuchEntity", iam.get_user, UserName=name)
    name += "-renamed"
    check(iam.get_user(UserName=name)["User"]["UserId"] == u["UserId"], "a renamed user keeps the id")
    iam.delete_user(UserName=name)
    refused("NoSuchEntity", iam.delete_user, UserName=name)


def nothing_else(iam):
    """What a fresh user and role do not have."""
    name = PREFIX + "bare"
    iam.create_user(UserName=name)
    check(iam.list_groups_for_user(UserName=name)["Groups"] == [], "groups")
    check(iam.list_mfa_devices(UserName=name)["MFADevices"] == [], "MFA devices")
    check(iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"] == [], "SSH keys")
    check(iam.list_signing_certificates(UserName=name)["Certificates"] == [], "certificates")
    check(isinstance(iam.list_virtual_mfa_devices()["VirtualMFADevices"], list), "virtual MFA devices")
    refused("NoSuchEntity", iam.get_login_profile, UserName=name)
    refused("NoSuchEntity", iam.delete_login_profile, UserName=name)
    iam.delete_user(UserName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("123456789012"))
    check(iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"] == [], "instance profiles")
    iam.delete_role(RoleName=name)


def providers(iam):
    url = PREFIX + "oidc.example.com/id/1"
    made = iam.create_open_id_connect_provider(Url="https://" + url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["ab" * 20], Tags=[{"Key": "a", "Value": "b"}])
    arn = made["OpenIDConnectProviderArn"]
    check(arn.endswith(":oidc-provider/" + url), "provider ARN " + arn)
    refused("EntityAlreadyExists", iam.create_open_id_connect_provider, Url="https://" + url, ThumbprintList=["ab" * 20])
    check(arn in [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]], "list_open_id_connect_providers")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["cd" * 20])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    check(len(every(iam.list_open_id_connect_provider_tags, "Tags", OpenIDConnectProviderArn=arn)) == 2, "two tags of a provider")
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["a"])
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    check(got["Url"] == url and got["ClientIDList"] == ["sts.amazonaws.com"] and got["ThumbprintList"] == ["cd" * 20] and got["Tags"] == [{"Key": "c", "Value": "d"}], "provider %s" % got)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    refused("NoSuchEntity", iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)


def details(iam, account, role):
    """The one call that reads all of an account, filtered, by pages."""
    def read(kind, member, size=100):
        return every(iam.get_account_authorization_details, member, size, Filter=[kind])

    listed = {r["Arn"] for r in every(iam.list_roles, "Roles", 100)}
    whole = read("Role", "RoleDetailList")
    check({r["Arn"] for r in whole} == listed, "list_roles and the details name other roles")
    one = [r for r in whole if r["RoleName"] == role][0]
    check(one["AssumeRolePolicyDocument"] == json.loads(trust(account)), "the details' trust policy")
    check([p["PolicyName"] for p in one["RolePolicyList"]] == ["inline"] and one["RolePolicyList"][0]["PolicyDocument"] == DOCUMENT, "the details' inline policy")
    check([p["PolicyArn"] for p in one["AttachedManagedPolicies"]] == [ADMIN], "the details' attached policies")
    check(one["Tags"] == [{"Key": "a", "Value": "b"}], "the details' tags")
    user, arn = PREFIX + "detailed", iam.create_policy(PolicyName=PREFIX + "detailed", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    other = iam.create_policy(PolicyName=PREFIX + "second-detailed", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    iam.create_user(UserName=user, Tags=[{"Key": "a", "Value": "b"}])
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=json.dumps(DOCUMENT))
    check(user in [u["UserName"] for u in read("User", "UserDetailList")], "the user's details")
    policy = [p for p in read("LocalManagedPolicy", "Policies", 1) if p["Arn"] == arn][0]
    check(policy["AttachmentCount"] == 2 and policy["PolicyVersionList"][0]["Document"] == DOCUMENT, "the policy's details %s" % policy)
    check(ADMIN in [p["Arn"] for p in read("AWSManagedPolicy", "Policies")], "AWS's own policies")
    check([r["RoleName"] for r in every(iam.list_entities_for_policy, "PolicyRoles", PolicyArn=arn)] == [role], "the role that has a policy")
    check([u["UserName"] for u in every(iam.list_entities_for_policy, "PolicyUsers", PolicyArn=arn)] == [user], "the user who has a policy")
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.detach_user_policy(UserName=user, PolicyArn=arn)
    iam.delete_user_policy(UserName=user, PolicyName="inline")
    iam.delete_user(UserName=user)
    iam.delete_policy(PolicyArn=arn)
    iam.delete_policy(PolicyArn=other)


def beyond_moto(iam):
    """Calls that moto does not have."""
    provider = {"OpenIDConnectProviderArn": iam.create_open_id_connect_provider(Url="https://%sother.example.com" % PREFIX, ThumbprintList=["ab" * 20])["OpenIDConnectProviderArn"]}
    iam.add_client_id_to_open_id_connect_provider(ClientID="one", **provider)
    iam.add_client_id_to_open_id_connect_provider(ClientID="two", **provider)
    iam.remove_client_id_from_open_id_connect_provider(ClientID="one", **provider)
    check(iam.get_open_id_connect_provider(**provider)["ClientIDList"] == ["two"], "the client ids of a provider")
    iam.delete_open_id_connect_provider(**provider)
    iam.delete_open_id_connect_provider(**provider)  # one that is not there is no fault
    name = PREFIX + "bounded"
    made = iam.create_user(UserName=name, PermissionsBoundary=ADMIN)["User"]
    check(made["PermissionsBoundary"]["PermissionsBoundaryArn"] == ADMIN, "the boundary a user is made with")
    check(iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == [], "service-specific credentials")
    iam.delete_user_permissions_boundary(UserName=name)
    check("PermissionsBoundary" not in iam.get_user(UserName=name)["User"], "the boundary is gone")
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=ADMIN)
    check(iam.get_user(UserName=name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == ADMIN, "the user's boundary")
    iam.delete_user(UserName=name)


def policies(iam):
    arn = iam.create_policy(PolicyName=PREFIX + "versions", PolicyDocument=json.dumps(DOCUMENT), Description="words", Tags=[{"Key": "a", "Value": "b"}])["Policy"]["Arn"]
    second = {**DOCUMENT, "Statement": [{"Effect": "Deny", "Action": ["eks:DeleteCluster"], "Resource": ["*"]}]}
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(second))["PolicyVersion"]
    check(version["VersionId"] == "v2" and not version["IsDefaultVersion"], "version %s" % version)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    check(iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2", "default version")
    check(iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == second, "the second version's document")
    refused("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    versions = [v["VersionId"] for v in every(iam.list_policy_versions, "Versions", PolicyArn=arn)]
    check(sorted(versions) == ["v1", "v2"], "versions %s" % versions)
    other = iam.create_policy(PolicyName=PREFIX + "other", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    listed = [p["Arn"] for p in every(iam.list_policies, "Policies", Scope="Local")]
    check(arn in listed and other in listed, "list_policies gives %s" % listed)
    iam.delete_policy(PolicyArn=other)
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    check(len(every(iam.list_policy_tags, "Tags", PolicyArn=arn)) == 2, "two tags of a policy")
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    check(iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}], "tags of a policy")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", iam.get_policy, PolicyArn=arn)


def roles(iam, sts):
    account = sts.get_caller_identity()["Account"]
    name = PREFIX + "role"
    r = iam.create_role(RoleName=name, Path="/ci/", AssumeRolePolicyDocument=trust(account), Description="words", MaxSessionDuration=7200, Tags=[{"Key": "a", "Value": "b"}])["Role"]
    check(re.fullmatch(r"\w{16,128}", r["RoleId"]), "role id " + r["RoleId"])
    check(r["Arn"] == "arn:aws:iam::%s:role/ci/%s" % (account, name), "role ARN " + r["Arn"])
    refused("EntityAlreadyExists", iam.create_role, RoleName=name, AssumeRolePolicyDocument=trust(account))
    refused("NoSuchEntity", iam.get_role, RoleName=PREFIX + "nobody")
    got = iam.get_role(RoleName=name)["Role"]
    check(got["MaxSessionDuration"] == 7200 and got["Description"] == "words" and got["Tags"] == [{"Key": "a", "Value": "b"}], "get_role %s" % got)
    check(got["AssumeRolePolicyDocument"] == json.loads(trust(account)), "trust policy comes back as it went")
    other = iam.create_role(RoleName=name + "-2", Path="/ci/", AssumeRolePolicyDocument=trust(account), PermissionsBoundary=ADMIN)["Role"]
    check(other["PermissionsBoundary"]["PermissionsBoundaryArn"] == ADMIN, "the boundary a role is made with")
    listed = [x["Arn"] for x in every(iam.list_roles, "Roles", PathPrefix="/ci/")]
    check(r["Arn"] in listed and other["Arn"] in listed, "list_roles gives %s" % listed)
    iam.delete_role(RoleName=name + "-2")
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(DOCUMENT))
    check(iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"] == DOCUMENT, "inline policy of a role")
    iam.attach_role_policy(RoleName=name, PolicyArn=ADMIN)
    check(len(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]) == 1, "attached policies of a role")
    two_of_each(iam, name)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust(account))
    refused("MalformedPolicyDocument", iam.update_assume_role_policy, RoleName=name, PolicyDocument="[")
    iam.tag_role(RoleName=name, Tags=[{"Key": "c", "Value": "d"}])
    check(len(every(iam.list_role_tags, "Tags", RoleName=name)) == 2, "role tags")
    iam.untag_role(RoleName=name, TagKeys=["c"])
    check(iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "a", "Value": "b"}], "role tags after one is gone")
    check(iam.list_role_policies(RoleName=name)["PolicyNames"] == ["inline"], "inline policies of a role")
    iam.update_role(RoleName=name, Description="more", MaxSessionDuration=3600)
    check(iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 3600, "an updated role's longest session")
    check(iam.update_role_description(RoleName=name, Description="other")["Role"]["Description"] == "other", "an updated description")
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=ADMIN)
    check(iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == ADMIN, "the role's boundary")
    iam.delete_role_permissions_boundary(RoleName=name)

    details(iam, account, name)
    session = sts.assume_role(RoleArn=r["Arn"], RoleSessionName="one", DurationSeconds=900)
    check(session["AssumedRoleUser"]["Arn"] == "arn:aws:sts::%s:assumed-role/%s/one" % (account, name), "session ARN %s" % session["AssumedRoleUser"])
    check(session["AssumedRoleUser"]["AssumedRoleId"] == r["RoleId"] + ":one", "session id")
    c = session["Credentials"]
    as_role = boto3.client("sts", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
    iam.get_role(RoleName=name)  # now with its last use
    check(as_role.get_caller_identity()["Arn"] == session["AssumedRoleUser"]["Arn"], "the session is who it says")

    refused("DeleteConflict", iam.delete_role, RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn=ADMIN)
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    refused("NoSuchEntity", iam.get_role, RoleName=name)
    again = iam.create_role(RoleName=name, Path="/ci/", AssumeRolePolicyDocument=trust(account))["Role"]
    check(again["RoleId"] != r["RoleId"], "a role made again has a new unique id")
    iam.delete_role(RoleName=name)


def two_of_each(iam, role):
    """A role and a user with two attached policies, a role with two inline ones, listed by pages."""
    user = PREFIX + "two"
    iam.create_user(UserName=user)
    arn = iam.create_policy(PolicyName=PREFIX + "second", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    check(sorted(p["PolicyArn"] for p in every(iam.list_attached_role_policies, "AttachedPolicies", RoleName=role)) == sorted([arn, ADMIN]), "two attached to a role")
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for policy in (arn, ADMIN):
        iam.attach_user_policy(UserName=user, PolicyArn=policy)
    check(sorted(p["PolicyArn"] for p in every(iam.list_attached_user_policies, "AttachedPolicies", UserName=user)) == sorted([arn, ADMIN]), "two attached to a user")
    for policy in (arn, ADMIN):
        iam.detach_user_policy(UserName=user, PolicyArn=policy)
    iam.put_role_policy(RoleName=role, PolicyName="second", PolicyDocument=json.dumps(DOCUMENT))
    check(sorted(every(iam.list_role_policies, "PolicyNames", RoleName=role)) == ["inline", "second"], "two inline policies")
    iam.delete_role_policy(RoleName=role, PolicyName="second")
    iam.delete_policy(PolicyArn=arn)
    iam.delete_user(UserName=user)


def web_identity(sts):
    """An exchange of a token, which bears no signature; what a right one brings is in the checks with API servers."""
    arn = "arn:aws:iam::%s:role/%sweb" % (sts.get_caller_identity()["Account"], PREFIX)
    refused("InvalidIdentityToken", sts.assume_role_with_web_identity, RoleArn=arn, RoleSessionName="web", WebIdentityToken="e30.e30.AA")


def main():
    iam, sts = client("iam"), client("sts")
    check(sts.get_caller_identity()["Account"], "caller")
    users(iam)
    nothing_else(iam)
    providers(iam)
    if "moto" not in sys.argv[1:]:
        beyond_moto(iam)
    if "moto" not in sys.argv[1:]:
        web_identity(sts)
    policies(iam)
    roles(iam, sts)
    never = {k: sorted(known[k] - seen[k]) for k in sorted(known) if known[k] - seen[k]}
    print(json.dumps({"calls": calls, "seen": sorted(called), "never": never}))


main()
