# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels in paths, and ports at their inner side."""

import dataclasses
import time
import warnings
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.patience import wait_until
from tests.tunnels import OUTER, TUNNELS, carried, put, with_checksums

WEST_4, EAST_4 = "192.0.2.1", "192.0.2.2"
WEST_6, EAST_6 = "2001:db8::1", "2001:db8::2"
INNER_4, INNER_6 = "10.0.0.2", "fd00::2"
STRANGER = "02:00:00:00:00:09"


def wait_for(path: RunningPath, frames: int) -> None:
    """Until so many frames went through the path or were dropped in it."""
    end = time.monotonic() + 60
    while path.ledger.received + sum(path.drops.values()) < frames and time.monotonic() < end:
        time.sleep(0.002)
    assert path.ledger.is_balanced


@pytest.mark.parametrize("name", TUNNELS)
def test_nodes_do_what_the_codec_does(lab: lk.Lab, name: str) -> None:
    tunnel = TUNNELS[name]
    a, b = lab.cable()
    frames = [frame for frame in carried(tunnel).values() if len(frame) >= 14]
    outer = [tunnel.encap(frame) for frame in frames]
    path = lab.run(lk.rx(b) >> lk.encap(tunnel) >> lk.tx(b))
    a.send(frames)
    assert a.receive(len(frames), raw=True) == outer
    path.stop()
    lab.run(lk.rx(b) >> lk.decap(tunnel.peer) >> lk.tx(b))
    a.send(outer)
    assert a.receive(len(frames), raw=True) == [tunnel.peer.decap(f).frame for f in outer]


@pytest.mark.parametrize("version", [4, 6])
def test_a_payload_that_moved_is_written_anew(lab: lk.Lab, version: int) -> None:
    """Options leave no room in front of a frame, so it moves up in a buffer of the generator's that
    comes back to it: the checksum of each frame tells of the next one's payload."""
    client, server = lab.cable(ring_size=4096)  # a whole trial: none is lost to a busy machine
    options = (lk.GeneveOption(0x0102, 1, bytes(100)), lk.GeneveOption(0x0102, 1, bytes(92)))
    tunnel = lk.Geneve(vni=42, options=options, **OUTER[version])
    echo = lk.udp_echo([INNER_4], 9000)
    lab.run(
        lk.rx(server) >> lk.encap(tunnel) >> lk.decap(tunnel.peer) >> echo >> lk.tx(server),
    )
    packet = Ether(dst=server.mac) / IP(src="10.0.0.1", dst=INNER_4) / UDP(sport=1, dport=9000)
    flow = lk.Stream(packet / Raw(bytes(range(1, 251)) * 5), size=1400)
    sent = 0
    while sent <= 8191:  # more frames than buffers, however long the machine takes
        run = lk.trial(client, flow, rate="20 kpps", duration=0.2, warmup=0, progress=False)
        sent += run.row["sent"]
        assert not run.ledger.drops
        assert run.row["received"] == run.row["sent"]


def test_every_refusal_has_its_drop_node(lab: lk.Lab) -> None:
    tunnel = TUNNELS["vxlan_v4"]
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.decap(tunnel.peer) >> lk.sink())
    good = tunnel.encap(bytes(60))
    a.send(
        [
            good,
            *[with_checksums(put(good, 42, b"\0"))] * 2,
            *[put(good, 24, b"\0\0")] * 3,
            *[with_checksums(put(good, 46, b"\0\0\x2b"))] * 4,
            bytes(60),
        ]
    )
    wait_for(path, 11)
    assert path.ledger.received == 1
    assert path.drops == {
        "drop_vxlan_no_vni_flag": 2,
        "drop_outer_ipv4_bad_checksum": 3,
        "drop_tunnel_unknown_vni": 4,
        "drop_unhandled": 1,
    }


def test_only_what_is_addressed_to_the_end(lab: lk.Lab) -> None:
    """Another address or MAC is somebody else's; a tunnel without addresses takes everything."""
    tunnel = TUNNELS["vxlan_v6"]
    a, b = lab.cable()
    frames = [
        tunnel.encap(bytes(60)),
        dataclasses.replace(tunnel, remote="2001:db8::3").encap(bytes(60)),
        dataclasses.replace(tunnel, remote_mac="02:00:00:00:00:77").encap(bytes(60)),
    ]
    for end, taken in ((tunnel.peer, 1), (lk.Vxlan(vni=42), 3), (lk.Vxlan(), 3)):
        taking = lk.decap(end)
        path = lab.run(lk.Path(lk.rx(b) >> taking >> lk.sink(), taking["other"] >> lk.sink()))
        a.send(frames)
        wait_for(path, 3)
        assert path.counters.nodes["sink"].objects == taken
        path.stop()


def test_unknown_vnis_may_pass(lab: lk.Lab) -> None:
    red, blue = (dataclasses.replace(TUNNELS["vxlan_v4"], vni=vni) for vni in (1, 2))
    a, b = lab.cable()
    first = lk.decap(red.peer, unknown_vni="pass", name="red")
    path = lab.run(
        lk.Path(
            lk.rx(b) >> first >> lk.sink(name="of_red"),
            first["other"] >> lk.decap(blue.peer, name="blue") >> lk.sink(name="of_blue"),
        )
    )
    other = dataclasses.replace(red, vni=3)
    a.send(
        [red.encap(bytes(60)), blue.encap(bytes(60)), blue.encap(bytes(60)), other.encap(bytes(60))]
    )
    wait_for(path, 4)
    nodes = path.counters.nodes
    assert (nodes["of_red"].objects, nodes["of_blue"].objects) == (1, 2)
    assert path.drops == {"drop_tunnel_unknown_vni": 1}


def test_macs_are_those_of_the_ports(lab: lk.Lab) -> None:
    """encap speaks as the port it sends on, decap as the port it receives from."""
    a, b = lab.cable()
    c, d = lab.cable("c", "d")
    tunnel = lk.Vxlan(vni=1, local=WEST_4, remote=EAST_4, remote_mac=d.mac)
    lab.run(lk.rx(b) >> lk.encap(tunnel) >> lk.tx(c), name="in")
    path = lab.run(
        lk.rx(d) >> lk.decap(lk.Vxlan(vni=1, local=EAST_4, remote=WEST_4)) >> lk.sink(), name="out"
    )
    a.send(bytes(60))
    wait_for(path, 1)
    assert path.ledger.received == 1


def test_reflect_in_a_tunnel(lab: lk.Lab) -> None:
    a, b = lab.cable()
    tunnel = dataclasses.replace(TUNNELS["geneve_v6"], local_mac=None)
    end = dataclasses.replace(tunnel.peer, local_mac=None, remote_mac=a.mac)
    lab.run(lk.rx(b) >> lk.decap(end) >> lk.reflect() >> lk.encap(end) >> lk.tx(b))
    client = dataclasses.replace(tunnel, local_mac=a.mac, remote_mac=b.mac)
    frame = Ether(src=a.mac, dst=b.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9)
    a.send(client.encap(bytes(frame)))
    inner = client.decap(a.receive(1)[0]).frame
    assert isinstance(inner, Ether)
    assert (inner.src, inner[IP].src, inner[UDP].sport) == (b.mac, "10.0.0.2", 9)


EITHER_VERSION = pytest.mark.parametrize(("west", "east"), [(WEST_4, EAST_4), (WEST_6, EAST_6)])
EITHER_PAYLOAD = pytest.mark.parametrize("payload", ["ethernet", "ip"])


def joined(lab: lk.Lab, west: str, east: str, payload: Any) -> tuple[lk.Port, lk.Port]:
    """The inner ports of a tunnel's two ends, which found each other by ARP or neighbour
    discovery; an echo server is at the far one."""
    a, b = lab.cable("west", "east", mtu=1500)
    option = lk.GeneveOption(0x0102, 0x01, bytes(120))  # more headers than an mbuf has headroom
    tunnel = lk.Geneve(vni=7, local=west, remote=east, options=[option] * 2, payload=payload)
    # Each end asks for the other's MAC before either answers as a tunnel.
    hosts = lab.echo_server(b, [east])
    inner = lab.tunnel(a, tunnel, "inner")
    hosts.stop()
    far = lab.tunnel(b, tunnel.peer, "outer")
    assert inner.mtu == tunnel.max_inner_mtu(1500)
    lab.echo_server(far, [f"{INNER_4}/24", f"{INNER_6}/64"], 9000)
    return inner, far


@EITHER_PAYLOAD
@EITHER_VERSION
def test_everything_works_through_a_tunnel(lab: lk.Lab, west: str, east: str, payload: Any) -> None:
    inner, _ = joined(lab, west, east, payload)
    for target in (INNER_4, INNER_6):
        overhead = 28 if target == INNER_4 else 48
        run = lk.echo(inner, target, udp_port=9000, payload_sizes=(18, inner.mtu - overhead))
        assert run.ledger.received == 200
        assert run.ledger.is_balanced
    mac = lk.resolve(inner, INNER_4)
    ping = Ether(src=inner.mac, dst=mac) / IP(src="10.0.0.1", dst=INNER_4) / ICMP() / Raw(b"ping")
    with inner.socket() as socket:
        answer = socket.sr1(ping, timeout=20, verbose=False)
    assert answer[Raw].load == b"ping"
    # A frame may be between two nodes at the moment of reading.
    wait_until(lambda: lab.paths["tunnels:west"].ledger.is_balanced)


@EITHER_VERSION
def test_the_outer_port_of_a_tunnel_still_is_a_host(lab: lk.Lab, west: str, east: str) -> None:
    """And Python hears what is not for the tunnel."""
    joined(lab, west, east, "ethernet")
    a, b = lab.ports["west"], lab.ports["east"]
    assert lk.resolve(a, east, source=west) == b.mac
    stranger = Ether(src=b.mac, dst=a.mac, type=0x88B5) / Raw(bytes(46))
    with a.socket() as socket:
        lab.paths["tunnels:east"].stop()
        b.send(stranger)
        assert bytes(socket.recv()) == bytes(stranger)


def test_several_tunnels_share_a_port(lab: lk.Lab) -> None:
    a, b = lab.cable("west", "east")
    inner = {}
    for vni in (1, 2, 3):
        vx = lk.Vxlan(vni=vni, local=WEST_4, remote=EAST_4, remote_mac=b.mac)
        inner[vni] = lab.tunnel(a, vx, f"west{vni}")
        far = lab.tunnel(b, dataclasses.replace(vx.peer, remote_mac=a.mac), f"east{vni}")
        lab.echo_server(far, [f"10.0.{vni}.2/24"])
    for vni, port in inner.items():
        assert lk.echo(port, f"10.0.{vni}.2", count=10).ledger.received == 20
        with pytest.raises(lk.Unreachable):
            lk.resolve(port, f"10.0.{vni % 3 + 1}.2", timeout=0.05)
    assert not any("decap" in name for name in lab.paths["tunnels:west"].drops)


def test_a_trial_finds_the_host_behind_a_tunnel(lab: lk.Lab) -> None:
    """Not the far end of the inner port's cable, which no frame is for."""
    a, b = lab.cable("west", "east")
    vx = lk.Vxlan(vni=1, local=WEST_4, remote=EAST_4, local_mac=a.mac, remote_mac=b.mac)
    inner, far = lab.tunnel(a, vx, "inner"), lab.tunnel(b, vx.peer, "outer")
    lab.echo_server(far, [INNER_4], 9000)
    flow = lk.Stream(Ether() / IP(src="10.0.0.1", dst=INNER_4) / UDP(dport=9000))
    run = lk.trial(inner, flow, rate=1000, duration=0.2, progress=False)
    assert run.is_balanced, run
    assert run.row["received"] == run.row["sent"] > 0


def test_tunnels_come_back_after_a_restart(lab: lk.Lab) -> None:
    a, b = lab.cable("west", "east")
    gue = lk.Gue(local=WEST_6, remote=EAST_6, remote_mac=b.mac)
    inner = lab.tunnel(a, gue, "inner")
    far = lab.tunnel(b, dataclasses.replace(gue.peer, remote_mac=a.mac), "outer")
    lab.echo_server(far, [INNER_4])
    assert lk.echo(inner, INNER_4, count=5).ledger.received == 10
    lab.restart()
    assert lk.echo(inner, INNER_4, count=5).ledger.received == 10


@pytest.mark.parametrize("name", ["vxlan_v4", "geneve_v6"])
def test_what_claims_to_come_from_the_tunnels_own_end_is_refused(lab: lk.Lab, name: str) -> None:
    tunnel = TUNNELS[name]
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.decap(tunnel.peer) >> lk.sink())
    itself = dataclasses.replace(tunnel, local=tunnel.remote)
    a.send([tunnel.encap(bytes(60)), itself.encap(bytes(60)), itself.encap(bytes(60))])
    wait_for(path, 3)
    assert path.drops == {"drop_tunnel_bad_source": 2}


def test_frames_that_do_not_fit_are_counted(lab: lk.Lab) -> None:
    a, _ = lab.cable("west", "east", mtu=1500)
    vx = lk.Vxlan(vni=1, local=WEST_4, remote=EAST_4, remote_mac=STRANGER)
    inner = lab.tunnel(a, vx, "inner")
    fits = vx.max_inner_frame(1500)
    inner.send([bytes(fits), bytes(fits + 1)])  # a port lets room for VLAN tags pass
    wait_for(lab.paths["tunnels:west"], 2)
    assert lab.paths["tunnels:west"].drops == {"drop_tunnel_too_long": 1}


def test_what_cannot_be_opened(lab: lk.Lab) -> None:
    a, _ = lab.cable("west", "east", mtu=100)
    with pytest.raises(lk.Unreachable, match="did not answer ARP"):
        lab.tunnel(a, lk.Vxlan(vni=1, local=WEST_4, remote=EAST_4), "inner")
    with pytest.raises(lk.TunnelError, match="vni is not set"):
        lab.tunnel(a, lk.Vxlan(local=WEST_4, remote=EAST_4, remote_mac=STRANGER), "inner")
    vx = lk.Vxlan(vni=1, local=WEST_4, remote=EAST_4, remote_mac=STRANGER)
    with pytest.raises(lk.PortError, match="MTU of 100 less 50 bytes of headers leaves 50"):
        lab.tunnel(a, vx, "inner")
    b, _ = lab.cable()
    lab.run(lk.rx(b) >> lk.sink(), name="mine")
    with pytest.raises(lk.PathError, match="path 'mine' has rx of port client"):
        lab.tunnel(b, vx, "inner")
    assert list(lab.ports) == ["west", "east", "client", "server"]
    assert lab.engine.commands.ports_left() == 28
    with pytest.raises(lk.PathError, match="'vxlan' is no tunnel"):
        lab.run(lk.rx(a) >> lk.encap("vxlan") >> lk.tx(a))  # type: ignore[arg-type]


def test_encap_needs_all_but_the_ports_own_address() -> None:
    vx = lk.Vxlan(vni=1, local=WEST_4, remote=EAST_4, remote_mac=STRANGER)
    assert lk.encap(vx).params["tunnel"]["local_mac"] is None  # type: ignore[call-overload, index]
    for name in ("vni", "local", "remote", "remote_mac"):
        with pytest.raises(lk.TunnelError, match=f"{name} is not set"):
            lk.encap(dataclasses.replace(vx, **{name: None}))


def test_ena_is_warned_of_long_headers(lab: lk.Lab) -> None:
    """Low-latency queues take 96 or 224 bytes of headers."""
    a, _ = lab.cable()
    small = lk.Vxlan(vni=1, local=WEST_4, remote=EAST_4, remote_mac=STRANGER)
    options = [lk.GeneveOption(1, 1, bytes(8))]
    large = lk.Geneve(vni=1, local=WEST_6, remote=EAST_6, remote_mac=STRANGER, options=options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lab.tunnel(a, large, "elsewhere").close()
        a.last_info = dataclasses.replace(a.last_info, driver="net_ena")
        lab.tunnel(a, small, "small").close()
    says = r"124 bytes .* 96 \(regular\) and 224 \(wide\)"
    with pytest.warns(UserWarning, match=says) as warned:
        lab.tunnel(a, large, "large")
    assert warned[0].filename == __file__
