# SPDX-License-Identifier: BSD-3-Clause
"""Where frames went: counted on every edge of every node, whatever the node does with them."""

import re
import time
from base64 import b64decode
from typing import Any

import pytest

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.path.flows import flows_of
from tests.flows import HERE, at_rest, is_conserved, traffic
from tests.path.drawings import drawn_edges, tooltips
from tests.patience import wait_until
from tests.trials import QUICK, flow


def picture(path: RunningPath) -> str:
    """As SVG."""
    (data,) = re.findall(r"svg\+xml;base64,(\S+) 1x", path._repr_mimebundle_()["text/html"])
    return b64decode(data).decode()


def test_every_node_of_an_endpoint(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.echo_server(server, HERE, udp_port=9000)
    path = lab.paths["echo:server"]
    frames = traffic(client, server)
    client.send(frames)
    flows = at_rest(path, len(frames))
    is_conserved(path, flows)
    assert flows.drops["udp_echo"] == {"drop_udp_bad_checksum": 5}
    assert sum(flows.drops["refuse"].values()) == 3 + 4 + 1
    assert set(flows.drops) == {"udp_echo", "refuse"}
    arrived, refused = drawn_edges(picture(path))
    assert arrived["udp_echo"] == len(frames)
    assert arrived["tx:server"] == 40 + 7 + 2
    assert refused == {"udp_echo": 5, "refuse": 8}


def test_alternatives_impairments_captures_and_open_ends(lab: lk.Lab, tmp_path: Any) -> None:
    a, b = lab.cable()
    path = lab.run(
        lk.rx(b)
        >> lk.impair(loss=0.2, duplicate=0.2, reorder=0.2)
        >> lk.capture(tmp_path / "x.pcapng")
        >> (lk.arp_responder(HERE) | (lk.reflect() >> lk.icmp_echo(HERE)))
        >> lk.tx(b)
    )
    frames = traffic(a, b) * 20
    a.send(frames)
    wait_until(lambda: path.counters.nodes["rx:server"].objects == len(frames))
    wait_until(lambda: path.counters.impairments["impair"]["held"] == 0)
    time.sleep(0.05)
    flows = flows_of(path.path, path.counters.outputs)
    is_conserved(path, flows)
    assert flows.drops["impair"]["drop_impair_loss"] > 0
    assert "drop_unhandled" in flows.drops["icmp_echo"]  # its `other` leads nowhere


def test_a_narrow_queue_refuses(lab: lk.Lab) -> None:
    a, b = lab.cable()
    c, _ = lab.cable("narrow", "far", mtu=1500)
    path = lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(c), name="through")
    a.send([bytes(9000)] * 3)
    flows = at_rest(path, 3)
    assert flows.drops == {f"tx:{c.name}": {"drop_tx_too_long": 3}}
    is_conserved(path, flows)


def test_a_trial_keeps_its_frames_in_receive(lab: lk.Lab) -> None:
    """Nothing that a trial takes goes on to the nodes beside it."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    seen: dict[str, tuple[RunningPath, Any]] = {}
    stop = lab.stop_measurement

    def look() -> None:
        for path in lab.all_paths():
            if any(node.kind == "receive" for node in path.path.nodes):
                seen[path.name] = (path, path.counters)
        stop()

    lab.stop_measurement = look  # type: ignore[method-assign]
    run = lk.trial(client, flow(), rate="20 kpps", duration=0.3, **QUICK)  # type: ignore[arg-type]
    ((path, counters),) = seen.values()
    flows = flows_of(path.path, counters.outputs)
    (receive,) = (n.name for n in path.path.nodes if n.kind == "receive")
    (arp,) = (n.name for n in path.path.nodes if n.kind == "arp_responder")
    # Of 6,000, as many as a machine under load lets through.
    assert counters.nodes[receive].objects >= run.row["received"] > 100
    assert counters.nodes[arp].objects == flows.nodes[arp]
    assert flows.nodes[arp] < 10
    for node in path.path.nodes:
        assert flows.nodes[node.name] == counters.nodes[node.name].objects


def test_a_path_that_runs_again_begins_at_nothing(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lk.Path(lk.rx(b) >> lk.arp_responder(HERE) >> lk.tx(b), name="again")
    for count in (30, 7):
        running = lab.run(path)
        a.send([bytes(60)] * count)
        flows = at_rest(running, count)
        assert flows.nodes["arp_responder"] == count
        assert sum(sum(drops.values()) for drops in flows.drops.values()) == count
        running.stop()


def test_a_picture_drawn_while_frames_flow_adds_up(mirror: lk.Port) -> None:
    path = mirror.lab.paths["mirror"]
    for _ in range(20):
        mirror.send([bytes(60)] * 256)
        mirror.receive(64, timeout=0, raw=True)
        svg = picture(path)
        counted = {}
        for tip in tooltips(svg):
            found = re.search(r"^(\S+): .*\n([\d,]+) frames in ", tip, re.DOTALL)
            if found:
                counted[found[1]] = int(found[2].replace(",", ""))
        arrived, _ = drawn_edges(svg)
        assert {name: n for name, n in counted.items() if name != "rx:server"} == dict(arrived)


@pytest.mark.parametrize("size", [60, 1514])
def test_bytes_of_a_cable_are_counted(lab: lk.Lab, size: int) -> None:
    """net_ring counts none itself."""
    a, b = lab.cable(queues=2)
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b, 1), name="mirror")
    a.send([bytes(size)] * 100)
    wait_until(lambda: b.xstats()["tx_good_packets"] == 100)
    assert (a.xstats()["tx_good_bytes"], b.xstats()["rx_good_bytes"]) == (100 * size, 100 * size)
    assert b.xstats()["tx_good_bytes"] == b.xstats()["tx_q1_bytes"] == 100 * size
    assert (b.xstats()["rx_q0_bytes"], b.xstats()["tx_q0_bytes"]) == (100 * size, 0)


def test_bytes_that_a_full_cable_refused_are_not_sent(lab: lk.Lab) -> None:
    a, b = lab.cable()
    c, _ = lab.cable("c", "d")
    path = lab.run(lk.rx(b) >> lk.tx(c), name="into-full")
    a.send([bytes(100)] * 3000)  # nobody takes them at d
    wait_until(lambda: path.ledger.sent == 3000)
    stats = c.xstats()
    assert path.ledger.received == stats["tx_good_packets"]
    assert stats["tx_good_bytes"] == 100 * stats["tx_good_packets"]
