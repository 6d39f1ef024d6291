# SPDX-License-Identifier: BSD-3-Clause
"""Statistics of kernel interfaces: a veth pair of the test's own, its qdisc, softnet."""

import asyncio
import errno
import re
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labkit.sources import Ethtool, Sample, SourceError, ethtool, rates
from tests.network import ip, unique_name, veth_host
from tests.patience import wait_until


def sample_of(source: Ethtool) -> Sample:
    sample = source.sample()
    assert sample is not None, source.reason
    return sample


def send(interface: str, count: int) -> int:
    """Sends frames; returns how many of them the qdisc refused."""
    refused = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        for _ in range(count):
            try:
                s.send(bytes(12) + b"\x88\xb5" + bytes(46))
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                refused += 1
    return refused


def test_interface_qdisc_and_softnet_count_what_was_sent() -> None:
    with veth_host() as host, Ethtool(host.outside) as source:
        run_tc("qdisc", "add", "dev", host.outside, "root", "pfifo", "limit", "7")
        before = sample_of(source)
        assert send(host.outside, 500) == 0
        after = sample_of(source)
        processed = [name for name in after.names if name.endswith("/processed")]
        for names in (["interface/tx_packets"], ["qdisc/root/pfifo/packets"], processed):
            assert sum(after[name] - before[name] for name in names) >= 500, names
        assert after["qdisc/root/pfifo/backlog_packets"] == 0
        assert not rates(before, after).faults


def test_levels_and_states_are_no_counters() -> None:
    with veth_host() as host, Ethtool(host.outside) as source:
        run_tc("qdisc", "add", "dev", host.outside, "root", "pfifo", "limit", "7")
        first, second = sample_of(source), sample_of(source)
        assert second["peer_ifindex"] == first["peer_ifindex"] > 0
        assert second["interface/carrier"] == 1
        assert source.kinds["interface/carrier"] == "state"
        assert source.kinds["qdisc/root/pfifo/backlog_packets"] == "gauge"
        assert source.units["qdisc/root/pfifo/backlog_bytes"] == "bytes"
        assert source.schema.drivers == {"": "veth"}


def test_shaping_shows_as_backlog_and_drops() -> None:
    with veth_host() as host, Ethtool(host.outside) as source:
        tbf = ("tbf", "rate", "8kbit", "burst", "100", "limit", "600")
        run_tc("qdisc", "add", "dev", host.outside, "root", *tbf)
        refused = send(host.outside, 50)
        sample = sample_of(source)
        assert 0 < sample["qdisc/root/tbf/backlog_bytes"] <= 600
        assert sample["qdisc/root/tbf/drops"] >= refused > 30


def test_interface_goes_and_returns() -> None:
    name = unique_name("lkv")
    peer = unique_name("lkw")
    ip("link", "add", name, "type", "veth", "peer", "name", peer)
    try:
        with Ethtool(name) as source:
            assert sample_of(source)["interface/tx_packets"] == 0
            ip("link", "del", name)
            assert source.sample() is None
            assert source.state == "gone"
            assert name in source.reason
            ip("link", "add", name, "type", "veth", "peer", "name", peer)
            wait_until(lambda: source.sample() is not None)
            assert source.state == "live"
    finally:
        if Path("/sys/class/net", name).exists():
            ip("link", "del", name)


def test_interface_without_driver_statistics() -> None:
    with Ethtool("lo") as source:
        sample = sample_of(source)
        assert "interface/rx_bytes" in sample.names
        assert any(name.startswith("softnet/cpu") for name in sample.names)


def test_interface_that_is_not_there() -> None:
    with pytest.raises(SourceError, match=r"no interface 'lknone' in this network namespace.* lo"):
        Ethtool("lknone").open()


class FakeNic:
    """What pyroute2 reads of a driver."""

    stat_names: list[str] | None = None

    def __init__(self, statistics: list[tuple[str, int]]) -> None:
        self.statistics = statistics

    def get_statistics(self) -> list[tuple[str, int]]:
        return self.statistics

    def close(self) -> None:
        pass


# The drivers of one machine each, their names as the kernel has them
DRIVERS = {
    "vmxnet3": [
        *(("Tx Queue#", 0), ("  ucast pkts tx", 5), ("  drv dropped tx total", 9)),
        *(("     giant hdr", 6), ("  giant hdr", 7)),
        *(("Tx Queue#", 1), ("  ucast pkts tx", 21), ("  drv dropped tx total", 0)),
        *(("     giant hdr", 1), ("  giant hdr", 2), ("tx timeout count", 3)),
    ],
    "of its own": [("x_packets", 1), ("x_packets", 2)],
    "numbered": [("a", 1), ("a#2", 2), ("a", 3), ("a", 4)],
    "virtio_net": [("rx_queue_0_packets", 21), ("tx_queue_0_packets", 35)],
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_names_that_come_again_are_kept(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = DRIVERS[driver]
    monkeypatch.setattr(
        "pyroute2.ethtool.ioctl.IoctlEthtool", lambda interface: FakeNic(statistics)
    )
    with Ethtool("lo") as source:
        sample = sample_of(source)
        found = [(name, sample[name]) for name in sample.names if "/" not in name]
        assert [value for _, value in found] == [value for _, value in statistics]
        assert len(set(sample.names)) == len(sample.names)
        for (name, _), (raw, _) in zip(found, statistics, strict=True):
            assert re.sub(r"#\d+$", "", name) == re.sub(r"#\d+$", "", raw.strip())
        assert sample_of(source).schema is sample.schema


def test_a_name_that_comes_again_keeps_its_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    nic = FakeNic(DRIVERS["of its own"])
    monkeypatch.setattr("pyroute2.ethtool.ioctl.IoctlEthtool", lambda interface: nic)
    with Ethtool("lo") as source:
        units = sample_of(source).schema.units
        assert units["x_packets"] == units["x_packets#2"] == "packets"


def test_the_second_queue_of_vmxnet3_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    nic = FakeNic(DRIVERS["vmxnet3"])
    monkeypatch.setattr("pyroute2.ethtool.ioctl.IoctlEthtool", lambda interface: nic)
    with Ethtool("lo") as source:
        before = sample_of(source)
        nic.statistics = [(name, value + 10 * ("ucast" in name)) for name, value in nic.statistics]
        after = sample_of(source)
        for name in ("ucast pkts tx", "ucast pkts tx#2"):
            assert after[name] - before[name] == 10
        assert (after["ucast pkts tx"], after["ucast pkts tx#2"]) == (15, 31)
        assert [after[f"giant hdr{n}"] for n in ("", "#2", "#3", "#4")] == [6, 7, 1, 2]


def run_tc(*arguments: str) -> None:
    done = subprocess.run(["tc", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_works_where_an_event_loop_runs_already() -> None:
    """As in a Jupyter kernel."""

    async def cell() -> int:
        with Ethtool("lo") as source:
            return len(sample_of(source).names)

    # On a thread of its own: a browser that another test started has a loop on this one.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, cell()).result() > 10


def test_a_kernel_that_does_not_answer_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a driver holds the kernel's lock of interfaces and waits for its device."""
    answers = threading.Event()
    with Ethtool("lo") as source:
        assert source.sample() is not None
        with monkeypatch.context() as slow:
            slow.setattr(ethtool, "ANSWER_SECONDS", 0.2)
            slow.setattr(source, "_read_apart", answers.wait)
            assert source.sample() is None
            assert source.state == "gone"
            assert "has not answered for 0.2 s what interface lo counts" in source.reason
            assert source.sample() is None
        answers.set()
        wait_until(lambda: source.sample() is not None)
        assert source.state == "live"
