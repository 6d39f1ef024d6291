# SPDX-License-Identifier: BSD-3-Clause
"""Errors come whole out of another process."""

import pickle

import pytest

import labkit as lk
from labkit.errors import LabError
from labkit.packet.codec import Verdict


@pytest.mark.parametrize(
    "error",
    [
        lk.LabError("no"),
        lk.PathError("node x"),
        lk.DutDied("testpmd", "its process ended (signal 9)", ("one", "two")),
        lk.EngineDied("SIGSEGV", signal="SIGSEGV", node="p/n", command="run", log=("a",)),
        lk.EngineHung("it hangs", pid=1, call="rte_eth_dev_start", port="a", log=("a",)),
        lk.Refused(Verdict(9, "udp_bad_checksum", "a sentence", "RFC 768"), 40),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_is_the_same_after_pickling(error: LabError) -> None:
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
