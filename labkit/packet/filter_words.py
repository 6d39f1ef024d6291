# SPDX-License-Identifier: BSD-3-Clause
"""The words of a capture filter, and those that libpcap would look up elsewhere.

libpcap asks DNS for a word that it does not know where a host can stand, and waits for the answer.
So each word is looked at before.
"""

import functools
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labkit.packet.libpcap import complaint

WORD = re.compile(
    r"(?P<address>(?:[0-9A-Fa-f]{0,4}:){2,}[0-9A-Fa-f.:]*)"
    r"|(?P<word>\\[^\s!()]+|[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?)"
    r"|(?P<sign>&&|\|\||[=!<>]=|<<|>>|[-+*/%&|^!<>=()\[\]:])"
    r"|(?P<wrong>\S)"
)
NUMBER = re.compile(r"\d+|0[xX][0-9A-Fa-f]+|\d+(?:\.\d+){1,3}")  # or an IPv4 address or net
MAC = re.compile(
    r"[0-9A-Fa-f]{1,2}(?:(?:-[0-9A-Fa-f]{1,2}){5}|(?:\.[0-9A-Fa-f]{1,2}){5})"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}|[0-9A-Fa-f]{12}"
)
# Of pcap-filter(7); which of them a libpcap knows it is asked.
WORDS = frozenset(
    re.findall(
        r"\S+",
        """
    and or not src dst host net mask port portrange proto protochain gateway type subtype dir
    direction addr1 addr2 addr3 addr4 ra ta ether link ip ip6 ipv6 arp rarp tcp udp sctp icmp icmp6
    igmp igrp pim vrrp carp ah esp fddi tr wlan ppp slip atalk aarp decnet lat sca moprc mopdl iso
    clnp esis isis es-is is-is l1 l2 iih lsp snp csnp psnp stp ipx netbeui radio vlan mpls pppoed
    pppoes geneve less greater byte len length broadcast multicast inbound outbound ifname on rset
    ruleset rnr rulenum reason srnr subrulenum action llc lane metac bcc oam oamf4 oamf4ec oamf4sc
    sc ilmic connectmsg metaconnect vpi vci sio opc dpc sls hopc hdpc hsls fisu lssu lsu msu
    icmptype icmpcode icmp6type icmp6code tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg
    tcp-ece tcp-cwr icmp-echoreply icmp-unreach icmp-sourcequench icmp-redirect icmp-echo
    icmp-routeradvert icmp-routersolicit icmp-timxceed icmp-paramprob icmp-tstamp icmp-tstampreply
    icmp-ireq icmp-ireqreply icmp-maskreq icmp-maskreply icmp6-destinationunreach
    icmp6-packettoobig icmp6-timeexceeded icmp6-parameterproblem icmp6-echo icmp6-echoreply
    icmp6-multicastlistenerquery icmp6-multicastlistenerreportv1 icmp6-multicastlistenerdone
    icmp6-routersolicit icmp6-routeradvert icmp6-neighborsolicit icmp6-neighboradvert
    icmp6-redirect icmp6-routerrenum icmp6-nodeinformationquery icmp6-nodeinformationresponse
    icmp6-ineighbordiscoverysolicit icmp6-ineighbordiscoveryadvert
    icmp6-multicastlistenerreportv2 icmp6-homeagentdiscoveryrequest
    icmp6-homeagentdiscoveryreply icmp6-mobileprefixsolicit icmp6-mobileprefixadvert
    icmp6-certpathsolicit icmp6-certpathadvert icmp6-multicastrouteradvert
    icmp6-multicastroutersolicit icmp6-multicastrouterterm
    """,
    )
)
# A text follows, which nobody looks up
BEFORE_TEXTS = ("ifname", "on", "rset", "ruleset", "reason", "action", "type", "subtype", "dir")
PASSED_OVER = ("and", "or", "not", "&&", "||", "!", "(", "-")  # what a word before them is for
ETHERNET = 1

Kind = Literal["sign", "value", "word", "name", "wrong"]


@dataclass(frozen=True)
class Token:
    """A word, number, address or sign of an expression, and where it stands."""

    text: str
    start: int
    kind: Kind

    @property
    def end(self) -> int:
        """Behind its last letter."""
        return self.start + len(self.text)


def tokens_of(text: str) -> list[Token]:
    """An expression in words; what libpcap does not know is a name, and what cannot be one is
    wrong."""
    return [Token(m[0], m.start(), _kind(m)) for m in WORD.finditer(text)]


def _kind(found: re.Match[str]) -> Kind:
    if found["address"] or NUMBER.fullmatch(found[0]):
        return "value"
    if found["sign"]:
        return "sign"
    if found["wrong"]:
        return "wrong"
    if not MAC.fullmatch(found[0]) and found[0] not in WORDS:
        return "name"
    if _is_name(found[0]):
        return "name"
    return "value" if MAC.fullmatch(found[0]) else "word"


@functools.lru_cache(1024)
def _is_name(word: str) -> bool:
    """Whether the libpcap of this machine takes it for one.

    Where a protocol of Ethernet can stand, it knows names by heart and looks nothing up.
    """
    return "unknown ether proto" in complaint(rf"ether proto \ip or {word}", ETHERNET, 65535)


def stands_for(tokens: Sequence[Token], place: int) -> str:
    """What libpcap takes the name at a place for: "port", "portrange", "proto", "text", or "host",
    which is whatever it would have to look up."""
    if place and tokens[place - 1].text in BEFORE_TEXTS:
        return "text"
    while place > 0:
        place -= 1
        before = tokens[place]
        if before.text in ("port", "portrange"):
            return before.text
        if before.text in ("proto", "protochain"):
            return "proto"
        if before.text not in PASSED_OVER and before.kind not in ("value", "name"):
            break
    return "host"


def are_ports(name: str, use: str) -> bool:
    """Whether it is a port's name (/etc/services), or where a portrange is wanted two ports."""
    if use == "portrange":
        return all(half.isdecimal() or _is_service(half) for half in name.split("-", 1))
    return _is_service(name)


def _is_service(name: str) -> bool:
    try:
        socket.getservbyname(name)
    except OSError:
        return False
    return True
