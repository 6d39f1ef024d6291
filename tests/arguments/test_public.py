# SPDX-License-Identifier: BSD-3-Clause
"""Wrong arguments of public functions: none raises a raw error, each is named with the fix."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit import sources

PACKET = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=9000)
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
    (lambda: lk.explain(b"", tunnel="vxlan"), "tunnel is 'vxlan'; it is a tunnel: lk.Vxlan"),  # type: ignore[arg-type]
    (lambda: lk.Lab("x"), "eal is 'x'; it is an EalConfig or None"),  # type: ignore[arg-type]
    (lambda: lk.EalConfig(memory_mb="512"), "memory_mb is '512'; it is a whole number, such as"),  # type: ignore[arg-type]
    (lambda: lk.EalConfig(pci="0000:00:06.0"), "write ['0000:00:06.0']"),  # type: ignore[arg-type]
    (lambda: lk.EalConfig(memory=5), "did you mean 'memory_mb'?"),  # type: ignore[call-arg]
    (lambda: lk.Stream(PACKET, sizes=64), "did you mean 'size'?"),  # type: ignore[call-arg]
    (lambda: lk.Sizes(64), "order is 64; it is a list of sizes in turn"),  # type: ignore[arg-type]
    (lambda: lk.Sizes.genome(5), "text is 5; it is a text"),  # type: ignore[arg-type]
    (lambda: lk.Sizes.mix({64: "a"}), "weight of size 64 is 'a'"),  # type: ignore[dict-item]
    (lambda: lk.Rate("5"), "value is '5'; it is a number; write 5"),  # type: ignore[arg-type]
    (lambda: lk.Rate(5, "kpps"), "unit is 'kpps'; it is 'pps' or 'bit/s' or '%'"),  # type: ignore[arg-type]
    (lambda: lk.Rate(5, layer=3), "layer is 3; it is 1 or 2"),  # type: ignore[arg-type]
    (lambda: lk.Replay(5), "file is 5; it is a text or a path"),  # type: ignore[arg-type]
    (lambda: lk.Replay("x.pcap", repeat="no"), "repeat is 'no'; it is True or False"),  # type: ignore[arg-type]
    (lambda: lk.FrameBatch(5, 5, 5), "buffer is 5"),  # type: ignore[arg-type]
    (lambda: lk.FrameBatch(np.zeros(9, np.uint8), ["x"], [1]), "offsets is ['x']; it is an array"),  # type: ignore[arg-type]
    (lambda: lk.FrameBatch.pack(b"abc"), "frames is b'abc'; it is a list of frames"),  # type: ignore[arg-type]
    (lambda: lk.FrameBatch.pack(["x"]), "frame is 'x'; a frame is"),  # type: ignore[list-item]
    (lambda: lk.Vxlan(vni="42"), "vni is '42'; the range is 0 to 16777215; write 42"),  # type: ignore[arg-type]
    (lambda: lk.Vxlan(vnni=42), "did you mean 'vni'?"),  # type: ignore[call-arg]
    (lambda: lk.Vxlan(local=5), "local is 5; it is an address such as"),  # type: ignore[arg-type]
    (lambda: lk.Vxlan(checksum="no"), "checksum is 'no'; it is True or False, or None"),  # type: ignore[arg-type]
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
    (lambda: lk.xstats.normalise(5), "sample is 5; it is a Sample or a Source"),  # type: ignore[arg-type]
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


def test_every_public_function_is_checked() -> None:
    for name in lk.__all__:
        thing = getattr(lk, name)
        if inspect.isfunction(thing) and name not in NOT_CHECKED:
            assert hasattr(thing, "__wrapped__"), f"lk.{name}: decorate it with @checked()"
    for cls in (*map(lk.dut.__dict__.get, lk.dut.__all__), lk.Lab, lk.Stream, lk.Vxlan, lk.Gue):
        if inspect.isclass(cls) and cls.__name__.endswith(("Echo", "pmd", "Lab", "Stream", "lan")):
            assert hasattr(cls.__init__, "__wrapped__"), f"{cls}: decorate it with @checked()"
