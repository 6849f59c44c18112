"""Which operations of EKS, IAM and STS an endpoint has: each of botocore's models is called once, with words that name
nothing, in an account that may be spoiled. What the lab lacks it marks with a code that is none of AWS's.
Prints {"eks": {"built": {OPERATION: COMMAND}, "lacking": {...}, "documented": [COMMAND]}, ...}, COMMAND being the AWS CLI's
name of it, documented those of which the CLI's package has an example answer.
"""
import json
import os

import awscli
import boto3
import botocore.config
import botocore.exceptions
from botocore import xform_name


def sample(shape, depth=0):
    """A value of a shape: its required members, one element in a list."""
    kind = shape.type_name
    if kind == "structure":
        return {m: sample(shape.members[m], depth + 1) for m in shape.required_members}
    if kind == "list":
        return [sample(shape.member, depth + 1)] if depth < 5 else []
    if kind == "map":
        return {}
    if kind in ("integer", "long", "float", "double"):
        return 1
    if kind == "boolean":
        return False
    if kind == "timestamp":
        return 0
    if kind == "blob":
        return b"x"
    return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(1, shape.metadata.get("min", 1))


def documented(service):
    folder = os.path.join(os.path.dirname(awscli.__file__), "examples", service)
    names = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".rst"):
            with open(os.path.join(folder, name)) as f:
                if "\nOutput" in f.read():
                    names.append(name.removesuffix(".rst"))
    return names


def main():
    out = {}
    for service in ("eks", "iam", "sts"):
        client = boto3.client(service, config=botocore.config.Config(parameter_validation=False, retries={"max_attempts": 1}))
        found = {"built": {}, "lacking": {}}
        for name in client.meta.service_model.operation_names:
            model = client.meta.service_model.operation_model(name)
            arguments = sample(model.input_shape) if model.input_shape else {}
            code = ""
            try:
                getattr(client, xform_name(name))(**arguments)
            except botocore.exceptions.ClientError as e:
                code = e.response["Error"]["Code"]
            if code == "AccessDenied" and name in ("GetSessionToken", "GetFederationToken"):
                code = "NotImplementedByLab"  # AWS denies these to the session of a role, which the caller is
            found["lacking" if code == "NotImplementedByLab" else "built"][name] = xform_name(name, "-")
        out[service] = {**found, "documented": documented(service)}
    print(json.dumps(out))


main()
