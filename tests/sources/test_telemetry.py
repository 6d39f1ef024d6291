# SPDX-License-Identifier: BSD-3-Clause
"""Telemetry of a running dpdk-testpmd, and of one that goes and returns."""

import contextlib
from pathlib import Path

import pytest

import labkit as lk
from labkit.machine.telemetry_sockets import socket_path
from labkit.sources import SourceError, Telemetry, rates
from tests.bench import testpmd as peer
from tests.network import unique_name
from tests.patience import wait_until

CPU = 1


def forwarded(source: Telemetry) -> int:
    sample = source.sample()
    return 0 if sample is None else sample["port/net_ring0/tx_good_packets"]


def opens(source: Telemetry) -> bool:
    with contextlib.suppress(SourceError):
        source.open()
        return True
    return False


def test_testpmd_is_read() -> None:
    prefix = unique_name("lkpmd")
    source = Telemetry(prefix)
    with peer.testpmd("net_ring0", "io", CPU, prefix) as prompt:
        wait_until(lambda: opens(source))
        assert source.path == Path(f"/run/dpdk/{prefix}/dpdk_telemetry.v2")
        assert source.version.startswith("DPDK ")
        assert forwarded(source) == 0
        assert source.units["port/net_ring0/tx_good_packets"] == "packets"
        assert source.kinds["port/net_ring0/link_up"] == "state"
        assert source.schema.drivers == {"port/net_ring0": "net_ring"}

        peer.say(prompt, "start tx_first 1")
        wait_until(lambda: forwarded(source) > 1000)
        before = source.sample()
        assert before is not None
        wait_until(lambda: forwarded(source) > before["port/net_ring0/tx_good_packets"])
        after = source.sample()
        assert after is not None
        found = rates(before, after)
        assert not found.faults
        assert found["port/net_ring0/tx_good_packets"] > 0
        assert after["port/net_ring0/link_up"] == 1
        source.close()


def test_testpmd_is_lost_and_found_again() -> None:
    prefix = unique_name("lkpmd")
    source = Telemetry(prefix)
    with peer.testpmd("net_ring0", "io", CPU, prefix):
        wait_until(lambda: opens(source))
        first_pid = source.pid
    for _ in range(2):
        assert source.sample() is None
        assert source.state == "gone"
        assert prefix in source.reason
    with peer.testpmd("net_ring0", "io", CPU, prefix):
        wait_until(lambda: source.sample() is not None)
        assert source.state == "live"
        assert source.pid != first_pid
        assert forwarded(source) == 0
        source.close()


def test_a_lab_is_a_dpdk_application_too(leftovers: None) -> None:
    prefix = unique_name("lkown")
    with lk.Lab(lk.EalConfig(file_prefix=prefix)) as lab:
        client, _ = lab.cable()
        client.send([bytes(60)] * 7)
        wait_until(lambda: client.xstats()["tx_good_packets"] == 7)
        with Telemetry(prefix) as source:
            sample = source.sample()
            assert sample is not None
            assert sample["port/net_ring_client/tx_good_packets"] == 7
            assert source.schema.drivers["port/net_ring_client"] == "net_ring"


def test_ways_to_name_an_application() -> None:
    socket = Path("/run/dpdk/x/dpdk_telemetry.v2")
    assert socket_path("x") == socket_path("/run/dpdk/x") == socket_path(socket) == socket


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no /run/dpdk/lknone"):
        Telemetry("lknone").open()
    (tmp_path / "dpdk_telemetry.v2").write_text("no socket")
    with pytest.raises(SourceError, match="does not answer"):
        Telemetry(tmp_path).open()
