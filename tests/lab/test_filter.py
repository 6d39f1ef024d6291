# SPDX-License-Identifier: BSD-3-Clause
"""Capture filters in paths and captures: the engine takes the frames that libpcap takes."""

import platform
import re
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet
from scapy.utils import rdpcap

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.packet.filters import EXPRESSIONS, frames
from tests.patience import exactly, wait_until

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
SHORT = tuple(frame for frame in frames() if len(frame) <= 1514)


def web(port: int) -> Packet:
    return LINK / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=4000, dport=port)


def name(port: int) -> Packet:
    return LINK / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=4000, dport=port)


def wait_for(path: RunningPath, node: str, frames: int) -> None:
    """Until the node was given so many."""
    wait_until(lambda: path.counters.nodes[node].objects >= frames)


def machine_code(lab: lk.Lab) -> int:
    """Regions of the engine's memory that hold code of no file: what was compiled while it ran."""
    lines = Path(f"/proc/{lab.pid}/maps").read_text().splitlines()
    return sum(bool(re.fullmatch(r"\S+ r-xp \S+ \S+ 0\s*", line)) for line in lines)


def test_frames_that_match_go_on(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.filter("tcp port 80") >> lk.collect(b))
    sent = [web(80), name(80), web(81), web(80), LINK / ARP()]
    a.send(sent)
    wait_for(path, "filter", 5)
    assert exactly(b, 2) == [bytes(sent[0]), bytes(sent[3])]
    assert path.drops == {"drop_filter_rejected": 3}
    assert path.ledger.is_balanced
    assert path.counters.nodes["filter"].objects == 5


def test_the_others_leave_by_other(lab: lk.Lab) -> None:
    a, b = lab.cable()
    c, d = lab.cable()
    udp = lk.filter("udp")
    path = lab.run(lk.Path(lk.rx(b) >> udp >> lk.tx(c), udp["other"] >> lk.collect(b)))
    a.send([name(53), web(80), name(54)])
    assert d.receive(2, timeout=20, raw=True) == [bytes(name(53)), bytes(name(54))]
    assert b.receive(1, timeout=20, raw=True) == [bytes(web(80))]
    assert path.drops == {}
    assert path.ledger.is_balanced


def test_filters_one_behind_another(lab: lk.Lab) -> None:
    """What a filter does not take is the next one's; what none takes is dropped by the last."""
    a, b = lab.cable()
    either = lk.filter("udp port 53", name="names") | lk.filter("tcp", name="tcp")
    path = lab.run(lk.rx(b) >> either >> lk.collect(b))
    a.send([name(53), name(54), web(80), LINK / ARP()])
    wait_for(path, "tcp", 3)
    got = exactly(b, 2)
    assert sorted(got) == sorted([bytes(name(53)), bytes(web(80))])
    assert path.counters.outputs["names"] == {"next": 1, "other": 3}
    assert path.counters.outputs["tcp"] == {"next": 1, "drop_filter_rejected": 2}


def test_engine_agrees_with_libpcap(lab: lk.Lab) -> None:
    """By machine code where DPDK compiles it, by labkit's interpreter where it does not."""
    a, b = lab.cable(mtu=1500)
    compiled_before = machine_code(lab)
    compiled = []
    for expression in EXPRESSIONS:
        takes = lk.compile_filter(expression)
        path = lab.run(lk.rx(b) >> lk.filter(expression) >> lk.collect(b))
        compiled.append(machine_code(lab) > compiled_before)
        b.receive(1, timeout=0)
        a.send(SHORT)
        wanted = [frame for frame in SHORT if takes.matches(frame)]
        got = b.receive(len(wanted), timeout=20, raw=True) if wanted else []
        assert got == wanted, expression
        wait_for(path, "filter", len(SHORT))
        path.stop()
        assert path.ledger.is_balanced
        assert path.drops.get("drop_filter_rejected", 0) == len(SHORT) - len(wanted)
    if platform.machine() == "x86_64":  # compilers for others came later, or not yet
        assert len(EXPRESSIONS) * 3 / 4 < sum(compiled) < len(EXPRESSIONS)
    assert machine_code(lab) == compiled_before  # what was compiled went with its path


def test_frame_that_sends_a_filter_far_away(lab: lk.Lab) -> None:
    """A frame says where to read; DPDK's own loads would follow it out of its memory."""
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.filter("arp or ether[ether[14:4] - 1:1] = 5") >> lk.collect(b))
    a.send([LINK / b"\0\0\0\0rest", LINK / b"\xff\xff\xff\xffrest", LINK / ARP()])
    assert b.receive(1, timeout=20, raw=True) == [bytes(LINK / ARP())]


def test_many_frames_at_once(lab: lk.Lab) -> None:
    """More than a burst, alternating: every frame comes out once, in its order."""
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.filter("udp") >> lk.collect(b))
    sent = [bytes(name(n) if n % 3 else web(n)) for n in range(1, 3000)]
    b.receive(1, timeout=0)
    a.send(sent)
    wanted = [frame for frame in sent if frame[23] == 17]
    assert b.receive(len(wanted), timeout=20, raw=True) == wanted
    wait_for(path, "filter", len(sent))
    assert path.drops == {"drop_filter_rejected": len(sent) - len(wanted)}


def test_path_with_another_filter_in_its_place(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.filter("udp") >> lk.collect(b))
    path = path.replace(lk.rx(b) >> lk.filter("tcp") >> lk.collect(b))
    a.send([name(53), web(80)])
    assert b.receive(1, timeout=20, raw=True) == [bytes(web(80))]
    lab.restart()
    a.send([name(53), web(80)])
    assert b.receive(1, timeout=20, raw=True) == [bytes(web(80))]


def test_capture_with_a_filter(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    file = tmp_path / "names.pcapng"
    path = lab.run(lk.rx(b) >> lk.capture(file, filter="udp port 53") >> lk.collect(b))
    sent = [name(53), web(80), name(54), name(53)]
    a.send(sent)
    assert len(b.receive(4, timeout=20)) == 4  # the frames themselves go on
    path.stop()
    assert [bytes(packet) for packet in rdpcap(str(file))] == [bytes(name(53))] * 2
    assert path.counters.captures["capture"]["written"] == 2
    assert path.drops == {}


def test_wrong_filter_is_an_error_where_it_is_declared() -> None:
    with pytest.raises(lk.PathError) as caught:
        lk.filter("udp and tcp.port == 80", name="web")
    first, line, marks = str(caught.value).split("\n")
    assert first.startswith("node web, expression: 'tcp.port' is a field of Wireshark's display")
    assert line[marks.index("^") :].startswith("tcp.port")
    with pytest.raises(
        lk.PathError, match="node capture, filter: libpcap takes no such filter: expression rejects"
    ):
        lk.capture("seen.pcapng", filter="udp and tcp")
    for wrong in (5, b"tcp", None, lk.rx("a")):
        with pytest.raises(lk.PathError, match=r"node filter: expression is .*; it is a capture"):
            lk.filter(wrong)


def test_filter_in_json() -> None:
    path = lk.Path(
        lk.rx("a") >> lk.filter("tcp port 80") >> lk.capture("x", filter="ip") >> lk.sink()
    )
    data = path.to_dict()
    assert data["nodes"][1]["params"] == {"expression": "tcp port 80"}
    assert data["nodes"][2]["params"]["filter"] == "ip"
    assert lk.Path.from_dict(data) == path
    data["nodes"][1]["params"] = {"expression": "tcp prot 80"}
    with pytest.raises(lk.PathError, match="node filter, expression: 'prot' is no word"):
        lk.Path.from_dict(data)
