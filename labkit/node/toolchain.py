# SPDX-License-Identifier: BSD-3-Clause
"""The machine's C compiler, and the headers that labkit brings along for it."""

import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path

from labkit.errors import LabError
from labkit.node.diagnostics import told

SECONDS = 120  # that a compiler has, on a machine under load
WARNINGS = ("-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror")
PLAIN = (
    *("-std=gnu11", "-g", "-fdiagnostics-color=never"),
    "-ftrack-macro-expansion=0",  # of gcc's: what is wrong within a macro stands in the cell's line
)
ENGINE = ("-O3", "-fPIC", "-shared", "-fvisibility=hidden")
TEST = ("-O1", "-DLK_CELL_TEST", "-fsanitize=address,undefined", "-fno-omit-frame-pointer")
# In the engine, which has no runtime of sanitizers, what is undefined ends it at once.
TRAPS = (
    "-fsanitize=bounds,integer-divide-by-zero,null,return,shift,signed-integer-overflow",
    "-fsanitize-undefined-trap-on-error",
    "-Og",
)


class CompileError(LabError):
    """C that does not compile: the message has the compiler's words at the lines of the cell."""


def compiler() -> list[str]:
    """The C compiler as it is called: $CC, else cc, gcc or clang."""
    given = os.environ.get("CC")
    if given:
        words = shlex.split(given)
        if shutil.which(words[0]) is None:
            raise LabError(
                f"CC is {given!r}, and there is no such program; unset CC to use the machine's "
                "compiler, cc"
            )
        return words
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    raise LabError(
        "there is no C compiler on this machine, and a node in C needs one: apt-get install gcc, "
        "or conda install -c conda-forge c-compiler; $CC names another one. Without one, write "
        "the node in Python: @lk.python_node"
    )


@cache
def headers() -> Path:
    """The folder of labkit's native headers."""
    module = importlib.util.find_spec("labkit._codec")
    folder = Path(module.origin).parent / "headers" if module and module.origin else Path()
    if not (folder / "cell/cell.h").exists():
        raise LabError(
            f"labkit's native headers are not in {folder}: install labkit again (make setup), on "
            "Linux with DPDK, without LABKIT_NATIVE=OFF"
        )
    return folder


def flags() -> list[str]:
    """What the engine's own nodes were compiled with."""
    folder = headers()
    found = (folder / "flags.txt").read_text().split("\n")
    own = [f"-I{folder / part}" for part in ("cell", "dataplane", "packet")]
    return [*own, *filter(None, found)]


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a compiler; when its time is over all that it has started ends with it."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def compile_c(
    name: str, file: Path, output: Path, options: list[str], source: str, first_line: int
) -> None:
    """Compiles a file; CompileError with what is wrong at which line of the cell."""
    command = [*compiler(), *PLAIN, *WARNINGS, *options, *flags(), str(file), "-o", str(output)]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        ran = _run(command, environment)
    except subprocess.TimeoutExpired:
        raise CompileError(
            f"node {name}: {command[0]} has not come to an end within {SECONDS} s"
        ) from None
    if ran.returncode == 0:
        return
    said = ran.stdout + ran.stderr
    if "rte_graph.h: No such file" in said or "rte_config.h: No such file" in said:
        raise LabError(
            f"node {name}: DPDK's headers are not on this machine, and a node in C needs them: "
            "apt-get install libdpdk-dev"
        )
    raise CompileError(told(name, said, source, first_line))
