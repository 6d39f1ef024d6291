# SPDX-License-Identifier: BSD-3-Clause
"""Wrong arguments of public functions: none raises a raw error, each is named with the fix."""

import inspect
import json
import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from ipaddress import ip_network
from typing import Any

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit import sources
from labkit.arguments.checked import fitting
from labkit.runs.sweep import Measurement
from labkit.runs.sweep_grid import Load

PACKET = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=9000)
UNBUILT = Ether(dst="02:00:00:00:00:02") / IP(ttl=1500)
ADDRESSES = ["10.0.0.2/24"]
FILE = "datasets/incident_ena_admin_queue.parquet"

# What takes no arguments, looks at its caller's frame, or is made by labkit alone
NOT_CHECKED = {"checks", "doctor", "check", "params", "param"}

Wrong = Callable[[Any, Any, Any], object]  # of a lab and the ends of its cable

WITH_A_LAB: list[tuple[Wrong, str]] = [
    (lambda lab, a, b: lab.echo_server(b, "10.0.0.2/24"), "addresses is '10.0.0.2/24'; it is a "
        "list of IP addresses; write ['10.0.0.2/24']"),
    (lambda lab, a, b: lab.echo_server(b, ADDRESSES, "9000"), "udp_port is '9000'; it is a whole "
        "number from 1 to 65535, such as 7; write 9000"),
    (lambda lab, a, b: lab.echo_server(b, [5]), "it is a list of IP addresses, and 5 is none"),
    (lambda lab, a, b: lab.echo_server("server", ADDRESSES), "port is 'server'; it is a port of a "
        "lab, as lab.port() gives one"),
    (lambda lab, a, b: lk.echo(a, "10.0.0.2", payload_sizes=18), "payload_sizes is 18; it is a "
        "list of whole numbers, such as [18, 1400]; write [18]"),
    (lambda lab, a, b: lk.echo(a, "10.0.0.2", udp_port=9000.0), "udp_port is 9000.0; it is"),
    (lambda lab, a, b: lk.echo(a, "10.0.0.2", udp_port=0), "udp_port is 0; the range is 1 to"),
    (lambda lab, a, b: lk.echo(a, "10.0.0.2", window=257), "window is 257; the range is 1 to 256"),
    (lambda lab, a, b: lk.echo(a, "10.0.0.2", timeout="1s"), "timeout is '1s'; it is a number"),
    (lambda lab, a, b: lk.echo(a, "10.0.0.2", payload_size=18), "did you mean 'payload_sizes'?"),
    (lambda lab, a, b: lk.echo(a, "host"), "target is 'host'; it is an IPv4 or IPv6 address"),
    (lambda lab, a, b: lk.echo(a, 5), "target is 5; it is a text"),
    (lambda lab, a, b: lk.echo("client", "10.0.0.2"), "port is 'client'; it is a port of a lab"),
    (lambda lab, a, b: lk.resolve(a, "host.example"), "target is 'host.example'; it is an IPv4"),
    (lambda lab, a, b: lk.resolve(a, "10.0.0.2", timeout=-1), "timeout is -1; the range is 0 s or"),
    (lambda lab, a, b: lab.port("rings"), "'rings' is no port: the kinds are ring, null, pcap, "
        "memif, tap, af_packet, af_xdp, pci; did you mean 'ring'?"),
    (lambda lab, a, b: lab.port(a), "it is a text"),
    (lambda lab, a, b: lab.port("null", mtu="1500"), "mtu is '1500'; it is a whole number or None; "
        "write 1500"),
    (lambda lab, a, b: lab.port("null", mac="zz"), "mac is 'zz'; write six bytes as 02:00:00:00"),
    (lambda lab, a, b: lab.port("null", mac="01:00:00:00:00:01"), "the lowest bit is 0"),
    (lambda lab, a, b: lab.port("null", size="big"), "size is 'big'; it is a whole number from 1"),
    (lambda lab, a, b: lab.port("null", sizes=64), "no option 'sizes' (there are: size, "
        "copy, source); did you mean 'size'?"),
    (lambda lab, a, b: lab.port("ring", ring_size=100), "ring_size is 100; it is a power of two"),
    (lambda lab, a, b: lab.cable(mtu="9001"), "mtu is '9001'; it is a whole number, such as 9001"),
    (lambda lab, a, b: lab.cable(queue=2), "did you mean 'queues'?"),
    (lambda lab, a, b: lab.tunnel(a, "vxlan"), "tunnel is 'vxlan'; it is a tunnel: lk.Vxlan"),
    (lambda lab, a, b: lab.run(lk.rx(a) >> lk.sink(), name=5), "name is 5; it is a text or None"),
    (lambda lab, a, b: lab.trace("5"), "count is '5'; it is a whole number, such as 1; write 5"),
    (lambda lab, a, b: a.receive("5"), "count is '5'; it is a whole number, such as 1; write 5"),
    (lambda lab, a, b: a.receive(1, "soon"), "timeout is 'soon'; it is a number"),
    (lambda lab, a, b: a.send([None]), "frame is None; a frame is a scapy packet or bytes"),
    (lambda lab, a, b: a.receive(raw=np.zeros(2)), "raw is array([0., 0.]); it is True or False"),
    (lambda lab, a, b: a.socket(np.zeros(2)), "layer is array([0., 0.]); it is 2 or 3"),
    (lambda lab, a, b: a.send(np.array(5)), "frames are scapy packets or bytes, not ndarray"),
    (lambda lab, a, b: a.send(UNBUILT), "scapy cannot build Ether / 127.0.0.1 > 127.0.0.1 "),
    (lambda lab, a, b: a.socket().send(UNBUILT), "While building field 'ttl'"),
    (lambda lab, a, b: a.socket().sr1(UNBUILT, timeout=1), "While building field 'ttl'"),
    (lambda lab, a, b: a.socket().sr1(b"abc", timeout=1), "97 is no scapy packet, which alone"),
    (lambda lab, a, b: a.socket().sr([PACKET, 5], timeout=1), "5 is no scapy packet"),
    (lambda lab, a, b: a.socket().sr1(PACKET, timeout="1", verbose=0), "timeout is '1'; it is a n"),
    (lambda lab, a, b: a.socket(layer=3).sr1(5, timeout=1), "5 is no scapy packet"),
    (lambda lab, a, b: a.socket(layer=3).send(b"Eab"), "3 bytes and ends inside its IPv4 header"),
    (lambda lab, a, b: lk.echo(a, "10.0.0.2", timeout=math.inf), "timeout is inf; it is a number"),
    (lambda lab, a, b: lk.echo(a, "10.0.0.2", interval=2**31), "interval is 2,147,483,648; it is"),
    (lambda lab, a, b: a.set_link("up"), "up is 'up'; it is True or False"),
    (lambda lab, a, b: lk.trial(a, lk.Stream(PACKET), duration=1, rat=5), "did you mean 'rate'?"),
    (lambda lab, a, b: lk.trial(a, lk.Stream(PACKET), duration=1, progress=5), "progress is 5; it"),
    (lambda lab, a, b: lk.search(a, lk.Stream(PACKET), preset="quik"), "did you mean 'quick'?"),
    (lambda lab, a, b: lk.search(a, lk.Stream(PACKET), preset=5), "there is no preset 5"),
    (lambda lab, a, b: lk.sweep(a), "mtu 9001>; it is a list, such as [lk.dut.LabkitEcho()]"),
    (lambda lab, a, b: lk.calibrate(lab, duration="x"), "duration is 'x'; it is a number"),
    (lambda lab, a, b: lk.record(lab, hz="10"), "hz is '10'; it is a number, such as 10; write 10"),
    (lambda lab, a, b: lk.record(lab, 5), "names is 5; it is a text; write '5'"),
    (lambda lab, a, b: lk.record(lab, "rx_god_packets"), "did you mean"),
    (lambda lab, a, b: lk.watch(lab, title=5), "title is 5; it is a text or None"),
    (lambda lab, a, b: lk.dashboard(lab, "port"), "parts is 'port'; it is 'chart' or 'ports' or "
        "'workers' or 'pools' or 'paths'; did you mean 'ports'?"),
    (lambda lab, a, b: sources.Engine(lab, "10"), "hz is '10'; it is a number"),
]  # fmt: skip

WITHOUT: list[tuple[Callable[[], object], str]] = [
    (lambda: lk.explain("hello"), "frame is 'hello'; a frame is a scapy packet or bytes"),  # type: ignore[arg-type]
    (lambda: lk.explain(5), "frame is 5; a frame is a scapy packet or bytes"),  # type: ignore[arg-type]
    (lambda: lk.explain([1, 2]), "frame is [1, 2]; a frame is"),  # type: ignore[arg-type]
    (lambda: lk.explain(UNBUILT), "scapy cannot build Ether / 127.0.0.1 > 127.0.0.1 hopopt: Whil"),
    (lambda: lk.Stream(PACKET, np.array(64)), "size is array(64); it is a number of bytes"),  # type: ignore[arg-type]
    (lambda: lk.Stream(PACKET, 2**40), "is no frame size; it is a whole number of bytes with the "),
    (lambda: lk.vary(UDP.sport, np.array(5)), "values is array(5); give a range or a list"),
    (lambda: lk.vary(UDP.sport, [1], layer=np.zeros(2)), "layer is array([0., 0.]); layers with"),
    (lambda: lk.udp_echo(np.array("10.0.0.2")), "addresses is array('10.0.0.2', dtype="),  # type: ignore[arg-type]
    (lambda: lk.sink(name=np.zeros(2)), "name is array([0., 0.]); it is a text or None"),  # type: ignore[arg-type]
    (lambda: lk.Vxlan(strictness=np.zeros(2)), "strictness is array([0., 0.]); it is 'rfc'"),  # type: ignore[arg-type]
    (lambda: lk.decap(lk.Vxlan(), np.zeros(2)), "unknown_vni is array([0., 0.]); it is 'drop'"),  # type: ignore[arg-type]
    (lambda: lk.explain(b"", tunnel="vxlan"), "tunnel is 'vxlan'; it is a tunnel: lk.Vxlan"),  # type: ignore[arg-type]
    (lambda: lk.Lab("x"), "eal is 'x'; it is an EalConfig or None"),  # type: ignore[arg-type]
    (lambda: lk.EalConfig(memory_mb="512"), "memory_mb is '512'; it is a whole number from 64 to"),  # type: ignore[arg-type]
    (lambda: lk.EalConfig(pci=6), "pci is 6; it is a text or a list of texts"),  # type: ignore[arg-type]
    (lambda: lk.EalConfig(memory=5), "did you mean 'memory_mb'?"),  # type: ignore[call-arg]
    (lambda: lk.Stream(PACKET, sizes=64), "did you mean 'size'?"),  # type: ignore[call-arg]
    (lambda: lk.Sizes(64), "order is 64; it is a list of sizes in turn"),  # type: ignore[arg-type]
    (lambda: lk.Sizes.genome(5), "text is 5; it is a text"),  # type: ignore[arg-type]
    (lambda: lk.Sizes.mix({64: "a"}), "weight of size 64 is 'a'"),  # type: ignore[dict-item]
    (lambda: lk.Rate("5"), "it is a number; Rate.parse reads texts such as '70 kpps'; write 5"),  # type: ignore[arg-type]
    (lambda: lk.Rate(5, "kpps"), "unit is 'kpps'; it is 'pps' or 'bit/s' or '%'"),  # type: ignore[arg-type]
    (lambda: lk.Rate(5, layer=3), "layer is 3; it is 1 or 2"),  # type: ignore[arg-type]
    (lambda: lk.Replay(5), "file is 5; it is a text or a path"),  # type: ignore[arg-type]
    (lambda: lk.Replay("x.pcap", repeat="no"), "repeat is 'no'; it is True or False"),  # type: ignore[arg-type]
    (lambda: lk.FrameBatch(5, 5, 5), "buffer is 5"),  # type: ignore[arg-type]
    (lambda: lk.FrameBatch(np.zeros(9, np.uint8), ["x"], [1]), "offsets is ['x']; it is an array"),  # type: ignore[arg-type]
    (lambda: lk.FrameBatch.pack(b"abc"), "frames is b'abc'; it is a list of frames"),  # type: ignore[arg-type]
    (lambda: lk.FrameBatch.pack(["x"]), "frame is 'x'; a frame is"),  # type: ignore[list-item]
    (lambda: lk.Vxlan(vni="42"), "vni is '42'; it is a whole number from 0 to 16777215 or None; "  # type: ignore[arg-type]
        "write 42"),
    (lambda: lk.Vxlan(vnni=42), "did you mean 'vni'?"),  # type: ignore[call-arg]
    (lambda: lk.Vxlan(local=5), "local is 5; it is an IP address or None"),  # type: ignore[arg-type]
    (lambda: lk.Vxlan(checksum="no"), "checksum is 'no'; it is True or False or None"),  # type: ignore[arg-type]
    (lambda: lk.Vxlan(strictness="linx"), "did you mean 'linux'?"),  # type: ignore[arg-type]
    (lambda: lk.Vxlan(vni=4).decap("hello"), "frame is 'hello'; a frame is"),  # type: ignore[arg-type]
    (lambda: lk.Geneve(options=5), "options is 5; it is a list of lk.GeneveOption"),  # type: ignore[arg-type]
    (lambda: lk.rx(prt=1), "did you mean 'port'?"),  # type: ignore[call-arg]
    (lambda: lk.impair(los=0.1), "did you mean 'loss'?"),  # type: ignore[call-arg]
    (lambda: lk.Path(lk.sink(), name=5), "name is 5; it is a text"),  # type: ignore[arg-type]
    (lambda: lk.dut.LabkitEcho(ring_size="x"), "ring_size is 'x'; it is a whole number"),  # type: ignore[arg-type]
    (lambda: lk.dut.LabkitEcho(ringsize=64), "did you mean 'ring_size'?"),  # type: ignore[call-arg]
    (lambda: lk.sweep(lk.dut.LabkitEcho()), "it is a list: write [LabkitEcho("),  # type: ignore[arg-type]
    (lambda: lk.sweep([lk.dut.LabkitEcho()], sizes=64), "sizes is 64; it is a list: write [64]"),  # type: ignore[arg-type]
    (lambda: lk.sweep([lk.dut.LabkitEcho()], durations=4), "did you mean 'duration'?"),  # type: ignore[call-arg]
    (lambda: lk.load(5), "where is 5; it is a text or a path"),  # type: ignore[arg-type]
    (lambda: lk.load("udp_echo_ec2"), "did you mean 'datasets/udp_echo_ec2'?"),
    (lambda: lk.load("datasets/udp_echo_ec"), "did you mean 'udp_echo_ec2'?"),
    (lambda: sources.Recording("datasets/incident_ena"), "did you mean 'incident_ena_admin_queue"),
    (lambda: sources.Recording(FILE, speed="2"), "speed is '2'; it is a number, such as 1.0"),  # type: ignore[arg-type]
    (lambda: sources.Ethtool(5), "interface is 5; it is a text"),  # type: ignore[arg-type]
    (lambda: sources.select("abc", ["x"]), "names is 'abc'; it is a list of texts"),
    (lambda: lk.xstats.describe(5), "name is 5; it is a text"),  # type: ignore[arg-type]
    (lambda: lk.xstats.normalise(5), "sample is 5; it is a Sample, a Source or a mapping"),  # type: ignore[arg-type]
    (lambda: lk.dask_executor(5), "address is 5; it is a text"),  # type: ignore[arg-type]
    (lambda: lk.check(True, 5), "name is 5; it is a text"),  # type: ignore[arg-type]
    (lambda: lk.params(x=lk.param(5, choices=6)), "choices is 6; it is a list"),  # type: ignore[arg-type]
    (lambda: lk.record_result("x", 5, unit=5), "unit is 5; it is a text"),  # type: ignore[arg-type]
    (lambda: lk.record_result("x", 5, beter="up"), "did you mean 'better'?"),  # type: ignore[call-arg]
]  # fmt: skip


def test_wrong_arguments_with_a_lab(lab: lk.Lab) -> None:
    a, b = lab.cable()
    for wrong, says in WITH_A_LAB:
        with pytest.raises(lk.LabError, match=re.escape(says)):
            wrong(lab, a, b)
    assert list(lab.ports) == ["client", "server"], "what was refused left nothing behind"
    assert lab.paths == {}


@pytest.mark.parametrize(("wrong", "says"), WITHOUT, ids=[says for _, says in WITHOUT])
def test_wrong_arguments(wrong: Callable[[], object], says: str) -> None:
    with pytest.raises(lk.LabError, match=re.escape(says)):
        wrong()


def test_numbers_of_numpy_are_numbers(lab: lk.Lab) -> None:
    a, b = lab.cable(mtu=np.int64(1500), queues=np.int64(1))
    lab.echo_server(b, ADDRESSES, np.int64(9000))
    run = lk.echo(
        a, "10.0.0.2", udp_port=np.int64(9000), payload_sizes=np.array([18, 100]), count=np.int64(2)
    )
    assert run.ledger.sent == 4
    assert lk.udp_echo(ADDRESSES, np.int64(9000)).params["udp_port"] == 9000
    tunnel = lk.Geneve(vni=np.int64(4), known_options=((np.int64(1), np.int64(2)) for _ in "a"))
    assert json.loads(json.dumps(tunnel.to_dict()))["known_options"] == [[1, 2]]
    assert lk.GeneveOption(np.int64(1), np.uint8(2)).to_bytes() == bytes([0, 1, 2, 0])
    assert lk.impair(Fraction(1, 3)).nodes[0].params["loss"] == pytest.approx(1 / 3)
    assert a.send(memoryview(bytes(60))) == 1
    stream = lk.Stream(PACKET, np.int32(128), burst=np.uint8(2), seed=np.int64(3))
    for kind in (np.float32, np.float64, Fraction):
        settings = {name: kind(0.125) for name in ("duration", "warmup", "drain", "interval")}
        trial = lk.trial(a, stream, rate=kind(1000), progress=False, **settings)
        assert trial.row["intended"] == 125
        assert json.loads(json.dumps(trial.row, default=str)).keys() == trial.row.keys()


def test_numbers_of_numpy_make_a_sweep() -> None:
    def measured(dut: lk.dut.Dut, load: Load) -> Measurement:
        return Measurement({"tx_pps": load.pps, "rx_pps": load.pps}, {"host": "here"})

    results = lk.sweep(
        {lk.dut.LabkitEcho()},  # type: ignore[arg-type]  # a collection is one
        sizes=np.array([64, 128]),  # type: ignore[arg-type]
        rates=np.linspace(1e3, 2e3, 2),  # type: ignore[arg-type]
        duration=np.float32(0.5),  # type: ignore[arg-type]
        repeats=np.int64(2),  # type: ignore[arg-type]
        max_gbps=np.float32(1),  # type: ignore[arg-type]
        progress=False,
        measure=measured,
    )
    assert len(results) == 8
    assert results.run["parameters"]["duration"] == 0.5


class Unwritable:
    """Whose repr fails, as that of objects half made does."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [Unwritable(), 10**5000, "x" * 5000, [1] * 100_000, {"a": [1] * 100_000}],
    ids=["unwritable", "digits", "text", "list", "mapping"],
)
def test_any_value_can_be_told_and_briefly(value: Any) -> None:
    for use in (
        lambda: lk.EalConfig(memory_mb=value),
        lambda: lk.Stream(PACKET, rate=value),
        lambda: lk.Stream(PACKET, seed=[value]),  # type: ignore[arg-type]
        lambda: lk.udp_echo(value),
        lambda: lk.udp_echo("10.0.0.2", value),
        lambda: lk.vary(value, [1]),
        lambda: lk.vary(UDP.sport, value, nth=value),
        lambda: lk.Stream(PACKET, vary=lk.vary(UDP.sport, [value])).compile(),
        lambda: lk.rx("client") >> value,
        lambda: lk.sweep([value], measure=lambda *_: None),  # type: ignore[arg-type,return-value]
        lambda: lk.check(True, [value]),  # type: ignore[arg-type]
    ):
        with pytest.raises((lk.LabError, TypeError)) as refused:
            use()  # type: ignore[no-untyped-call]
        assert len(str(refused.value)) < 700


def test_what_is_no_list_is_refused_as_one() -> None:
    for value in (np.array(5), ip_network("10.0.0.0/30"), (size for size in (18, 20)), b"abc"):
        with pytest.raises(lk.LabError, match="is a list of"):
            fitting("sizes", value, Sequence[int])


def test_every_public_function_is_checked() -> None:
    for name in lk.__all__:
        thing = getattr(lk, name)
        if inspect.isfunction(thing) and name not in NOT_CHECKED:
            assert hasattr(thing, "__wrapped__"), f"lk.{name}: decorate it with @checked()"
    for cls in (*map(lk.dut.__dict__.get, lk.dut.__all__), lk.Lab, lk.Stream, lk.Vxlan, lk.Gue):
        if inspect.isclass(cls) and cls.__name__.endswith(("Echo", "pmd", "Lab", "Stream", "lan")):
            assert hasattr(cls.__init__, "__wrapped__"), f"{cls}: decorate it with @checked()"
