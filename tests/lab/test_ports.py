# SPDX-License-Identifier: BSD-3-Clause
"""Every kind of port: frames through it, its settings, and its refusals."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from scapy.utils import rdpcap, wrpcap

import labkit as lk
from labkit.machine.nics import known_speed
from labkit.sources import Schema
from labkit.widgets import lab_parts
from labkit.widgets.meters import Meters
from tests.network import ip, unique_name, veth_host
from tests.patience import wait_until

UDP_PORT = 9000
FRAMES = [bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5, n]) + bytes(50) for n in range(8)]

FLOOD = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for _ in range(3000):
    s.send(bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5]) + bytes(50))
"""


def test_ring_hears_itself(lab: lk.Lab) -> None:
    ring = lab.port("ring", "loop", ring_size=256)
    ring.send(FRAMES)
    assert ring.receive(8, raw=True) == FRAMES
    assert ring.info.driver == "net_ring"
    assert ring.info.link_up
    assert ring.xstats()["tx_good_packets"] == 8


def test_null(lab: lk.Lab) -> None:
    null = lab.port("null", size=128)
    null.send(FRAMES)
    assert null.xstats()["tx_good_packets"] == 8
    assert null.receive(1, timeout=0.05) == []
    source = lab.port("null", "source", size=128, source=True)
    assert [len(frame) for frame in source.receive(3, raw=True)] == [128] * 3


def test_pcap_file_in_and_out(lab: lk.Lab, tmp_path: Path) -> None:
    wrpcap(str(tmp_path / "in.pcap"), FRAMES, linktype=1)
    port = lab.port(f"pcap:{tmp_path}/in.pcap", "replay", tx=str(tmp_path / "out.pcap"))
    lab.run(lk.rx(port) >> lk.tx(port))
    while port.xstats()["tx_good_packets"] < 8:
        pass
    lab.close()
    assert [bytes(p) for p in rdpcap(str(tmp_path / "out.pcap"))] == FRAMES


@pytest.mark.parametrize("mtu", [None, 9001])
def test_memif_between_two_labs(lab: lk.Lab, mtu: int | None) -> None:
    name = unique_name("lkmemif")
    with lk.Lab() as other:
        mac = "02:00:00:00:00:02"
        server = other.port(f"memif:{name}", "server", mtu=mtu, role="server", mac=mac)
        other.echo_server(server, ["10.0.0.2/24"], UDP_PORT)
        client = lab.port(f"memif:{name}", "client", mtu=mtu)
        while not (client.info.link_up and server.info.link_up):
            pass
        run = lk.echo(
            client,
            "10.0.0.2",
            udp_port=UDP_PORT,
            payload_sizes=(18, client.max_udp_payload),
            count=50,
        )
    assert client.max_udp_payload == (mtu or 1500) - 28
    assert run.ledger.received == 100


def test_tap_interface_comes_and_goes(leftovers: None) -> None:
    name = unique_name("lkt")
    with lk.Lab() as lab:
        tap = lab.port(f"tap:{name}")
        (link,) = json.loads(ip("-j", "link", "show", name))
        assert link["mtu"] == 1500
        assert link["address"] != tap.mac
        with pytest.raises(lk.PortError, match="exists already; choose another name"):
            lab.port(f"tap:{name}")
    assert not Path("/sys/class/net", name).exists()


def test_tap_is_made_again_by_restart(lab: lk.Lab) -> None:
    name = unique_name("lkt")
    tap = lab.port(f"tap:{name}")
    lab.restart()
    assert Path("/sys/class/net", name).exists()
    assert tap.info.driver == "net_tap"


@pytest.mark.parametrize("kind", ["af_packet", "af_xdp"])
def test_interface_settings(lab: lk.Lab, kind: str) -> None:
    with veth_host() as host:
        port = lab.port(f"{kind}:{host.outside}", "wire", promiscuous=False)
        (link,) = json.loads(ip("-j", "link", "show", host.outside))
        assert port.mac == link["address"]
        assert port.mtu == 1500
        assert port.info.link_up
        assert not port.info.promiscuous
        port.set_promiscuous(True)
        assert port.info.promiscuous
        port.send(FRAMES)
        assert port.xstats()["tx_good_packets"] >= 0
        lab.close()


def test_frames_that_the_kernel_drops_are_missed(lab: lk.Lab) -> None:
    """The ring of the port's socket has room for 1,024 frames; nobody empties it for a while."""
    with veth_host() as host:
        port = lab.port(f"af_packet:{host.outside}", "wire")
        lab.run(lk.rx(port) >> lk.sink())
        arrived = Path(f"/sys/class/net/{host.outside}/statistics/rx_packets")

        def uncounted() -> int:
            now = port.xstats()
            counted = now["rx_good_packets"] + now["rx_missed_errors"]
            return int(arrived.read_text()) - counted

        time.sleep(0.1)  # the engine takes what the interface said when it came up
        before_the_port = uncounted()
        os.kill(lab.pid, signal.SIGSTOP)
        try:
            sent = host.run(sys.executable, "-c", FLOOD, host.interface)
            assert sent.returncode == 0, sent.stderr
        finally:
            os.kill(lab.pid, signal.SIGCONT)
        wait_until(lambda: uncounted() == before_the_port)
        losses = port.losses()
        assert losses["rx_missed_errors"] >= 3000 - 1024
        assert losses["rx_errors"] == 0
        assert port.xstats()["rx_good_packets"] + losses["rx_missed_errors"] >= 3000
        lab.close()


def test_jumbo_payload_on_ring_and_af_packet(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24"], UDP_PORT)
    assert client.max_udp_payload == 8973
    run = lk.echo(client, "10.0.0.2", udp_port=UDP_PORT, payload_sizes=(8973,), count=20)
    assert run.ledger.received == 20
    with veth_host(9001) as host:
        assert lab.port(f"af_packet:{host.outside}").max_udp_payload == 8973
        lab.close()


def test_mtu_beyond_the_driver_is_refused_with_its_limit(lab: lk.Lab) -> None:
    limit = min(lab.port(f"tap:{unique_name('lkt')}").info.max_mtu, 9600)  # grows with DPDK
    with pytest.raises(lk.PortError, match=rf"outside of what net_tap takes, 68 to {limit} bytes"):
        lab.port(f"tap:{unique_name('lkt')}", mtu=limit + 1)
    with veth_host(9001) as host:
        with pytest.raises(
            lk.PortError, match=r"exceeds net_af_xdp's limit of 3520; set .*ip link"
        ):
            lab.port(f"af_xdp:{host.outside}")
        with pytest.raises(lk.PortError, match="framesz 2048 does not suit MTU 9001"):
            lab.port(f"af_packet:{host.outside}", framesz=2048)
    with pytest.raises(lk.PortError, match=r"mtu is 67; the range is 68 to 9600|68 to"):
        lab.cable(mtu=67)


def test_queues(lab: lk.Lab) -> None:
    a, b = lab.cable(queues=4)
    assert (a.info.rx_queues, b.info.tx_queues) == (4, 4)
    path = lab.run(lk.rx(a, queue=3) >> lk.sink())
    lab.run(lk.inject(b) >> lk.tx(b, queue=3))
    b.send(FRAMES)
    while path.ledger.sent < 8:
        pass
    with pytest.raises(lk.PortError, match="queues is 17; the range is 1 to 16"):
        lab.cable("c", "d", queues=17)
    with pytest.raises(lk.PathError, match=r"queue 4 of port client, which has 4 \(0 to 3\)"):
        lab.run(lk.rx(a, queue=4) >> lk.sink())


def test_more_ports_than_dpdk_has_room_for(lab: lk.Lab) -> None:
    left = lab.engine.commands.ports_left()
    for number in range(left // 2):
        lab.cable(f"a{number}", f"b{number}")
    with pytest.raises(lk.PortError, match=rf"has {left} ports, .* room for \d more; 2 are needed"):
        lab.cable("one", "too-many")
    assert len(lab.ports) == left - left % 2
    with lab.ports["b0"].socket() as ear:
        lab.ports["a0"].send(FRAMES)
        assert bytes(ear.recv()) == FRAMES[0]


def test_mac_of_choice(lab: lk.Lab) -> None:
    assert lab.port("ring", mac="02:00:00:00:00:77").mac == "02:00:00:00:00:77"


def test_link_state(lab: lk.Lab) -> None:
    ring = lab.port("ring")
    ring.set_link(False)
    assert not ring.info.link_up
    ring.set_link(True)
    assert ring.info.link_up


@pytest.mark.parametrize(
    ("device", "options", "says"),
    [
        ("af_paket:eth0", {}, "did you mean 'af_packet'"),
        ("nothing", {}, "the kinds are ring, null"),
        ("ring", {"ringsize": 64}, "no option 'ringsize' .* did you mean 'ring_size'"),
        ("tap:x", {"size": 1}, r"has no option 'size' \(there are: none\)"),
        ("tap:", {}, "an interface name has 1 to 15 characters"),
        ("tap:sixteen_letters_", {}, "an interface name has 1 to 15 characters"),
        ("pcap:/nowhere.pcap", {}, "there is no such file"),
        ("memif:", {}, "write memif:NAME"),
        ("memif:x", {"role": "boss"}, "role is 'boss'"),
        ("af_packet:lknone", {}, "there is no such interface in this network namespace"),
        ("af_xdp:lknone", {}, "there is no such interface in this network namespace"),
        ("pci:6", {}, "a PCI address reads DOMAIN:BUS:DEVICE.FUNCTION"),
        ("pci:0000:00:1f.7", {}, r'lk.EalConfig\(pci="0000:00:1f.7"\)'),
        ("pci:0000:00:1f.7,a=1", {"a": 1}, "a is given twice; write it once"),
    ],
)
def test_refusals(lab: lk.Lab, device: str, options: dict[str, str | int], says: str) -> None:
    with pytest.raises(lk.PortError, match=says):
        lab.port(device, **options)  # type: ignore[arg-type]
    assert lab.ports == {}
    assert lab.port("ring").info.link_up


def test_interface_that_is_down(lab: lk.Lab) -> None:
    with veth_host() as host:
        ip("link", "set", host.outside, "down")
        with pytest.raises(lk.PortError, match=f"ip link set {host.outside} up"):
            lab.port(f"af_packet:{host.outside}")


def test_device_that_does_not_probe(lab: lk.Lab, tmp_path: Path) -> None:
    wrpcap(str(tmp_path / "in.pcap"), FRAMES, linktype=1)
    with pytest.raises(lk.PortError, match=r"pcap:.*in.pcap could not be opened"):
        lab.port(f"pcap:{tmp_path}/in.pcap", tx=str(tmp_path / "nowhere" / "out.pcap"))
    assert lab.port("ring", "after").info.link_up


@pytest.mark.parametrize(
    ("told", "speed"), [(0, None), (2**32 - 1, None), (10, 10), (100_000, 100_000)]
)
def test_speed_that_a_driver_does_not_know_is_none(told: int, speed: int | None) -> None:
    """net_ena tells 0 (RTE_ETH_SPEED_NUM_NONE), others UINT32_MAX (RTE_ETH_SPEED_NUM_UNKNOWN)."""
    assert known_speed(told) == speed


def test_port_and_dashboard_have_one_notion_of_a_loss(lab: lk.Lab, tmp_path: Path) -> None:
    file = tmp_path / "frames.pcap"
    wrpcap(str(file), FRAMES)
    ports = {"ring": lab.cable()[0], "pcap": lab.port(f"pcap:{file}", "pcap")}
    told = ("rx_missed_errors", "rx_errors", "rx_mbuf_allocation_errors", "tx_errors")
    for kind, port in ports.items():
        schema = Schema.of([f"port/{port.name}/{name}" for name in port.xstats()], {})
        meters = Meters()
        shown = {row["name"]: row["lost"] for row in lab_parts.ports(lab, meters, schema)}
        rates = [1.0 if name.endswith(told) else 0.0 for name in schema.names]
        lost = meters.read(schema, rates)[shown[port.name]]
        assert lost == len(port.losses()) == (3 if kind == "pcap" else 2)
