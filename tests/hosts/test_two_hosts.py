# SPDX-License-Identifier: BSD-3-Clause
"""Hosts as network namespaces: a DUT on one of them, frames that arrive on one, hosts that die."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.hosts import far_lab
from labkit.runs import far_trial
from labkit.runs.far_clock import Clocks, asked_clocks, wire_clocks
from labkit.runs.sweep import Measurement, by_trial
from labkit.runs.sweep_grid import Load
from tests.hosts.namespaces import Cluster, cluster_of
from tests.network import ip
from tests.patience import wait_until
from tests.trials import QUICK, V4, assert_whole

RATE = "2k"  # frames a second: those of a trial fit into a port's ring, however busy the machine is
WHOLE = {**QUICK, "drain": 60.0}  # which ends when all are there

if os.geteuid() != 0:
    pytest.skip("network namespaces need root", allow_module_level=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Five hosts: this one, and four with a worker each."""
    with cluster_of(tmp_path_factory.mktemp("hosts"), "b", "c", "d", "e") as made:
        yield made


@pytest.fixture
def hosts(cluster: Cluster) -> Iterator[lk.Hosts]:
    with cluster.connect() as connected:
        yield connected


def no_engines(cluster: Cluster, *names: str) -> None:
    """Waits until no engine is left on these hosts."""
    wait_until(lambda: not any(cluster.engines(name) for name in names))


def again_and_again(ask: Callable[[], object]) -> None:
    """Asks until that raises something."""
    while True:
        ask()


def test_hosts_are_told(hosts: lk.Hosts, cluster: Cluster) -> None:
    assert list(hosts) == ["b", "c", "d", "e"]
    assert list(hosts.table["host"]) == ["b", "c", "d", "e"]
    assert hosts.warnings == []
    assert hosts["b"].port == "af_packet:wire"
    with pytest.raises(lk.LabError, match=r"there is no host 'x' at tls://.*are b, c, d, e; start"):
        hosts["x"]
    with pytest.raises(lk.LabError, match="there is no host 'y'"):
        lk.Hosts(cluster.scheduler, ports={"y": "af_packet:wire"})


DUTS = [
    ("af_packet", lk.dut.LabkitEcho(ip_version=6)),
    ("af_xdp", lk.dut.LabkitEcho("VXLAN", tunnel=lk.Vxlan(vni=42))),
    ("af_packet", lk.dut.Testpmd()),
]


@pytest.mark.parametrize(("kind", "dut"), DUTS, ids=lambda one: getattr(one, "name", one))
def test_duts_of_another_host(cluster: Cluster, lab: lk.Lab, kind: str, dut: lk.dut.Dut) -> None:
    with cluster.connect(kind), lk.dut.Remote(dut, host="b").open(lab) as far_end:
        stream = lk.Stream(far_end.frame, size=256, rate=RATE)
        run = lk.trial(far_end, stream, duration=0.2, latency=True, **WHOLE)
    assert run.is_balanced, run
    assert (run.row["config"], run.row["host"]) == (f"{dut.name}@b", "b")
    assert run.row["received"] == run.row["sent"] > 0
    assert run.row["latency_min_ns"] > 0
    assert (lab.ports, lab.paths) == ({}, {})
    no_engines(cluster, "b")


def test_drops_there_are_in_the_ledger(hosts: lk.Hosts, cluster: Cluster, lab: lk.Lab) -> None:
    with lk.dut.Remote(lk.dut.LabkitEcho(), host="c").open(lab) as far_end:
        wrong = far_end.frame
        wrong[UDP].dport = 9
        stream = lk.Stream(wrong, rate=RATE)
        run = lk.trial(far_end, stream, duration=0.2, warmup=0.1, drain=60.0, progress=False)
        assert run.is_balanced, run
        assert run.row["received"] == 0
        assert sum(run.ledger.drops.values()) == run.row["sent"] > 0
        assert all(name.startswith("c: drop_") for name, n in run.ledger.drops.items() if n)
        ip("link", "set", cluster.outer["c"], "down")
        try:
            run = lk.trial(
                far_end, lk.Stream(far_end.frame, rate=RATE), duration=0.2, drain=0.2, **QUICK
            )
        finally:
            ip("link", "set", cluster.outer["c"], "up")
    assert run.ledger.unexplained == run.row["sent"], "they went missing on the wire"
    assert run.ledger.extra["c received"] == 0
    assert "unexplained" in run.problems[0]


def test_sweep_and_search_over_five_hosts(hosts: lk.Hosts, tmp_path: Path) -> None:
    far = [lk.dut.Remote(lk.dut.LabkitEcho(), host=name) for name in hosts]
    swept = lk.sweep(
        [lk.dut.LabkitEcho(), *far],
        sizes=(128,),
        rates=(RATE,),
        duration=0.05,
        warmup=0,
        save=tmp_path,
        progress=False,
    )
    table = swept.table.set_index("config")
    assert table["balanced"].all(), swept
    assert set(table.index) == {"labkit-echo", *(f"labkit-echo@{name}" for name in "bcde")}
    assert list(table["host"].dropna().sort_values()) == list("bcde")
    assert set(swept.run["hosts"]) == set("bcde")
    assert "DPDK" in swept.run["hosts"]["b"]["dpdk"]
    assert swept.run["parameters"]["duts"][1]["dut"]["type"] == "LabkitEcho"
    assert lk.load(tmp_path).table.equals(swept.table)
    with lk.Lab() as lab, far[0].open(lab) as far_end:
        found = lk.search(
            far_end,
            lk.Stream(far_end.frame, size=64),
            goals=("PDR",),
            min_rate=1000,
            max_rate=1100,
            progress=False,
        )
    assert set(found.trials.table["host"]) == {"b"}
    assert set(found.trials.run["hosts"]) == {"b"}


@pytest.fixture
def near(hosts: lk.Hosts, lab: lk.Lab) -> lk.Port:
    return lab.port(str(hosts.here), "near")


def to(far: object, **settings: object) -> lk.Stream:
    return lk.Stream(Ether(dst=far.mac) / V4.payload, rate=RATE, **settings)  # type: ignore[attr-defined, arg-type]


def test_frames_arrive_on_another_host(
    hosts: lk.Hosts, near: lk.Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hosts.port("b") as far:
        streams = [to(far, size=128), to(far, size=lk.IMIX, burst=8)]
        run = lk.trial(
            near, streams, duration=0.3, receive_on=far, warmup=0.1, drain=60.0, progress=False
        )
        assert_whole(run)
        assert (run.received_on, run.row["host"]) == ("wire@b", "b")
        assert run.row["received"] == run.row["sent"] > 0
        assert run.latency is None

        # All CPUs of this machine have one time stamp counter, so the truth is known.
        clocks = asked_clocks(near.lab, far.far)
        wired = wire_clocks(near.lab, near, far, clocks, lambda seconds: None)
        for found in (clocks, wired):
            assert abs(found.far - found.near) * 1e9 / found.near_hz <= found.error_ns
        assert wired.error_ns <= clocks.error_ns

        def known(error_ns: float) -> lk.Trial:
            def compared(*_: object) -> Clocks:
                return Clocks(0, 0, wired.near_hz, wired.near_hz, 0.0, error_ns, "by heart")

            monkeypatch.setattr(far_trial, "wire_clocks", compared)
            return lk.trial(near, to(far), duration=0.2, receive_on=far, latency=True, **WHOLE)

        run = known(100.0)
        assert_whole(run)
        assert run.latency is not None
        assert run.latency.count == run.row["received"]
        assert run.row["latency_error_ns"] == 100.0
        assert "latency one way, ± 0.1 µs" in repr(run)
        run = known(1e10)
        assert_whole(run)
        assert run.latency is None
        assert run.row["latency_p50_ns"] is None
        assert "One-way latency is not told: the clocks of this host and b agree" in repr(run)


def test_latency_one_way(hosts: lk.Hosts, near: lk.Port) -> None:
    with hosts.port("d") as far:
        run = lk.trial(near, to(far), duration=0.2, receive_on=far, latency=True, **WHOLE)
        limits = {"min_rate": 1000, "max_rate": 1100, "progress": False}
        found = lk.search(near, to(far), receive_on=far, goals=("PDR",), **limits)  # type: ignore[arg-type]
    assert set(found.trials.table["host"]) == {"d"}
    assert_whole(run)
    if run.latency is not None:  # a busy machine's round trips may be longer than a latency
        assert 0 < run.row["latency_error_ns"] < run.row["latency_p50_ns"]
    assert run.notes


def test_engine_that_dies_there_is_told(cluster: Cluster, hosts: lk.Hosts, lab: lk.Lab) -> None:
    remote = lk.dut.Remote(lk.dut.LabkitEcho(), host="c")
    with remote.open(lab) as far_end:
        (engine,) = cluster.engines("c")
        engine.send_signal(signal.SIGKILL)
        with pytest.raises(lk.HostLost, match="host c is lost: its engine died: SIGKILL"):
            again_and_again(far_end.check)
    assert (lab.ports, lab.paths) == ({}, {})
    no_engines(cluster, "c")
    with remote.open(lab):
        pass


def test_worker_that_dies_is_told_and_results_are_kept(
    cluster: Cluster, hosts: lk.Hosts, tmp_path: Path
) -> None:
    measured = 0

    def dies(dut: lk.dut.Dut, load: Load) -> Measurement:
        nonlocal measured
        measured += 1
        if measured == 2:
            with lk.Lab() as lab, dut.open(lab) as far_end:
                cluster.kill_worker("e")
                far_end.counters()
        return by_trial(dut, load)

    def swept(measure: object) -> lk.Results:
        return lk.sweep(
            [lk.dut.Remote(lk.dut.LabkitEcho(), host="e")], sizes=(64,), rates=(RATE,),
            repeats=2, duration=0.1, warmup=0, save=tmp_path, progress=False, measure=measure,  # type: ignore[arg-type]
        )  # fmt: skip

    with pytest.raises(
        lk.SweepFailed, match=r"host e is lost: its Dask worker .* has end"
    ) as failed:
        swept(dies)
    assert len(failed.value.results) == 1
    no_engines(cluster, "e")
    cluster.start_worker("e")
    cluster.wait_for("e")
    assert len(swept(by_trial)) == 2, "the rest is measured"


def test_network_that_is_cut_is_told_and_the_session_ends(
    cluster: Cluster, hosts: lk.Hosts, lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(far_lab, "LEASE_SECONDS", 8.0)
    remote = lk.dut.Remote(lk.dut.LabkitEcho(), host="d")
    with remote.open(lab) as far_end:
        monkeypatch.setattr(far_lab, "BUSY_SECONDS", 0)
        with pytest.raises(lk.LabError, match="host d is busy: for 0 s another session"):
            hosts.port("d")
        monkeypatch.setattr(far_lab, "CALL_SECONDS", 2.0)
        ip("-n", cluster.spaces["d"], "link", "set", "steering", "down")
        try:
            with pytest.raises(lk.HostLost, match="it has not answered for 2 s; its worker"):
                far_end.counters()
            no_engines(cluster, "d")
        finally:
            ip("-n", cluster.spaces["d"], "link", "set", "steering", "up")
    monkeypatch.undo()
    with remote.open(lab):
        pass


def test_scheduler_that_dies_is_told(cluster: Cluster, hosts: lk.Hosts, lab: lk.Lab) -> None:
    """The last one: nothing is left of the cluster."""
    assert cluster.scheduler_process is not None
    with lk.dut.Remote(lk.dut.LabkitEcho(), host="b").open(lab) as far_end:
        cluster.scheduler_process.send_signal(signal.SIGKILL)
        cluster.scheduler_process.wait()
        with pytest.raises(lk.HostLost, match="host b is lost: the Dask scheduler at tls://"):
            again_and_again(far_end.counters)
    assert (lab.ports, lab.paths) == ({}, {})
    with pytest.raises(lk.LabError, match=r"the Dask scheduler at .* does not answer; start it"):
        list(hosts)
    wait_until(lambda: not psutil.pid_exists(cluster.pid_of("b")) or not cluster.engines("b"))
