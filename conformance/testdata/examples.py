"""Runs the examples that the AWS CLI's own package documents and compares the shape of the answers.

For every documented example of an operation named in the plan (JSON on standard input) it prepares what the example
presupposes, runs the documented command itself, with the real AWS CLI, in an account of its own, and compares the
answer's keys, nesting and types with the documented output. It prints one JSON line per example.

Input: {"credentials": {ACCOUNT: {...env}}, "operations": [FILE], "examples": {"eks/create-access-entry#1": [COMMAND, ...]}}
The commands are those to run first; "#save update=update.id" behind one keeps a part of its answer, to be used where the
example says --update-id, and so "#save association=association.associationId" for --association-id and "#save addon=addon.addonArn"
for an add-on's ARN. An example of an operation in "operations" that has no entry is run without any.
"""
import contextlib
import io
import json
import os
import re
import shlex
import sys
import tempfile

import awscli
import awscli.clidriver

FILES = {
    "Test-Role-Trust-Policy.json": '{"Version":"2012-10-17","Statement":[{"Sid":"Statement1","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::ACCOUNT:root"},"Action":"sts:AssumeRole"}]}',
    "policy.json": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":["arn:aws:s3:::amzn-s3-demo-bucket/shared/*"]}]}',
    "create-open-id-connect-provider.json": '{"Url":"https://server.example.com","ClientIDList":["example-application-ID"],"ThumbprintList":["c3768084dfb3d2b68b7897bf5f565da8e0000000"]}',
    "configuration-values.json": '{"resources": {"limits": {"cpu": "150m"}}, "env": {"AWS_VPC_K8S_CNI_LOGLEVEL": "ERROR"}}',
    "configuration-values.yaml": "resources:\n    limits:\n        cpu: '100m'\n",
    "NewPolicyVersion.json": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
}


def examples(text):
    """Yields (command, output) of each documented example, both as text."""
    lines = text.split("\n")
    i, command = 0, ""

    def block(j):
        while j < len(lines) and not lines[j].strip():
            j += 1
        kept = []
        while j < len(lines) and (not lines[j].strip() or lines[j].startswith("  ")):
            kept.append(lines[j])
            j += 1
        return "\n".join(kept).strip("\n"), j

    while i < len(lines):
        line = lines[i].strip()
        if line.endswith("::"):
            body, after = block(i + 1)
            if line.startswith("Output"):
                yield command, body
            elif body.strip().startswith("aws "):
                command = body
            i = max(after, i + 1)
        else:
            i += 1


def run(command, account, folder, env):
    """Runs one command of the AWS CLI in this process; gives exit code, standard output, standard error."""
    command = re.sub(r"\b\d{11,12}\b(?=:)", account, command)
    command = command.replace("my-eks-addon", "vpc-cni")  # which stands for one in the documentation
    command = re.sub(r"\\\s*\n", " ", command).strip()
    words = shlex.split(command, comments=True)
    for k, word in enumerate(words):
        if word.startswith("file://"):
            path = os.path.join(folder, word[len("file://"):])
            with open(path, "w") as f:
                f.write(FILES[word[len("file://"):]].replace("ACCOUNT", account))
            words[k] = "file://" + path
    os.environ.update(env)
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = awscli.clidriver.create_clidriver().main(words[1:] + ["--output", "json"])
    out.flush()
    return code, out.buffer.getvalue().decode(), err.getvalue()


def region(command):
    """The Region of the ARN that a command names: AWS knows the resource there only."""
    found = re.search(r"arn:aws:eks:([a-z0-9-]+):", command)
    return found.group(1) if found else "us-east-1"


def documented(command, output):
    """The command as the documentation's author must have typed it: the CLI, paging by itself, drops IsTruncated."""
    return command + (" --no-paginate" if '"IsTruncated"' in output else "")


def kind(v):
    if isinstance(v, bool):
        return "bool"
    if isinstance(v, (int, float)):
        return "number"
    return type(v).__name__


def compare(want, have, path, faults):
    """Appends a line for every key of want that have lacks or holds with another type."""
    # A placeholder for a document, which the CLI prints decoded, as other examples of the same operation show.
    if want == "<URL-encoded-JSON>" and isinstance(have, dict):
        return
    # Old examples print a time as a number, newer ones as a string: both are the same member.
    if kind(want) != kind(have) and not ({kind(want), kind(have)} == {"number", "str"} and re.search("(?i)(at|date)$", path)):
        faults.append("%s: documented %s, got %s" % (path, kind(want), kind(have)))
        return
    if isinstance(want, dict):
        if re.search("(?i)tags$", path):
            return  # the keys of tags are data
        for k in want:
            if k not in have:
                faults.append("%s.%s is documented and missing" % (path, k))
            else:
                compare(want[k], have[k], path + "." + k, faults)
    if isinstance(want, list) and want:
        if not have:
            faults.append("%s: documented with elements, got none" % path)
            return
        for w in want:
            # An element has the documented shape if one of ours has it.
            tries = []
            for h in have:
                f = []
                compare(w, h, path + "[]", f)
                tries.append(f)
            best = min(tries, key=len)
            for line in best:
                if line not in faults:
                    faults.append(line)


def main():
    plan = json.load(sys.stdin)
    folder = os.path.join(os.path.dirname(awscli.__file__), "examples")
    accounts = iter(sorted(plan["credentials"].items()))
    for name in plan["operations"]:
        path = os.path.join(folder, name + ".rst")
        if not os.path.exists(path):
            continue
        with open(path) as f:
            found = list(examples(f.read()))
        for n, (command, output) in enumerate(found, 1):
            key = "%s#%d" % (name, n)
            result = {"example": key, "command": " ".join(command.split())}
            account, env = next(accounts)
            env = {**env, "AWS_REGION": region(command), "AWS_DEFAULT_REGION": region(command)}
            saved = {}
            try:
                want = json.loads(output)
            except ValueError as e:
                result["unreadable"] = str(e)
                print(json.dumps(result), flush=True)
                continue
            with tempfile.TemporaryDirectory() as tmp:
                for first in plan["examples"].get(key, plan["examples"].get(name, [])):
                    code, out, err = run(first, account, tmp, env)
                    if code:
                        result["faults"] = ["preparing: %s: %s" % (first, err.strip())]
                        break
                    for var, query in re.findall(r"#save (\w+)=(\S+)", first):
                        value = json.loads(out)
                        for part in query.split("."):
                            value = value[part]
                        saved[var] = value
                else:
                    command = re.sub(r"--(update|association)-id (\S+)", lambda m: "--%s-id %s" % (m.group(1), saved.get(m.group(1), m.group(2))), command)
                    command = re.sub(r"arn:aws:eks:\S+:addon/\S+", lambda m: saved.get("addon", m.group(0)), command)
                    code, out, err = run(documented(command, output), account, tmp, env)
                    faults = []
                    if code:
                        faults = ["exit %d: %s" % (code, err.strip())]
                    else:
                        try:
                            compare(want, json.loads(out), "", faults)
                        except ValueError:
                            faults = ["no JSON in the answer: %r" % out[:200]]
                    result["faults"] = faults
            print(json.dumps(result), flush=True)


main()
