# SPDX-License-Identifier: BSD-3-Clause
"""Devices under test: whatever answers on the far end of a port.

with lk.Lab() as lab, lk.dut.LabkitEcho().open(lab) as far_end:
    lk.trial(far_end.port, lk.Stream(far_end.frame, size=64, rate="700 kpps"), duration=5)
    lk.search(far_end, lk.Stream(far_end.frame, size=64))

lk.dut.Remote(lk.dut.LabkitEcho(), host="b") is one on another host.
"""

from labkit.arguments.names import no_attribute
from labkit.dut.base import Dut, DutCounters, FarEnd
from labkit.dut.kernel_echo import KernelEcho
from labkit.dut.labkit_echo import LabkitEcho
from labkit.dut.python_echo import PythonEcho
from labkit.dut.remote import Remote
from labkit.dut.testpmd import Testpmd

__all__ = [
    "Dut",
    "DutCounters",
    "FarEnd",
    "KernelEcho",
    "LabkitEcho",
    "PythonEcho",
    "Remote",
    "Testpmd",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    raise no_attribute(__name__, name, __all__)
