# SPDX-License-Identifier: BSD-3-Clause
"""A shell of IPython in a process of its own, as a kernel has it: runs cells, and presses TAB."""

import json
import subprocess
import sys
from dataclasses import dataclass

PROGRAM = """
import contextlib, io, json, sys
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance(colors="nocolor")
shown = []
shell._showtraceback = lambda kind, error, lines: shown.append("\\n".join(lines))
steps = []
for step in json.load(sys.stdin):
    shown.clear()
    if step["kind"] == "run":
        with contextlib.redirect_stdout(io.StringIO()):
            shell.run_cell(step["code"], store_history=True)
        steps.append("\\n".join(shown))
        continue
    shell.Completer.use_jedi = step["jedi"]
    with provisionalcompleter():
        code = step["code"]
        steps.append([
            code[: found.start] + found.text
            for found in shell.Completer.completions(code, len(code))
        ])
print(json.dumps(steps))
"""


@dataclass(frozen=True)
class Run:
    """A cell; gives what it shows of its error."""

    code: str

    def to_dict(self) -> dict[str, object]:
        return {"kind": "run", "code": self.code}


@dataclass(frozen=True)
class Tab:
    """Code at whose end TAB is pressed; gives the code as each completion would leave it."""

    code: str
    jedi: bool = True

    def to_dict(self) -> dict[str, object]:
        return {"kind": "tab", "code": self.code, "jedi": self.jedi}


def in_a_shell(*steps: Run | Tab) -> list:  # type: ignore[type-arg]
    """What each step gives."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([step.to_dict() for step in steps]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return list(json.loads(ran.stdout.splitlines()[-1]))
