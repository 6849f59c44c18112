"""Every EKS operation the lab has built, with boto3: it parses each answer, checks it by botocore's model, and lists the
members that the model knows and no answer ever set. Prints a JSON object
{"calls": N, "seen": ["eks.Op"], "never": {"eks.Op.path": [members]}}.
"""
import json
import sys
import time

import boto3

ROLE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
PODS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}]}
NARROW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
EDIT = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
calls = 0
called = set()
known, seen = {}, {}


def walk(path, shape, value):
    if shape.type_name == "structure":
        known.setdefault(path, set()).update(shape.members)
        seen.setdefault(path, set())
        for name, member in shape.members.items():
            if name in value:
                seen[path].add(name)
                walk(path + "." + name, member, value[name])
        extra = set(value) - set(shape.members) - {"ResponseMetadata"}
        if extra:
            sys.exit("FAILED: %s has members the model does not know: %s" % (path, extra))
    elif shape.type_name == "list":
        for v in value:
            walk(path + "[]", shape.member, v)


def note(parsed, model, **_):
    global calls
    calls += 1
    called.add("eks." + model.name)
    if "Error" in parsed and parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 200) >= 300:
        sys.exit("FAILED: %s: %s" % (model.name, parsed["Error"]))
    if not parsed["ResponseMetadata"].get("RequestId"):
        sys.exit("FAILED: %s: no request id" % model.name)
    if model.output_shape:
        walk("eks." + model.name, model.output_shape, parsed)


def paged(eks, operation, member, least, **arguments):
    """Reads a list by pages of one; each page must hold one, and all of them at least so many different ones."""
    pages = [p[member] for p in eks.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 1})]
    if any(len(p) != 1 for p in pages) or len({str(p) for p in pages}) < least:
        sys.exit("FAILED: %s by pages of one: %s" % (operation, pages))


def workloads(eks, iam):
    """Pod Identity associations of a cluster."""
    role = iam.create_role(RoleName="workload", AssumeRolePolicyDocument=json.dumps(PODS))["Role"]["Arn"]
    made = eks.create_pod_identity_association(clusterName="one", namespace="dev", serviceAccount="api", roleArn=role, targetRoleArn="arn:aws:iam::444455556666:role/far",
                                               disableSessionTags=True, policy=json.dumps(NARROW), tags={"a": "b"})["association"]
    eks.create_pod_identity_association(clusterName="one", namespace="dev", serviceAccount="worker", roleArn=role)
    paged(eks, "list_pod_identity_associations", "associations", 2, clusterName="one", namespace="dev")
    of = {"clusterName": "one", "associationId": made["associationId"]}
    described = eks.describe_pod_identity_association(**of)["association"]
    if described != made:
        sys.exit("FAILED: made %s, described %s" % (made, described))
    updated = eks.update_pod_identity_association(targetRoleArn="", policy="", disableSessionTags=False, **of)["association"]
    if "externalId" not in made or {"externalId", "targetRoleArn", "policy"} & set(updated):
        sys.exit("FAILED: made %s, updated %s" % (made, updated))
    eks.list_tags_for_resource(resourceArn=made["associationArn"])
    eks.delete_pod_identity_association(**of)

    driver = {"clusterName": "one", "addonName": "aws-ebs-csi-driver"}
    eks.create_addon(addonVersion="v1.40.0-eksbuild.1", configurationValues="{}", serviceAccountRoleArn=role, resolveConflicts="OVERWRITE", tags={"a": "b"},
                     namespaceConfig={"namespace": "kube-system"}, podIdentityAssociations=[{"serviceAccount": "ebs-csi-controller-sa", "roleArn": role}], **driver)
    eks.create_addon(clusterName="one", addonName="eks-pod-identity-agent")
    for name in ("aws-ebs-csi-driver", "eks-pod-identity-agent"):
        eks.get_waiter("addon_active").wait(clusterName="one", addonName=name)
    paged(eks, "list_addons", "addons", 2, clusterName="one")
    own = eks.describe_addon(**driver)["addon"]["podIdentityAssociations"]
    listed = eks.list_pod_identity_associations(clusterName="one", namespace="kube-system")["associations"]
    if [a["associationArn"] for a in listed if a.get("ownerArn")] != own or len(own) != 1:
        sys.exit("FAILED: the add-on has %s, listed are %s" % (own, listed))
    eks.describe_pod_identity_association(clusterName="one", associationId=listed[0]["associationId"])
    update = eks.update_addon(addonVersion="v1.41.0-eksbuild.1", podIdentityAssociations=[], **driver)["update"]
    eks.describe_update(name="one", addonName="aws-ebs-csi-driver", updateId=update["id"])
    eks.get_waiter("addon_active").wait(**driver)
    eks.delete_addon(**driver)


def main():
    eks, iam = boto3.client("eks"), boto3.client("iam")
    eks.meta.events.register("after-call.eks.*", note)
    role = iam.create_role(RoleName="service", AssumeRolePolicyDocument=json.dumps(ROLE))["Role"]["Arn"]
    user = iam.create_user(UserName="someone")["User"]["Arn"]
    eks.create_cluster(name="one", version="1.33", roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": ["sg-1"]},
                       accessConfig={"authenticationMode": "API_AND_CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True}, tags={"a": "b"},
                       logging={"clusterLogging": [{"types": ["api"], "enabled": True}]})
    eks.get_waiter("cluster_active").wait(name="one")
    cluster = eks.describe_cluster(name="one")["cluster"]
    eks.create_cluster(name="two", roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]})
    on = {"enabled": True}
    eks.create_cluster(name="auto", roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]}, accessConfig={"authenticationMode": "API"}, bootstrapSelfManagedAddons=False,
                       computeConfig={**on, "nodePools": ["system"], "nodeRoleArn": role}, storageConfig={"blockStorage": on}, kubernetesNetworkConfig={"elasticLoadBalancing": on})
    eks.describe_cluster(name="auto")
    paged(eks, "list_clusters", "clusters", 3)
    entry = eks.create_access_entry(clusterName="one", principalArn=user, kubernetesGroups=["g"], tags={"c": "d"}, username="someone")["accessEntry"]
    eks.describe_access_entry(clusterName="one", principalArn=user)
    eks.update_access_entry(clusterName="one", principalArn=user, kubernetesGroups=["h"])
    eks.associate_access_policy(clusterName="one", principalArn=user, policyArn=VIEW, accessScope={"type": "namespace", "namespaces": ["dev-*"]})
    eks.associate_access_policy(clusterName="one", principalArn=user, policyArn=EDIT, accessScope={"type": "cluster"})
    paged(eks, "list_associated_access_policies", "associatedAccessPolicies", 2, clusterName="one", principalArn=user)
    paged(eks, "list_access_entries", "accessEntries", 2, clusterName="one")
    paged(eks, "list_access_policies", "accessPolicies", 19)
    eks.tag_resource(resourceArn=entry["accessEntryArn"], tags={"e": "f"})
    eks.list_tags_for_resource(resourceArn=cluster["arn"])
    eks.untag_resource(resourceArn=entry["accessEntryArn"], tagKeys=["e"])
    update = eks.update_cluster_config(name="one", accessConfig={"authenticationMode": "API"})["update"]
    eks.describe_update(name="one", updateId=update["id"])
    eks.get_waiter("cluster_active").wait(name="one")
    eks.update_cluster_config(name="one", resourcesVpcConfig={"endpointPublicAccess": True, "endpointPrivateAccess": True})
    eks.get_waiter("cluster_active").wait(name="one")
    paged(eks, "list_updates", "updateIds", 2, name="one")
    workloads(eks, iam)
    eks.disassociate_access_policy(clusterName="one", principalArn=user, policyArn=VIEW)
    eks.delete_access_entry(clusterName="one", principalArn=user)
    eks.delete_cluster(name="one")
    never = {k: sorted(known[k] - seen[k]) for k in sorted(known) if known[k] - seen[k]}
    print(json.dumps({"calls": calls, "seen": sorted(called), "never": never}))


main()
