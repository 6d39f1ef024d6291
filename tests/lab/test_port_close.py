# SPDX-License-Identifier: BSD-3-Clause
"""Ports that end before their lab: what goes with them, what keeps them, what they leave."""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.sendrecv import AsyncSniffer
from scapy.utils import rdpcap, wrpcap

import labkit as lk
from tests.interrupts import interrupts
from tests.network import unique_name, veth_host
from tests.patience import wait_until
from tests.widgets.page import Outputs

FRAME = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5]) + bytes(50)
HEADERS = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1024, dport=9)


def test_a_hundred_cables_one_after_the_other(lab: lk.Lab) -> None:
    """DPDK has room for 32 ports. Each cable carries frames, and gets the names and numbers of the
    one before."""
    left = lab.engine.commands.ports_left()
    with lk.record(lab, hz=1000):
        for number in range(100):
            a, b = lab.cable(queues=1 + number % 3)
            assert (a.name, b.name) == ("client", "server")
            assert {a.info.id, b.info.id} == {0, 1}
            lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="mirror")
            a.send([FRAME] * 3)
            assert len(a.receive(3, raw=True)) == 3
            lab.paths["mirror"].stop()
            a.close()
            b.close()
            assert lab.ports == {}
            assert lab.engine.commands.ports_left() == left
    assert lab.counters() == {}


def test_memory_of_closed_ports_is_used_again(leftovers: None) -> None:
    """Buffers of these sizes would take 1.5 GB all together."""
    with lk.Lab(eal=lk.EalConfig(memory_mb=256, hugepages=False)) as lab:
        for mtu in range(2000, 9600, 400):
            a, b = lab.cable(mtu=mtu)
            b.receive(1, timeout=0.0)
            a.send([bytes(mtu)] * 100)
            assert len(b.receive(100, raw=True)) == 100
            a.close()
            b.close()


@pytest.mark.parametrize("kind", ["ring", "null", "pcap", "memif", "tap", "af_packet", "af_xdp"])
def test_every_kind_closes_and_opens_again(kind: str, lab: lk.Lab, tmp_path: Path) -> None:
    wrpcap(str(tmp_path / "in.pcap"), [FRAME], linktype=1)
    with veth_host() as host:
        target = {
            "pcap": f":{tmp_path}/in.pcap",
            "memif": f":{unique_name('lkmemif')}",
            "tap": f":{unique_name('lkt')}",
            "af_packet": f":{host.outside}",
            "af_xdp": f":{host.outside}",
        }.get(kind, "")
        options = {"role": "server"} if kind == "memif" else {}
        open_files = len(os.listdir(f"/proc/{lab.pid}/fd"))
        for _ in range(3):
            with lk.record(lab, hz=1000):
                port = lab.port(f"{kind}{target}", "it", **options)
                driver = port.info.driver
                port.send(FRAME)
                wait_until(lambda port=port: "tx_good_packets" in port.xstats())
                port.close()
            assert driver == f"net_{kind}"
            assert lab.ports == {}
        if kind == "tap":
            assert not Path("/sys/class/net", target[1:]).exists()
        # net_memif keeps an interrupt source each time, net_af_xdp two files of bpf(2).
        kept = {"memif": 3, "af_xdp": 6}.get(kind, 0)
        assert len(os.listdir(f"/proc/{lab.pid}/fd")) == open_files + kept
        lab.close()


def test_memif_server_that_closed_is_called_in_vain(lab: lk.Lab) -> None:
    """net_memif goes on listening; its handler would work with what was freed."""
    name = unique_name("lkmemif")
    with lk.Lab() as other:
        for _ in range(3):
            server = lab.port(f"memif:{name}", "server", role="server")
            client = other.port(f"memif:{name}", "client")
            wait_until(lambda client=client: client.info.link_up)
            server.close()
            wait_until(lambda client=client: not client.info.link_up)
            client.close()
            with pytest.raises(lk.PortError, match="Failed to connect"):
                other.port(f"memif:{name}", "client")
            assert lab.is_alive
    lab.port("ring")


def test_memif_ports_of_one_socket_close_one_by_one(lab: lk.Lab) -> None:
    name = unique_name("lkmemif")
    servers = [lab.port(f"memif:{name}", f"server{n}", role="server", id=n) for n in range(3)]
    with lk.Lab() as other:
        for number, server in enumerate(servers):
            client = other.port(f"memif:{name}", f"client{number}", id=number)
            wait_until(lambda client=client: client.info.link_up)
            server.receive(1, timeout=0.0)
            client.send(FRAME)
            assert server.receive(1, raw=True) == [FRAME]
            server.close()
        with pytest.raises(lk.PortError, match="Failed to connect"):
            other.port(f"memif:{name}", "late", id=9)


def test_what_a_port_wrote_is_whole_when_it_is_closed(lab: lk.Lab, tmp_path: Path) -> None:
    wrpcap(str(tmp_path / "in.pcap"), [FRAME] * 5, linktype=1)
    port = lab.port(f"pcap:{tmp_path}/in.pcap", "replay", tx=str(tmp_path / "out.pcap"))
    path = lab.run(lk.rx(port) >> lk.tx(port))
    wait_until(lambda: port.xstats()["tx_good_packets"] == 5)
    path.stop()
    port.close()
    assert [bytes(p) for p in rdpcap(str(tmp_path / "out.pcap"))] == [FRAME] * 5


def test_closed_port_says_so_whatever_it_is_asked(lab: lk.Lab) -> None:
    port, other = lab.cable()
    port.close()
    port.close()
    again, _ = lab.cable("client", "third")
    assert (again.name, repr(port).endswith(", closed>")) == ("client", True)
    stream = lk.Stream(HEADERS, size=64, rate="1k")
    for use in (
        lambda: port.info,
        port.xstats,
        port.losses,
        port.socket,
        port.receive,
        lambda: port.send(FRAME),
        lambda: port.set_link(True),
        lambda: port.set_promiscuous(True),
        lambda: lk.rx(port),
        lambda: lab.echo_server(port, ["10.0.0.2/24"]),
        lambda: lab.tunnel(port, lk.Vxlan(vni=1, local="10.0.0.1", remote="10.0.0.2")),
        lambda: lk.trial(port, stream, duration=0.1),
        lambda: lk.trial(other, stream, duration=0.1, receive_on=port),
        lambda: lk.echo(port, "10.0.0.2"),
    ):
        with pytest.raises(lk.PortError, match=r"^port client was closed; open another"):
            use()
    with pytest.raises(lk.PathError, match=r"no port 'gone' \(there are: server, client, third\)"):
        lab.run(lk.rx("gone") >> lk.sink())
    assert again.xstats()["rx_good_packets"] == 0


def test_other_end_of_a_cable_stays_unplugged(lab: lk.Lab) -> None:
    near, far = lab.cable(ring_size=64)
    path = lab.run(lk.inject(far) >> lk.tx(far))
    far.send([FRAME] * 20)  # wait in the cable
    near.send([FRAME] * 10)
    near.close()
    assert list(lab.ports) == ["server"]
    assert not far.info.link_up
    far.send([FRAME] * 500)
    assert path.drops == {"drop_tx_unplugged": 500}
    assert path.ledger.is_balanced
    assert path.ledger.received == 20
    with pytest.raises(lk.PortError, match="server: net_ring cannot do this"):
        far.set_link(True)
    path.stop()
    far.close()
    assert lab.ports == {}


def test_frames_sent_before_the_end_still_arrive(lab: lk.Lab) -> None:
    near, far = lab.cable()
    near.send([FRAME] * 10)
    near.close()
    path = lab.run(lk.rx(far) >> lk.sink())
    wait_until(lambda: path.ledger.received == 10)


@pytest.mark.parametrize("rate", ["20k", None])
def test_trial_into_a_closed_end_sends_nothing(rate: str | None, lab: lk.Lab) -> None:
    near, far = lab.cable()
    far.close()
    run = lk.trial(near, lk.Stream(HEADERS, size=64, rate=rate), duration=0.2, progress=False)
    assert run.is_balanced, run
    assert run.ledger.sent == 0
    assert run.row["unsent"] > 1000


def test_restart_brings_back_what_was_not_closed(lab: lk.Lab) -> None:
    near, far = lab.cable()
    a, b = lab.cable("a", "b")
    gone = lab.port("null", "gone")
    gone.close()
    near.close()
    lab.restart()
    assert list(lab.ports) == ["server", "a", "b"]
    assert not far.info.link_up
    path = lab.run(lk.inject(far) >> lk.tx(far))
    far.send([FRAME] * 5)
    assert path.drops == {"drop_tx_unplugged": 5}
    b.receive(1, timeout=0.0)
    a.send(FRAME)
    assert b.receive(1, raw=True) == [FRAME]
    assert a.info.link_up


def test_port_that_a_path_uses_is_refused(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    lab.echo_server(b, ["10.0.0.2/24"])
    lab.run(lk.inject(b) >> lk.tx(b), name="mine")
    says = (
        r"port b cannot be closed: paths echo:b, mine use it; "
        r"first lab.paths\['echo:b'\].stop\(\), lab.paths\['mine'\].stop\(\)$"
    )
    with pytest.raises(lk.PortError, match=says):
        b.close()
    assert not b.is_closed
    assert lk.echo(a, "10.0.0.2", count=5).ledger.received == 10
    for path in tuple(lab.paths.values()):
        path.stop()
    b.close()


def test_engine_refuses_a_port_that_a_path_uses(lab: lk.Lab) -> None:
    """Whoever asks: a path that another thread runs meanwhile must not lose its port."""
    a, b = lab.cable("a", "b")
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="mirror")
    assert lab.engine.commands.close_port("b") == ["mirror"]
    a.send(FRAME)
    assert len(a.receive(1, raw=True)) == 1
    assert lab.engine.commands.close_port("never there") == []


def test_measurement_keeps_the_ports(lab: lk.Lab) -> None:
    """All of the lab: it reads their counters."""
    a, b = lab.cable("a", "b")
    other = lab.port("null", "other")
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
    stream = lk.Stream(HEADERS, size=64, rate="1k")
    settings = {"duration": 1.0, "progress": False}
    measures = threading.Thread(target=lk.trial, args=(a, stream), kwargs=settings)
    measures.start()
    wait_until(lambda: "trial:a" in lab.paths)
    for port in (a, other):
        says = f"port {port.name} cannot be closed: a trial is running in this lab; wait for it"
        with pytest.raises(lk.PortError, match=says):
            port.close()
    measures.join()
    other.close()
    a.close()


def test_tunnel_ends_with_its_inner_port(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    ends = {"local_mac": None, "remote_mac": b.mac}
    vxlan = lk.Vxlan(vni=1, local="10.0.0.1", remote="10.0.0.2", **ends)
    geneve = lk.Geneve(vni=2, local="10.0.0.1", remote="10.0.0.2", **ends)
    first, second = lab.tunnel(a, vxlan, "first"), lab.tunnel(a, geneve, "second")
    says = (
        r"port a cannot be closed: path 'tunnels:a' uses it; "
        r"first lab.ports\['first'\].close\(\), lab.ports\['second'\].close\(\)$"
    )
    with pytest.raises(lk.PortError, match=says):
        a.close()
    with pytest.raises(lk.PortError, match=r"port first-far cannot be closed: path 'tunnels:a'"):
        lab.ports["first-far"].close()
    first.close()
    assert list(lab.ports) == ["a", "b", "second", "second-far"]
    b.receive(1, timeout=0.0)
    second.send(FRAME)
    (sent,) = b.receive(1, raw=True)
    assert geneve.decap(sent).frame == FRAME
    lab.restart()
    second.close()
    assert (list(lab.ports), lab.paths) == (["a", "b"], {})
    again = lab.tunnel(a, vxlan, "first")
    again.close()
    a.close()


def test_sockets_and_whoever_waits_end_with_the_port(lab: lk.Lab) -> None:
    a, _ = lab.cable("a", "b")
    ended: list[Exception] = []

    def waits() -> None:
        try:
            a.receive(1, timeout=20.0)
        except lk.PortError as error:
            ended.append(error)

    ear = a.socket()
    sniffer = AsyncSniffer(opened_socket=a.socket())
    sniffer.start()
    waiting = threading.Thread(target=waits)
    waiting.start()
    wait_until(lambda: "host:a" in lab.counters())
    a.close()
    waiting.join(60)
    sniffer.join(60)
    assert not waiting.is_alive()
    assert not sniffer.running
    assert "port a was closed" in str(ended[0])
    with pytest.raises(EOFError, match="port a was closed"):
        ear.recv()
    with pytest.raises(lk.PortError, match="port a was closed"):
        ear.send(FRAME)
    assert lab.counters() == {}


def test_live_views_go_on_without_it(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _, b = lab.cable("a", "b")
    view, outputs = lk.dashboard(lab), Outputs(monkeypatch)

    def picture() -> str:
        view._ipython_display_()
        return str(outputs.last["text/html"])

    with lk.record(lab, hz=1000) as recorded:
        for _ in range(20):
            port = lab.port("ring", "loop")
            port.send(FRAME)
            port.close()
    assert len(recorded) > 0
    wait_until(lambda: ">b</td>" in (html := picture()) and "loop" not in html)
    b.close()
    wait_until(lambda: ">b</td>" not in picture())
    assert view.status[0] == "live", view.status
    assert "b" in {name.split("/")[1] for name in recorded.names if name.startswith("port/")}


def test_closed_while_the_engine_is_dead(lab: lk.Lab) -> None:
    near, far = lab.cable()
    near.receive(1, timeout=0.0)
    os.kill(lab.pid, signal.SIGKILL)
    wait_until(lambda: not lab.is_alive)
    near.close()
    assert list(lab.ports) == ["server"]
    with pytest.raises(lk.PortError, match="was closed"):
        near.send(FRAME)
    lab.restart()
    assert not far.info.link_up


def test_interrupt_while_it_opens_leaves_nothing(lab: lk.Lab) -> None:
    """Of two ends of a cable both are there, or none."""
    before = lab.engine.commands.ports_left()
    for number in range(30):
        with suppress(KeyboardInterrupt), interrupts(0.0001 + 0.0003 * number):
            lab.cable("a", "b")
        assert list(lab.ports) in ([], ["a", "b"])
        for port in tuple(lab.ports.values()):
            port.close()
        assert lab.engine.commands.ports_left() == before


def test_interrupt_while_it_closes_leaves_nothing(lab: lk.Lab) -> None:
    """Ctrl-C ends the wait for the engine. What was begun is ended all the same."""
    before = lab.engine.commands.ports_left()
    for number in range(20):
        a, b = lab.cable("a", "b")
        a.receive(1, timeout=0.0)
        with suppress(KeyboardInterrupt), interrupts(0.0001 + 0.0002 * number):
            a.close()
        a.close()
        b.close()
        assert lab.ports == {}
        assert lab.engine.commands.ports_left() == before


def test_port_that_does_not_open_leaves_no_device(lab: lk.Lab) -> None:
    left = lab.engine.commands.ports_left()
    for _ in range(40):
        with pytest.raises(lk.PortError, match="queues, but net_"):
            lab.port("tap:" + unique_name("lkt"), queues=1000)
    assert lab.engine.commands.ports_left() == left
