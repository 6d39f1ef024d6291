# SPDX-License-Identifier: BSD-3-Clause
"""What to write in place of what is often written in a capture filter."""

import ipaddress
import re
from collections.abc import Sequence
from contextlib import suppress

from labkit.packet.filter_words import WORDS, Token, stands_for
from labkit.text import alike, did_you_mean

# Wireshark's display filters, by field; {} is the value that the field is compared with.
DISPLAY = {
    "ip.addr": "host {}",
    "ip.src": "src host {}",
    "ip.dst": "dst host {}",
    "ip.host": "host {}",
    "ip.proto": "ip proto {}",
    "ip.ttl": "ip[8] = {}",
    "ipv6.addr": "ip6 host {}",
    "ipv6.src": "ip6 src host {}",
    "ipv6.dst": "ip6 dst host {}",
    "eth.addr": "ether host {}",
    "eth.src": "ether src {}",
    "eth.dst": "ether dst {}",
    "eth.type": "ether proto {}",
    "tcp.port": "tcp port {}",
    "tcp.srcport": "tcp src port {}",
    "tcp.dstport": "tcp dst port {}",
    "tcp.flags.syn": "tcp[tcpflags] & tcp-syn != 0",
    "tcp.flags.ack": "tcp[tcpflags] & tcp-ack != 0",
    "tcp.flags.fin": "tcp[tcpflags] & tcp-fin != 0",
    "tcp.flags.reset": "tcp[tcpflags] & tcp-rst != 0",
    "udp.port": "udp port {}",
    "udp.srcport": "udp src port {}",
    "udp.dstport": "udp dst port {}",
    "icmp.type": "icmp[icmptype] = {}",
    "vlan.id": "vlan {}",
    "frame.len": "len = {}",
    "vxlan.vni": "udp port 4789",
    "geneve.vni": "geneve {}",
    "arp.opcode": "arp[6:2] = {}",
}
# Names of protocols that libpcap has another word for, or none
OTHERWISE = {
    "AND": "and",
    "OR": "or",
    "NOT": "not",
    "ipv4": "ip",
    "icmpv6": "icmp6",
    "eth": "ether",
    "vxlan": "udp port 4789",
    "gre": "ip proto 47",
    "ospf": "ip proto 89",
    "dns": "port 53",
    "http": "tcp port 80",
    "https": "tcp port 443",
    "tls": "tcp port 443",
    "ssh": "tcp port 22",
    "ntp": "udp port 123",
    "snmp": "udp port 161",
    "dhcp": "udp port 67 or udp port 68",
    "bootp": "udp port 67 or udp port 68",
    "eq": "=",
    "ne": "!=",
}
COMPARED = ("==", "=", "eq")
BEFORE_VALUES = ("port", "host", "net", "src", "dst", "portrange", "vlan", "proto")
RANGE = re.compile(r"\d+-\d+")
QUOTES = ("'", '"', "`")


def of_name(tokens: Sequence[Token], place: int) -> str:
    """What is wrong with a name that nobody knows, and what to write."""
    name = tokens[place].text
    if stands_for(tokens, place).startswith("port"):
        if RANGE.fullmatch(name):
            return f"{name!r} is no port; a range of them is 'portrange {name}'"
        return f"/etc/services knows no port {name!r}; give its number, as in 'port 80'"
    if name in DISPLAY or _is_field(name):
        return (
            f"{name!r} is a field of Wireshark's display filters, and this is a capture filter"
            f"{_instead_of_field(tokens, place)}"
        )
    before = tokens[place - 1].text if place else ""
    if name in OTHERWISE:
        return f"{name!r} is no word of a capture filter; write {OTHERWISE[name]!r}"
    if before in ("host", "net", "src", "dst", "gateway"):
        return (
            f"{name!r} is a name, and names are not looked up, since the answer may be long in "
            "coming; give the address, as in 'host 192.0.2.1'"
        )
    return f"{name!r} is no word of a capture filter{did_you_mean(alike(name, WORDS, 3))}"


def of_syntax(tokens: Sequence[Token], place: int) -> str:
    """What to write where libpcap cannot go on; empty where nothing is known of it."""
    before = tokens[place - 1] if place else None
    if place == len(tokens):
        return "something is missing at its end"
    here, after = tokens[place], tokens[place + 1 : place + 2]
    value = after[0].text if after else "80"
    if here.text in COMPARED and before and before.text in BEFORE_VALUES:
        return f"a value follows its word without a sign; write '{before.text} {value}'"
    if here.text in QUOTES or (here.kind == "wrong" and here.text in "‘’“”"):
        return "write it without quotes"
    if here.text == ",":
        return f"alternatives are joined by a word; write 'or {value}'"
    if here.text == ":" and before and before.kind == "value":
        return f"an address and a port are two terms; write 'host {before.text} and port {value}'"
    if here.text == "-" and before and before.kind == "value":
        return f"a range of ports is 'portrange {before.text}-{value}'"
    if here.text in ("&", "|"):
        return f"write {'and' if here.text == '&' else 'or'!r}"
    if before and before.text in ("proto", "protochain") and here.kind == "word":
        return f"{here.text!r} is a word of its own; write '{before.text} \\{here.text}'"
    if here.kind == "value":
        return f"say of what it is, as in 'host {here.text}', 'net {here.text}', 'port 80'"
    return ""


def of_meaning(complaint: str, tokens: Sequence[Token], place: int) -> str:
    """What to write where libpcap has understood, but does not agree."""
    start = max(0, place - 2)
    near = [token.text for token in tokens[start : place + 1]]
    if "for networks only" in complaint and "/" in near:
        return f"write 'net {''.join(near)}'"
    if quoted := re.search(r'non-network bits set in "([^"]+)"', complaint):
        with suppress(ValueError):
            return f"write 'net {ipaddress.ip_network(quoted[1], strict=False)}'"
    return ""


def _is_field(name: str) -> bool:
    protocol, dot, field = name.partition(".")
    known = protocol in WORDS or protocol in OTHERWISE or protocol in ("frame", "ipv6")
    return bool(dot) and known and field.replace(".", "").replace("_", "").isidentifier()


def _instead_of_field(tokens: Sequence[Token], place: int) -> str:
    field, values = tokens[place].text, [token.text for token in tokens[place + 1 : place + 3]]
    if field not in DISPLAY:
        return ""
    told = values[1] if len(values) == 2 and values[0] in COMPARED else "…"
    return f"; write {DISPLAY[field].format(told)!r}"
