# SPDX-License-Identifier: BSD-3-Clause
"""What a lesson may need, and whether it is here: found as the lesson itself would find it."""

from collections.abc import Callable, Iterable

from labkit.dut.testpmd import Testpmd
from labkit.errors import LabError
from labkit.machine.doctor import engine
from labkit.machine.doctor_ports import needs
from labkit.machine.doctor_report import Finding
from labkit.node.toolchain import compiler, headers


def _engine() -> Finding:
    return next(iter(engine()))


def _root() -> Finding:
    """For a network namespace and a veth pair."""
    hindrance = needs("NET_ADMIN", "SYS_ADMIN")
    return Finding("root", "note", *hindrance) if hindrance else Finding("root", "ok", "is here")


def _testpmd() -> Finding:
    missing = Testpmd().missing
    if missing:
        return Finding("testpmd", "note", missing)  # which names its fix
    return Finding("testpmd", "ok", "dpdk-testpmd is here")


def _compiler() -> Finding:
    try:
        command = compiler()
        headers()
    except LabError as error:
        return Finding("C compiler", "note", str(error))  # which names its fix
    return Finding("C compiler", "ok", " ".join(command))


# The names that {"labkit": {"needs": …}} of a notebook's metadata may hold.
NEEDS: dict[str, Callable[[], Finding]] = {
    "DPDK": _engine,
    "root": _root,
    "testpmd": _testpmd,
    "compiler": _compiler,
}


def found_here(names: Iterable[str]) -> dict[str, Finding]:
    """What the machine has of these; each is looked at once. "DPDK" starts an engine."""
    return {name: NEEDS[name]() for name in dict.fromkeys(names)}
