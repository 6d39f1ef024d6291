# SPDX-License-Identifier: BSD-3-Clause
"""Who is asked for a MAC address, and what comes in between."""

import threading

import pytest

import labkit as lk
from tests.interrupts import interrupts


def test_ctrl_c_ends_the_wait_for_an_answer(lab: lk.Lab) -> None:
    client, _ = lab.cable()
    with interrupts(0.2) as alarm, pytest.raises(KeyboardInterrupt):
        lk.resolve(client, "10.0.0.9", timeout=100)
    assert alarm.count == 1


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00::2"])
def test_nobody_is_asked_in_its_own_name(lab: lk.Lab, address: str) -> None:
    client, _ = lab.cable()
    with pytest.raises(lk.LabError, match=f"source and target are both {address}, .* another"):
        lk.resolve(client, address, source=f"{address}/24")


def test_frames_without_a_header_are_no_answers(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24"])
    assert lk.resolve(client, "10.0.0.2") == server.mac
    short = threading.Timer(0.1, server.send, [[b"\1", bytes(13)]])
    short.start()
    with pytest.raises(lk.Unreachable, match=r"10\.0\.0\.9 did not answer ARP"):
        lk.resolve(client, "10.0.0.9", timeout=0.2)
    short.join()
