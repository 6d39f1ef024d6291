# SPDX-License-Identifier: BSD-3-Clause
"""A fork of the notebook's process: the lab is its parent's, and it is told so at once."""

import os
import traceback
from collections.abc import Callable

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.errors import EngineElsewhere

FRAME = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP() / ICMP()


def in_a_fork(look: Callable[[], None]) -> None:
    """Fails when it fails there."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            look()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_is_told_whose_the_lab_is(lab: lk.Lab) -> None:
    client, server = lab.cable()
    path = lab.echo_server(server, ["10.0.0.2"])
    open_socket = client.socket()
    client.send(FRAME)
    owner = os.getpid()

    def look() -> None:
        for use in (
            lambda: path.counters,
            lambda: client.xstats(),
            lambda: client.send(FRAME),
            lambda: open_socket.send(FRAME),
            lambda: lk.echo(client, "10.0.0.2", count=1, progress=False),
            lambda: lab.restart(),
        ):
            with pytest.raises(EngineElsewhere, match=f"answers process {owner} alone"):
                use()
        assert not lab.is_alive
        assert f"process {owner}" in repr(lab)
        lab.close()

    in_a_fork(look)
    assert lab.is_alive
    assert lk.echo(client, "10.0.0.2", count=10, progress=False).ledger.is_balanced


def test_a_fork_may_have_a_lab_of_its_own(lab: lk.Lab) -> None:
    lab.cable()

    def look() -> None:
        with lk.Lab() as own:
            client, server = own.cable()
            own.echo_server(server, ["10.0.0.2"])
            assert lk.echo(client, "10.0.0.2", count=10, progress=False).ledger.is_balanced

    in_a_fork(look)
    assert lab.is_alive
