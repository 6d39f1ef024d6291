# SPDX-License-Identifier: BSD-3-Clause
"""Filters of every kind, and frames that they tell apart."""

import random
from functools import cache

from tests.frames import good_frames
from tests.malformed import flipped, truncations
from tests.tunnels import carried, tunnels

EXPRESSIONS = (
    "",
    "arp",
    "ip",
    "ip6",
    "tcp",
    "udp",
    "icmp or icmp6",
    "sctp or ah or esp or pim or vrrp",
    "tcp port 80",
    "udp port 9000",
    "udp port 4789 or 6081 or 6080",
    "port domain or http",
    "portrange 9000-40000",
    "src portrange 1024-65535 and dst port 9000",
    "host 10.0.0.1",
    "src host 10.0.0.1 and not dst host 10.0.0.2",
    "net 10.0.0.0/24 and not net 10.0.0.2/32",
    "ip6 host fd00::1",
    "ip6 net fd00::/64",
    "ether host 02:00:00:00:00:01",
    "ether broadcast or ether multicast",
    "ip multicast or ip6 multicast",
    "ether proto 0x0806",
    r"ether proto \arp or ip proto \udp",
    "vlan",
    "vlan 7 and udp",
    "vlan and vlan and ip",
    "mpls",
    "pppoes and ip",
    "geneve",
    "geneve 7",
    "len > 100",
    "less 60",
    "greater 64 and less 1000",
    "ether[0] & 1 != 0",
    "ether[12:2] = 0x800 and ether[14] & 0xf > 5",
    "ip[6:2] & 0x1fff != 0",
    "ip[6] & 0x20 != 0 or ip[8] < 65",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "udp[4:2] = len - 34",
    "icmp[icmptype] = icmp-echo",
    "icmp6[icmp6type] = icmp6-neighborsolicit",
    "ip[2:2] > 200 and ip[9] = 17",
    "ip[12:4] > 0x80000000",
    "-ip[12:4] > 0x80000000",
    "ip[0] + ip[1] * 3 - ip[8] = 5",
    "ip[0] / 3 % 5 = 2",
    "ip[2:2] / ip[1] = 2",
    "ip[8] % ip[1] = 0",
    "ip[0] << ip[1] = 69",
    "ip[0] >> ip[9] = 0",
    "ip[0] ^ 0xff | ip[1] = 0xba",
    "ip[ip[4:4] - 1] = 0x45",
    "ether[ether[0]:2] = 0",
    "ether[ether[14:4]:4] = 1",
    "ip protochain 17",
    "ip6 protochain 58",
    "not (udp or tcp) and ip",
    "atalk or ipx or stp or iso or decnet",
    "llc or rarp or aarp",
)


@cache
def frames() -> tuple[bytes, ...]:
    """Good ones, those of tunnels, cut ones, and ones with bits turned over."""
    good = [frame for _, frame in good_frames().values()]
    for version in (4, 6):
        for tunnel in tunnels(version).values():
            good += [tunnel.encap(inner) for inner in carried(tunnel).values()]
    tagged = [
        frame[:12] + b"\x81\x00\x00\x07" * tags + frame[12:]
        for frame in good[:12]
        for tags in (1, 2)
    ]
    stacked = [frame[:12] + b"\x88\x47\x00\x00\x11\x40" + frame[14:] for frame in good[:4]]
    shortest = sorted(good, key=len)[:6]
    cut = [beginning for frame in shortest for beginning in truncations(frame)]
    generator = random.Random(7)
    bent = [flipped(generator.choice(good), generator) for _ in range(400)]
    fragments = [bytes([*frame[:20], 0x20, 0x10, *frame[22:]]) for frame in good[:12]]
    wraps = [frame[:14] + b"\x45\0\0\0\0\0\0\0" + frame[22:] for frame in good[:6]]
    everything = [*good, *tagged, *stacked, *cut, *bent, *fragments, *wraps]
    return tuple(dict.fromkeys(everything))
