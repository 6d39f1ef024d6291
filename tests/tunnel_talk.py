# SPDX-License-Identifier: BSD-3-Clause
"""A lab and the other end of a tunnel talk to each other, each as client and as server."""

import labkit as lk
from tests.network import linux_echo_server, talk_to
from tests.tunnel_peers import INNER_4, INNER_6, Peer
from tests.tunnels import V4

LAB_4, LAB_6 = "10.0.0.1", "fd00::1"
UDP_PORT = 9000
SIZES = (18, 1300)  # of what the lab sends


def talk_both_ways(lab: lk.Lab, tunnel: lk.Tunnel, peer: Peer, mtu: int = 1400) -> None:
    """Ping and UDP, IPv4 and IPv6, without a loss. mtu: of what goes into the tunnel."""
    outer = lab.port(f"af_packet:{peer.host.outside}", "outer", mac=V4["local_mac"])
    inner = lab.tunnel(outer, tunnel, "inner")  # asks the peer for its MAC
    server = lab.echo_server(inner, [f"{LAB_4}/24", f"{LAB_6}/64"], UDP_PORT)
    ledger = lab.paths["tunnels:outer"].ledger
    for target in (LAB_4, LAB_6):
        ping = peer.host.run("ping", "-c", 3, "-i", 0.2, "-W", 5, "-s", 1000, target)
        assert " 3 received" in ping.stdout, ping.stdout + ping.stderr + str(ledger)
        overhead = 28 if target == LAB_4 else 48
        assert talk_to(peer.host, target, UDP_PORT, [1, 18, 1000, mtu - overhead]) == (
            "all echoed\n"
        )
    server.stop()
    with linux_echo_server(peer.host, UDP_PORT, (INNER_4, INNER_6)):
        for target, source in ((INNER_4, LAB_4), (INNER_6, LAB_6)):
            run = lk.echo(
                inner, target, udp_port=UDP_PORT, source=source, count=50, payload_sizes=SIZES
            )
            assert run.ledger.received == 100, run
    ledger = lab.paths["tunnels:outer"].ledger
    assert ledger.is_balanced
    assert not any("tunnel" in drop or "outer" in drop for drop in ledger.drops), ledger
