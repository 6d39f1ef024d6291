# SPDX-License-Identifier: BSD-3-Clause
"""Nodes in C that tests compile."""

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet

TTL = """
LK_PARAM(int, by, 1, 255, 1);

static enum lk_verdict
ttl(struct lk_frame *f)
{
    struct lk_headers h;
    enum lk_verdict verdict = lk_parse(f->data, f->length, &h);

    if (verdict != LK_next)
        return verdict;
    if (h.ip_version != 4)
        return LK_other;
    uint8_t *ip = f->data + h.l3;
    if (ip[8] <= lk_param(by))
        return lk_drop("ttl_exceeded");
    uint16_t before = lk_get16(ip + 8);
    ip[8] -= lk_param(by);
    lk_mend_checksum(ip + 10, before, lk_get16(ip + 8));
    lk_count("lowered");
    lk_count_in("dscp", 64, ip[1] >> 2);
    return LK_next;
}
"""


def node(name: str, *lines: str, before: str = "", state: bool = False) -> str:
    """A node whose function has these lines; the first is line 4 of its source."""
    second = f", struct {name} *state" if state else ""
    body = "\n".join(f"    {line}" for line in lines)
    return f"{before}static enum lk_verdict\n{name}(struct lk_frame *f{second})\n{{\n{body}\n}}\n"


def packet(ttl: int, dscp: int = 46) -> Packet:
    """An IPv4 packet of 46 bytes."""
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    return link / IP(src="10.0.0.1", dst="192.0.2.1", ttl=ttl, tos=dscp << 2) / UDP() / b"1234"
