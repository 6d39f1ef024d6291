# SPDX-License-Identifier: BSD-3-Clause
"""This machine: CPUs, memory, NICs, and what the doctor says of them."""

import importlib


def __getattr__(name: str) -> object:
    if name == "nic":  # lk.nic, which nobody else needs at once
        return importlib.import_module("labkit.machine.nic")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
