# SPDX-License-Identifier: BSD-3-Clause
"""100,000 malformed frames through the echo path: every one ends in a node that has a name."""

import time

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.packet import codec
from tests.frames import SERVER_4, SERVER_6, UDP_PORT
from tests.malformed import malformed_frames
from tests.patience import exactly

COUNT = 100_000
SETTLE_SECONDS = 60.0
RESPONDERS = ("udp_echo", "icmp_echo", "arp_responder", "nd_responder")


def wait_for_all(path: RunningPath, count: int) -> None:
    end = time.monotonic() + SETTLE_SECONDS
    while path.ledger.received + sum(path.drops.values()) < count and time.monotonic() < end:
        time.sleep(0.05)


def frames_at(path: RunningPath, kind: str) -> int:
    counters = path.counters.nodes
    return sum(counters[node.name].objects for node in path.path.nodes if node.kind == kind)


def expected_ends(frames: list[bytes], endpoint: codec.Endpoint) -> dict[str, int]:
    """Where the codec says that each frame ends: a responder, or a drop node."""
    ends: dict[str, int] = {}
    for frame in frames:
        for kind in (*RESPONDERS, "refuse"):
            verdict, _ = codec.handle(kind, frame, endpoint)
            if verdict.name != "other":
                break
        end = f"drop_{verdict.name}" if verdict.is_drop else kind
        ends[end] = ends.get(end, 0) + 1
    return ends


def test_every_malformed_frame_is_accounted_for() -> None:
    with lk.Lab() as lab:
        client, server = lab.cable()
        path = lab.echo_server(server, [SERVER_4, SERVER_6], UDP_PORT)
        frames = malformed_frames(server.mac, COUNT, seed=1)
        assert client.send(frames) == COUNT
        replies = client.receive(COUNT, timeout=2.0, raw=True)
        wait_for_all(path, COUNT)
        if late := path.ledger.received - len(replies):
            replies += exactly(client, late)

        print(path.ledger)
        ledger, counters = path.ledger, path.counters
        assert ledger.sent == COUNT
        assert ledger.is_balanced
        assert ledger.received == len(replies)
        assert ledger.received + sum(ledger.drops.values()) == COUNT
        assert frames_at(path, "rx") == COUNT
        assert frames_at(path, "tx") == len(replies)

        endpoint = codec.Endpoint(server.mac, (SERVER_4, SERVER_6), UDP_PORT)
        ends = expected_ends(frames, endpoint)
        drops = {name: count for name, count in ends.items() if name.startswith("drop_")}
        assert dict(counters.drops) == drops
        assert len(replies) == sum(ends.get(kind, 0) for kind in RESPONDERS)
        assert client.xstats()["tx_good_packets"] == COUNT
