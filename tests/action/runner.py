"""Runs a composite action as GitHub's runner does: reads a job's step as JSON on stdin, writes what came of it to stdout.

    {"action": FOLDER, "with": {NAME: VALUE}, "env": {NAME: VALUE}, "github": {NAME: VALUE}, "temporary": FOLDER}

What is like the runner: inputs reach a composite action by `${{ inputs.x }}` alone; an expression is replaced in a script before the
shell reads it; each step has files of its own for outputs, environment, path and summary; a failed step ends the action; lines of stdout
and stderr that begin with `::` are commands. Of expressions there are only references to a context, which is all that our action
may use: anything else fails.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

REFERENCE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")
COMMAND = re.compile(r"^\s*::([A-Za-z-]+)(?: (.*?))?::(.*)$")


def text(value):
    """A value of YAML as a template makes a text of it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def expanded(template, contexts):
    def looked_up(match):
        value = contexts
        for name in match.group(1).strip().split("."):
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
                raise SystemExit(f"this runner has no expressions: {match.group(0)}")
            value = value.get(name, "") if isinstance(value, dict) else ""
        return text(value)

    return REFERENCE.sub(looked_up, text(template))


def entries(path):
    """The entries of an environment file: NAME=VALUE, or NAME<<MARK with lines up to the mark."""
    found = {}
    lines = iter(open(path, encoding="utf-8", newline="").read().split("\n"))
    for line in lines:
        line = line.rstrip("\r")
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, mark, value = line[:heredoc], line[heredoc + 2 :], []
            for inner in lines:
                if inner == mark:
                    break
                value.append(inner)
            else:
                raise SystemExit(f"{name}: the mark {mark} does not come")
            found[name] = "\n".join(value)
        elif equals > 0:
            found[line[:equals]] = line[equals + 1 :]
        else:
            raise SystemExit(f"invalid format {line!r}")
    return found


def unescaped(value, property=False):
    if property:
        value = value.replace("%3A", ":").replace("%2C", ",")
    return value.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def commands(log):
    """The workflow commands in a log, as the runner understands them."""
    found = []
    for line in log.splitlines():
        match = COMMAND.match(line)
        if match:
            name, properties, message = match.groups()
            pairs = (pair.partition("=") for pair in (properties or "").split(",") if pair)
            values = {key: unescaped(value, True) for key, _, value in pairs}
            found.append({"command": name, "properties": values, "message": unescaped(message)})
    return found


def run_step(step, job, contexts, environment, paths):
    folder = tempfile.mkdtemp(dir=job["temporary"])
    files = {name: os.path.join(folder, name) for name in FILES}
    for path in files.values():
        open(path, "w").close()
    own = {name: expanded(value, contexts) for name, value in (step.get("env") or {}).items()}
    script = os.path.join(folder, "script.sh")
    with open(script, "w", encoding="utf-8") as file:
        file.write(expanded(step["run"], contexts))
    assert step["shell"] == "bash", "a step of a composite action names its shell"
    everything = {**environment, **files, **own, "GITHUB_ACTION_PATH": job["action"]}
    everything["PATH"] = os.pathsep.join([*reversed(paths), environment["PATH"]])
    ended = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
        env=everything, cwd=job["workspace"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )
    environment.update(entries(files["GITHUB_ENV"]))
    paths += [line for line in open(files["GITHUB_PATH"], encoding="utf-8").read().splitlines() if line]
    return {
        "id": step.get("id"),
        "code": ended.returncode,
        "outputs": entries(files["GITHUB_OUTPUT"]),
        "summary": open(files["GITHUB_STEP_SUMMARY"], encoding="utf-8").read(),
        "log": ended.stdout,
        "commands": commands(ended.stdout),
    }


def main():
    job = json.load(sys.stdin)
    action = yaml.safe_load(open(os.path.join(job["action"], "action.yml"), encoding="utf-8"))
    assert action["runs"]["using"] == "composite"
    given = {name: text(value) for name, value in job["with"].items()}
    unexpected = sorted(set(given) - set(action["inputs"]))
    inputs = {name: given.get(name, text(about.get("default"))) for name, about in action["inputs"].items()}
    github = {"action_path": job["action"], **job.get("github", {})}
    contexts = {"inputs": inputs, "github": github, "steps": {}, "env": job["env"]}
    environment, paths, steps = dict(job["env"]), [], []
    for step in action["runs"]["steps"]:
        came = run_step(step, job, contexts, environment, paths)
        contexts["steps"][step.get("id")] = {"outputs": came["outputs"]}
        steps.append(came)
        if came["code"] != 0:
            break
    outputs = {name: expanded(about["value"], contexts) for name, about in action["outputs"].items()}
    print(json.dumps({
        "steps": steps,
        "succeeded": all(step["code"] == 0 for step in steps),
        "outputs": outputs,
        "unexpected": unexpected,
        "environment": environment,
    }))


main()
