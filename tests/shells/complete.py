"""Types a line with tabs into a real shell on a terminal: complete.py SHELL KEYS...

The shell starts as it does for a person: with what its configuration in $HOME says. Each of KEYS is typed on a line of its own; then
the line is run with `printf '<%s>'` in front, which shows the words that came of it. Writes the words of each line as JSON.
"""

import json
import os
import re
import sys

import pexpect

PATIENCE = 60
COMMANDS = {
    # Both read their configuration when they are interactive; fish always does.
    "bash": ["bash", "-i"],
    "zsh": ["zsh", "-i"],
    "fish": ["fish", "--interactive"],
}


def words_of(shell, keys):
    terminal = pexpect.spawn(
        shell[0], shell[1:], env={**os.environ, "TERM": "xterm"}, encoding="utf-8", dimensions=(50, 200), timeout=PATIENCE
    )
    try:
        # Whatever the prompt looks like: the shell listens once it has run something.
        terminal.sendline("printf '%s-%s\\n' it listens")
        terminal.expect("it-listens")
        terminal.send(keys)
        # A completion takes as long as it takes. What is typed behind the tab is read when it is done.
        terminal.send("\x01printf '<%s>' \x05\r")
        terminal.sendline("printf '%s-%s\\n' it ends")
        terminal.expect("it-ends")
        said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07", "", terminal.before)
        lines = [line for line in said.splitlines() if line.startswith("<lambda-lift>")]
        if not lines:
            raise SystemExit(f"nothing came of {keys!r}; the terminal shows:\n{said}")
        return re.findall(r"<(.*?)>", lines[-1])
    finally:
        terminal.close(force=True)


def main():
    shell, keys = sys.argv[1], sys.argv[2:]
    print(json.dumps([words_of(COMMANDS[shell], line.encode().decode("unicode_escape")) for line in keys]))


main()
