"""Users, roles, their policies, tags and sessions, with boto3: the same calls on any endpoint.

It asserts only what AWS documents, so it must pass on the lab, on moto and on an account of AWS. It uses names of its
own and removes what it made. Every operation's answer is noted; at the end it prints a JSON object:
{"checks": N, "set": {"iam.GetUser": [members seen]}}
"""
import json
import os
import re
import sys

import boto3
import botocore.exceptions

PREFIX = "atlas-iam-conformance-"
seen = {}
checks = 0


def client(service):
    c = boto3.client(service)

    def note(parsed, model, **_):
        if parsed["ResponseMetadata"]["HTTPStatusCode"] < 300:
            walk(service + "." + model.name, model.output_shape, parsed)

    c.meta.events.register("after-call.%s.*" % service, note)
    return c


def walk(path, shape, value):
    """Notes which members of the model's shape an answer sets, and that each has the model's type."""
    if shape is None or value is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                seen.setdefault(path, set()).add(name)
                walk(path + "." + name, member, value[name])
        extra = set(value) - set(shape.members) - {"ResponseMetadata"}
        check(not extra, "%s has members the model does not know: %s" % (path, extra))
        for name in shape.required_members:
            check(name in value, "%s lacks its required member %s" % (path, name))
    elif shape.type_name == "list":
        for v in value:
            walk(path + "[]", shape.member, v)


def check(ok, text):
    global checks
    checks += 1
    if not ok:
        raise SystemExit("FAILED: " + text)


def refused(code, call, **args):
    try:
        call(**args)
    except botocore.exceptions.ClientError as e:
        check(e.response["Error"]["Code"] == code, "%s(%s): got %s, want %s" % (call.__name__, args, e.response["Error"], code))
        return
    check(False, "%s(%s) went through, want %s" % (call.__name__, args, code))


def trust(account):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::%s:root" % account}, "Action": "sts:AssumeRole"}]})


DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["eks:DescribeCluster"], "Resource": ["*"]}]}


def users(iam):
    name = PREFIX + "user"
    u = iam.create_user(UserName=name, Path="/people/", Tags=[{"Key": "team", "Value": "qa"}])["User"]
    check(re.fullmatch(r"\w{16,128}", u["UserId"]), "user id " + u["UserId"])
    check(u["Arn"].endswith(":user/people/" + name), "user ARN " + u["Arn"])
    refused("EntityAlreadyExists", iam.create_user, UserName=name)
    refused("NoSuchEntity", iam.get_user, UserName=PREFIX + "nobody")
    check(iam.get_user(UserName=name)["User"]["UserId"] == u["UserId"], "get_user gives another id")
    listed = [x for page in iam.get_paginator("list_users").paginate(PathPrefix="/people/", PaginationConfig={"PageSize": 1}) for x in page["Users"]]
    check(u["Arn"] in [x["Arn"] for x in listed], "list_users lacks the user")
    iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "ops"}, {"Key": "more", "Value": ""}])
    iam.untag_user(UserName=name, TagKeys=["more"])
    tags = {t["Key"]: t["Value"] for t in iam.list_user_tags(UserName=name)["Tags"]}
    check(tags == {"team": "ops"}, "tags are %s" % tags)
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=json.dumps(DOCUMENT))
    check(iam.list_user_policies(UserName=name)["PolicyNames"] == ["inline"], "inline policies")
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
    refused("DeleteConflict", iam.delete_user, UserName=name)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName=name, PolicyArn=arn)
    refused("NoSuchEntity", iam.detach_user_policy, UserName=name, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    iam.delete_user_policy(UserName=name, PolicyName="inline")
    iam.delete_user(UserName=name)
    refused("NoSuchEntity", iam.delete_user, UserName=name)


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
    listed = [x for page in iam.get_paginator("list_roles").paginate(PathPrefix="/ci/", PaginationConfig={"PageSize": 1}) for x in page["Roles"]]
    check(r["Arn"] in [x["Arn"] for x in listed], "list_roles lacks the role")
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(DOCUMENT))
    check(iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"] == DOCUMENT, "inline policy of a role")
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    check(len(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]) == 1, "attached policies of a role")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust(account))
    refused("MalformedPolicyDocument", iam.update_assume_role_policy, RoleName=name, PolicyDocument="[")
    iam.tag_role(RoleName=name, Tags=[{"Key": "c", "Value": "d"}])
    check(len(iam.list_role_tags(RoleName=name)["Tags"]) == 2, "role tags")

    session = sts.assume_role(RoleArn=r["Arn"], RoleSessionName="one", DurationSeconds=900)
    check(session["AssumedRoleUser"]["Arn"] == "arn:aws:sts::%s:assumed-role/%s/one" % (account, name), "session ARN %s" % session["AssumedRoleUser"])
    check(session["AssumedRoleUser"]["AssumedRoleId"] == r["RoleId"] + ":one", "session id")
    c = session["Credentials"]
    as_role = boto3.client("sts", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
    check(as_role.get_caller_identity()["Arn"] == session["AssumedRoleUser"]["Arn"], "the session is who it says")

    refused("DeleteConflict", iam.delete_role, RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    refused("NoSuchEntity", iam.get_role, RoleName=name)
    again = iam.create_role(RoleName=name, Path="/ci/", AssumeRolePolicyDocument=trust(account))["Role"]
    check(again["RoleId"] != r["RoleId"], "a role made again has a new unique id")
    iam.delete_role(RoleName=name)


def main():
    iam, sts = client("iam"), client("sts")
    check(sts.get_caller_identity()["Account"], "caller")
    users(iam)
    roles(iam, sts)
    print(json.dumps({"checks": checks, "set": {k: sorted(v) for k, v in seen.items()}}))


main()
