# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps and searches over real trials: every row balances, and a DUT that dies is told."""

import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import pytest
from hdrh.histogram import HdrHistogram
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

import labkit as lk
from labkit.results.columns import COLUMNS
from labkit.runs.dut_trial import dut_trial
from tests.tunnels import TUNNELS

needs_testpmd = pytest.mark.skipif(
    shutil.which("dpdk-testpmd") is None, reason="dpdk-testpmd is not installed (package dpdk)"
)
KINDS = [lk.dut.LabkitEcho, lk.dut.PythonEcho, lk.dut.KernelEcho]
KINDS += [pytest.param(lk.dut.Testpmd, marks=needs_testpmd)]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
SHORT = {"rates": ("20k",), "duration": 0.3, "warmup": 0.1, "progress": False}
OVERLOAD: dict[str, Any] = {"min_rate": "1 Mpps", "max_rate": "3 Mpps"}


def check_rows(results: lk.Results) -> None:
    table = results.table
    assert table["balanced"].all(), results
    assert (table["intended"] == table["sent"] + table["unsent"]).all()
    assert (table["received"] > 0).all()
    assert (table["latency_min_ns"] > 0).all()
    for row in table.itertuples():
        histogram = HdrHistogram.decode(row.latency_histogram)
        assert histogram.get_total_count() == row.received
        assert row.latency_min_ns <= row.latency_p50_ns <= row.latency_p99_ns <= row.latency_max_ns


@pytest.fixture(scope="module")
def one_lab() -> Iterator[lk.Lab]:
    """Each DUT that was opened in it has left again."""
    with lk.Lab() as made:
        yield made


def rows_of(
    lab: lk.Lab, dut: lk.dut.Dut, *loads: tuple[Any, float, float], **stream: Any
) -> list[dict[str, Any]]:
    """A trial of each load, as sizes, pps and seconds."""
    with dut.open(lab) as far_end:
        streams = [lk.Stream(far_end.frame, size, pps, **stream) for size, pps, _ in loads]
        return [
            dut_trial(far_end, one, duration=seconds, latency=True)
            for one, (_, _, seconds) in zip(streams, loads, strict=True)
        ]


def test_sweep_of_our_duts_balances_and_comes_back_from_disk(tmp_path: Path) -> None:
    duts = [lk.dut.LabkitEcho(), lk.dut.PythonEcho()]
    results = lk.sweep(duts, sizes=(64, 8500, "IMIX"), save=tmp_path, **SHORT)  # type: ignore[arg-type]
    check_rows(results)
    assert len(results) == 6
    mixed = results.where(mix="IMIX").table
    assert mixed["size_bytes"].tolist() == [lk.IMIX.mean] * 2
    bits = 8e-6 * lk.IMIX.mean * mixed["tx_pps"]
    assert mixed["tx_mbps"].tolist() == pytest.approx(bits.tolist(), rel=0.05)
    assert (results.where(config="labkit-echo").table["unexplained"] == 0).all()
    assert lk.load(tmp_path).table.equals(results.table)
    machine = json.loads((tmp_path / "run.json").read_text())["machines"][0]
    assert machine["dpdk"].startswith("DPDK ")
    assert "--no-pci" in machine["eal"]
    floor = results.run["floor_ns"]
    assert 0 < floor["min"] <= floor["p50"] <= floor["max"]
    drawn = [line.get_label() for line in results.plot.latency("p50").axes[0].get_lines()]
    assert "the lab itself" in drawn
    measured = [name for name in COLUMNS if results.table[name].notna().any()]
    assert {"seconds", "started_at", "nic_imissed", "app_drops", "generator_limited"} <= set(
        measured
    )


@needs_testpmd
def test_sweep_leaves_out_what_a_dut_cannot_take() -> None:
    results = lk.sweep([lk.dut.Testpmd(mtu=1500)], sizes=(512, 8500), **SHORT)  # type: ignore[arg-type]
    check_rows(results)
    assert results.table["size_bytes"].tolist() == [512]
    assert results.warnings[-1] == "not measured: testpmd, 8,500 B: it takes up to 1,518 B"


def test_slow_load_needs_no_frame_in_its_warmup() -> None:
    results = lk.sweep(
        [lk.dut.LabkitEcho()], sizes=(64,), rates=(4,), duration=0.5, warmup=0.1, progress=False
    )
    assert results.table["received"].tolist() == [2]


def test_sweep_over_ipv6_balances() -> None:
    duts = [lk.dut.LabkitEcho(ip_version=6), lk.dut.PythonEcho(), lk.dut.KernelEcho(ip_version=6)]
    results = lk.sweep(duts, sizes=(64, 84, 8500), **SHORT)  # type: ignore[arg-type]
    check_rows(results)
    assert results.table.groupby("config").size().to_dict() == {
        "kernel-echo": 2, "labkit-echo": 2, "python-echo": 3
    }  # fmt: skip


@pytest.mark.parametrize("ip_version", [4, 6])
@pytest.mark.parametrize("name", TUNNELS)
def test_every_tunnel_brings_every_size_there_and_back(
    one_lab: lk.Lab, name: str, ip_version: int
) -> None:
    """The DUT verifies lengths and checksums outside and inside; overload balances all the same.

    Fewer frames than a ring holds: none is lost however long the machine holds a worker back."""
    tunnel = replace(TUNNELS[name], local_mac=None, remote_mac=None)
    dut = lk.dut.LabkitEcho(ip_version=ip_version, tunnel=tunnel)
    sizes = lk.Sizes((dut.min_size, dut.min_size + 1, 570, 1519, dut.max_size))
    row, overload = rows_of(one_lab, dut, (sizes, 5_000, 0.2), (dut.min_size, 50e6, 0.1))
    assert row["balanced"], row
    assert row["sent"] == row["received"] > 0, row
    assert overload["balanced"], overload
    assert 0 < overload["received"] <= overload["sent"] < overload["intended"]
    assert overload["tx_mbps"] == pytest.approx(8e-6 * dut.min_size * overload["tx_pps"])


def test_sweep_of_plain_and_tunnels(tmp_path: Path) -> None:
    over_6 = {"local": "2001:db8::1", "remote": "2001:db8::2"}
    option = lk.GeneveOption(0x0102, 1, b"data")
    duts = [
        lk.dut.LabkitEcho("plain"),
        lk.dut.LabkitEcho("VXLAN", tunnel=lk.Vxlan(vni=42)),
        lk.dut.LabkitEcho("GENEVE", tunnel=lk.Geneve(vni=42, options=(option,), **over_6)),
        lk.dut.LabkitEcho("GUE", ip_version=6, tunnel=lk.Gue()),
    ]
    settings: dict[str, Any] = {"sizes": (64, 512), "save": tmp_path, **SHORT}
    results = lk.sweep(duts, **settings)
    check_rows(results)
    assert results.table.groupby("config").size().to_dict() == {
        "plain": 2, "VXLAN": 1, "GENEVE": 1, "GUE": 1
    }  # fmt: skip
    assert results.warnings[-3:] == [
        "not measured: VXLAN, 64 B: headers and signature need 114 B or more",
        "not measured: GENEVE, 64 B: headers and signature need 142 B or more",
        "not measured: GUE, 64 B: headers and signature need 116 B or more",
    ]
    assert len(lk.sweep(duts, **settings)) == len(results)
    duts[1] = lk.dut.LabkitEcho("VXLAN", tunnel=lk.Geneve(vni=42, udp_port=4789))
    with pytest.raises(lk.LabError, match=r"other parameters: duts\[1\] is"):
        lk.sweep(duts, **settings)


def test_what_a_dut_does_not_take_out_of_its_tunnel_has_its_name() -> None:
    """Frames of another virtual network, and of another port inside."""
    vary = [lk.vary(VXLAN.vni, [42, 43]), lk.vary(UDP.dport, [9000, 9000, 9001], nth=2)]
    dut = lk.dut.LabkitEcho(tunnel=lk.Vxlan(vni=42))
    results = lk.sweep([dut], sizes=(512,), vary=vary, **SHORT)  # type: ignore[arg-type]
    check_rows(results)
    (row,) = results.table.itertuples()
    drops = json.loads(row.dut_drops)
    assert drops.pop("drop_tunnel_unknown_vni") == pytest.approx(row.sent / 2, abs=1)
    assert drops.pop("drop_udp_no_listener") == pytest.approx(row.sent / 6, abs=1)
    assert not drops


@pytest.mark.parametrize("ip_version", [4, 6])
@every_kind
def test_every_dut_answers_whatever_varies(
    one_lab: lk.Lab, kind: Callable[..., lk.dut.Dut], ip_version: int
) -> None:
    """Addresses of many networks and a thousand ports."""
    layer, form = (IP, "10.9.{}.1") if ip_version == 4 else (IPv6, "fd00:{}::1")
    sources = lk.vary(layer.src, [form.format(number) for number in range(100)])
    vary = [sources, lk.vary(UDP.sport, range(1024))]
    rows = rows_of(one_lab, kind(ip_version=ip_version), (100, 20_000, 0.3), vary=vary)
    check_rows(lk.Results.from_rows(rows, {}))


def test_what_varies_is_sent_in_another_process_too() -> None:
    """Every other datagram goes to a port where nobody listens."""
    ports = lk.vary(UDP.dport, [9000, 9001])
    settings: dict[str, Any] = {"sizes": (64,), "vary": ports, **SHORT}
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        results = lk.sweep([lk.dut.LabkitEcho()], executor=executor, **settings)
    check_rows(results)
    (row,) = results.table.itertuples()
    (dropped,) = json.loads(row.dut_drops).items()
    assert dropped == ("drop_udp_no_listener", pytest.approx(row.sent / 2, abs=1))


@pytest.mark.parametrize("ip_version", [4, 6])
@every_kind
def test_overload_is_explained_to_the_last_frame(
    one_lab: lk.Lab, kind: Callable[..., lk.dut.Dut], ip_version: int
) -> None:
    """Millions of frames a second are too many for each of them, or for the generator."""
    dut = kind(ip_version=ip_version)
    sizes = (dut.min_size, 8500, lk.Sizes.mix({dut.min_size: 7, 570: 4, 1518: 1}))
    rows = rows_of(one_lab, dut, *((size, 50e6, 0.3) for size in sizes))
    for row in rows:
        assert row["balanced"], row
        assert row["unexplained"] == 0
        assert row["received"] <= row["sent"] < row["intended"]
    # The machine may keep the DUT from running for as long as one of the trials.
    assert any(row["received"] for row in rows)


@dataclass(frozen=True)
class Dying(lk.dut.Testpmd):
    """testpmd that is killed while a trial is under way."""

    name: str = "dying"

    @contextmanager
    def open(self, lab: lk.Lab) -> Iterator[lk.dut.FarEnd]:
        with super().open(lab) as far_end:
            children = psutil.Process().children()
            child = next(c for c in children if c.name() == "dpdk-testpmd")
            killer = threading.Timer(0.2, child.send_signal, [signal.SIGKILL])
            killer.start()
            yield far_end
            killer.join()


@needs_testpmd
def test_dut_that_dies_in_the_middle_ends_the_sweep_and_loses_nothing(tmp_path: Path) -> None:
    lk.sweep([lk.dut.LabkitEcho()], sizes=(64,), **SHORT)  # type: ignore[arg-type]
    with pytest.raises(lk.SweepFailed, match=r"dying, 64 B at 20,000 pps, failed") as failure:
        lk.sweep(
            [lk.dut.LabkitEcho(), Dying()], sizes=(64,), seed=_ours_first(), save=tmp_path,
            **SHORT | {"duration": 1.0},
        )  # type: ignore[arg-type]  # fmt: skip
    assert isinstance(failure.value.__cause__, lk.DutDied)
    assert "signal 9" in str(failure.value)
    assert lk.load(tmp_path).table["config"].tolist() == ["labkit-echo"]


def test_executor_of_other_processes_runs_trials_and_tells_what_failed(tmp_path: Path) -> None:
    duts = [lk.dut.LabkitEcho(), lk.dut.PythonEcho()]
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        ours = lk.sweep(duts, sizes=(64,), executor=executor, **SHORT)  # type: ignore[arg-type]
        check_rows(ours)
        with pytest.raises(lk.SweepFailed, match=r"failed: the DUT dying died: .*signal 9"):
            lk.sweep(
                [Dying()],
                sizes=(64,),
                executor=executor,
                save=tmp_path,
                **SHORT | {"duration": 1.0},
            )  # type: ignore[arg-type]
    assert sorted(ours.table["config"]) == ["labkit-echo", "python-echo"]


def _ours_first() -> int:
    """A seed that puts the first of two trials first."""
    import random

    return next(seed for seed in range(99) if random.Random(seed).sample(range(2), 2) == [0, 1])


@every_kind
def test_search_knows_what_the_dut_drops(kind: Callable[..., lk.dut.Dut], lab: lk.Lab) -> None:
    """Millions of frames a second are too many for each of them, or for the generator."""
    dut = kind()
    with dut.open(lab) as far_end:
        flow = lk.Stream(far_end.frame, size=512)
        run = lk.search(far_end, flow, goals=(0.5,), progress=False, **OVERLOAD)
    trials = run.trials
    assert trials.table["balanced"].all(), trials.table.T.to_string()
    assert (trials.table["unexplained"] == 0).all()
    assert (trials.table["config"] == dut.name).all()
    assert trials.table["app_drops"].notna().all()
    assert trials.run["parameters"]["streams"] == [repr(flow)]
    assert trials.run["machines"][0]["dpdk"].startswith("DPDK ")
    if dut.name == "python-echo":
        assert trials.table["app_drops"].sum() > 0


def test_rates_of_a_search_are_of_the_ports_link(lab: lk.Lab) -> None:
    port, _ = lab.cable()
    flow = lk.Stream(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(), size=1480)
    row = {"intended": 1, "sent": 1, "received": 1, "drop_percent": 0.0}
    settings: dict[str, Any] = {"measure": lambda pps, seconds: row, "progress": False}
    told = lk.search(port, flow, min_rate="12 Mbit/s L1", **settings).trials.run["parameters"]
    link = port.info.link_speed_mbps
    assert link
    assert told["min_rate"] == pytest.approx(1000)
    assert told["max_rate"] == pytest.approx(link * 1e6 / 8 / 1500)


def test_what_cannot_be_searched_is_named(lab: lk.Lab) -> None:
    port, _ = lab.cable()
    packet = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
    for given, streams, message in (
        ("client", lk.Stream(packet), "port is 'client'; it is a port of a lab"),
        (port, [], "0 streams; a trial has 1 to 256"),
        (port, packet, "is no stream; make one with lk.Stream"),
        (port, None, "None is no stream"),
        (port, lk.Stream(packet, size=9999), "size 9999 exceeds what port"),
    ):
        with pytest.raises(lk.LabError, match=message):
            lk.search(given, streams, max_rate=1e5)  # type: ignore[arg-type]


def test_search_over_a_cable_brackets_what_the_far_end_answers(lab: lk.Lab) -> None:
    with lk.dut.LabkitEcho().open(lab) as far_end:
        flow = lk.Stream(far_end.frame, size=512, vary=lk.vary(UDP.sport, range(1024, 2048)))
        run = lk.search(far_end.port, flow, min_rate=1_000, max_rate=50_000, progress=False)
    trials = run.trials.table
    assert (trials["intended"] == trials["sent"] + trials["unsent"]).all()
    assert trials["balanced"].all()
    assert trials["target_pps"].between(1_000, 50_000 * 1.001).all()
    assert set(run.table["goal"]) == {"NDR", "PDR"}
    carried = run.table["lower_pps"].dropna()
    assert ((carried >= 1_000) & (carried <= 50_001)).all()
