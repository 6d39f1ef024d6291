# SPDX-License-Identifier: BSD-3-Clause
"""Rules of a firewall: which packets pass, what each rule counted, what a wrong rule is told."""

import random
from ipaddress import ip_address, ip_network

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, TCPerror, UDPerror, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6Unknown, IPv6
from scapy.layers.l2 import ARP
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.errors import PathError
from labkit.path.firewall_rules import STATES, Rule, rule_of
from tests.middlebox import Middlebox, framed
from tests.patience import wait_until

A, B = "10.0.0.1", "192.0.2.9"
A6, B6 = "fd00::1", "2001:db8::9"
DENIED = "drop_firewall_denied"


def passes(box: Middlebox, packet: Packet, *, inside: bool = True) -> bool:
    got = box.out(framed(packet)) if inside else box.back(framed(packet, inside=False))
    assert not isinstance(got, str) or got == DENIED
    return not isinstance(got, str)


def test_the_first_rule_that_matches_counts(lab: lk.Lab) -> None:
    box = Middlebox(
        lab,
        lk.firewall(
            """
            deny tcp src 10.0.0.0/24 dst port 80   # no web from here
            permit tcp dst port 80-443
            permit icmp src fd00::/16
            """,
            "permit udp src port 53 dst 192.0.2.9",
            "permit gre",
            "permit ip6 dst 2001:db8::9",
        ),
    )
    web = TCP(sport=5, dport=80)
    verdicts = [
        (IP(src=A, dst=B) / web, False),
        (IP(src="10.0.1.1", dst=B) / web, True),
        (IP(src=A, dst=B) / TCP(sport=5, dport=443), True),
        (IP(src=A, dst=B) / TCP(sport=5, dport=444), False),
        (IPv6(src=A6, dst="2001:db8::8") / web, True),
        (IPv6(src=A6, dst="2001:db8::8") / ICMPv6EchoRequest(), True),
        (IP(src=A, dst=B) / ICMP(), False),
        (IP(src=A, dst=B) / UDP(sport=53, dport=9), True),
        (IP(src=A, dst="192.0.2.8") / UDP(sport=53, dport=9), False),
        (IP(src=A, dst=B, proto=47) / Raw(bytes(8)), True),
        (IPv6(src=A6, dst=B6) / UDP(sport=5, dport=6), True),
        (ARP(psrc=A, pdst=B), True),
        (IPv6(src=A6, dst="2001:db8::8") / ICMPv6ND_NS(tgt=B6), True),
    ]
    for packet, expected in verdicts:
        assert passes(box, packet) is expected, packet.summary()
    assert not passes(box, IP(src=B, dst=A) / UDP(sport=9, dport=53), inside=False)
    found = box.counters("firewall")
    assert found == {"permitted": 7, "denied": 5, "unfiltered": 2}
    table = box.path.tables["firewall"]
    assert table.packets.tolist() == [1, 3, 1, 1, 1, 1, 4]
    assert table.rule.isna().tolist() == [False] * 6 + [True]
    assert table.text.tolist()[:2] == [
        "deny tcp src 10.0.0.0/24 dst port 80",
        "permit tcp dst port 80-443",
    ]
    assert table.action.tolist() == ["deny", *["permit"] * 5, "deny"]
    assert table.bytes[0] == 54
    assert box.path.ledger.is_balanced


def test_icmp_of_any_type_is_filtered(lab: lk.Lab) -> None:
    """But for what belongs to the link; as Linux has it, a type that nobody knows is invalid."""
    box = Middlebox(lab, lk.firewall("permit udp"))
    unknown = [IP(src=A, dst=B) / ICMP(type=kind) / bytes(8) for kind in (1, 9, 42, 255)]
    unknown += [IPv6(src=A6, dst=B6) / ICMPv6Unknown(type=kind) / bytes(8) for kind in (154, 201)]
    assert not any(passes(box, packet) for packet in unknown)
    forged = IPv6(src=A6, dst=B6, hlim=64) / ICMPv6Unknown(type=137) / bytes(60)
    assert not passes(box, forged), "a redirect comes from the link: with 255 hops left"
    assert passes(box, IPv6(src=A6, dst="ff02::16", hlim=1) / ICMPv6Unknown(type=143) / bytes(4))
    box.path.stop()
    tracked = Middlebox(lab, lk.conntrack())
    assert all(tracked.out(framed(packet)) == "drop_conntrack_invalid" for packet in unknown)


def test_who_began_may_be_answered(lab: lk.Lab) -> None:
    rules = ("permit tcp src 10.0.0.0/8 dst port 443 new", "permit established", "permit related")
    box = Middlebox(lab, lk.conntrack(), lk.firewall(*rules))
    assert not passes(box, IP(src=B, dst=A) / TCP(sport=9, dport=443, flags="S"), inside=False)
    assert passes(box, IP(src=A, dst=B) / TCP(sport=5, dport=443, flags="S"))
    assert passes(box, IP(src=B, dst=A) / TCP(sport=443, dport=5, flags="SA"), inside=False)
    assert passes(box, IP(src=A, dst=B) / TCP(sport=5, dport=443, flags="A"))
    assert not passes(box, IP(src=A, dst=B) / UDP(sport=5, dport=443))
    quoted = IPerror(src=A, dst=B) / UDPerror(sport=5, dport=443)
    told = framed(IP(src=B, dst=A) / ICMP(type=3) / quoted, inside=False)
    assert box.back(told) == "drop_conntrack_invalid"
    begun = IPerror(src=A, dst=B) / TCPerror(sport=5, dport=443)
    assert passes(box, IP(src=B, dst=A) / ICMP(type=3) / begun, inside=False)
    assert box.path.tables["firewall"].packets.tolist() == [1, 2, 1, 2]
    found = box.counters("conntrack")
    assert (found["new"], found["active"]) == (3, 1), "what is denied has not begun"


@pytest.mark.parametrize("rule", ["permit tcp dst port 443", "permit tcp dst port 443 new"])
def test_what_is_denied_fills_no_table(lab: lk.Lab, rule: str) -> None:
    """With and without states, and however often who is denied tries in one burst."""
    a, b = lab.cable()
    chain = lk.rx(b) >> lk.conntrack(entries=100) >> lk.firewall(rule) >> lk.sink()
    path = lab.run(chain, name="works")
    a.send(
        [
            framed(IP(src=A, dst=B) / TCP(sport=sport, dport=80, flags="S"))
            for sport in range(1, 300)
            for _ in range(3)
        ]
    )
    a.send([framed(IP(src=A, dst=B) / TCP(sport=5, dport=443, flags="S"))] * 2)
    wait_until(lambda: path.ledger.sent == 899)
    assert path.drops == {DENIED: 897}
    assert path.tables["conntrack"].target_port.tolist() == [443]
    assert path.ledger.is_balanced


def test_fragments_are_known_by_their_connection(lab: lk.Lab) -> None:
    whole = IP(src=A, dst=B) / UDP(sport=5, dport=53) / Raw(bytes(2000))
    stateless = Middlebox(lab, lk.firewall("permit udp dst port 53"))
    assert [passes(stateless, part) for part in fragment(whole, 1000)] == [True, False, False]
    stateless.path.stop()
    for rule in ("permit udp dst port 53", "permit udp dst port 53 new"):
        box = Middlebox(lab, lk.conntrack(), lk.firewall(rule))
        assert [passes(box, part) for part in fragment(whole, 1000)] == [True, True, True]
        box.path.stop()


def test_what_is_denied_may_go_elsewhere(lab: lk.Lab) -> None:
    a, b = lab.cable()
    wall = lk.firewall("permit tcp", default="deny")
    path = lab.run(
        lk.Path(lk.rx(b) >> wall >> lk.collect(b), wall["other"] >> lk.sink(), name="works")
    )
    a.send([framed(IP(src=A, dst=B) / UDP()), framed(IP(src=A, dst=B) / TCP())])
    wait_until(lambda: path.ledger.sent == 2)
    assert path.counters.nodes["sink"].objects == 1
    assert path.drops == {}


def drawn_rule(rng: random.Random) -> str:
    """Any rule there may be."""
    v6 = rng.random() < 0.4
    protocol = rng.choice(["tcp", "udp", "icmp", "any", "ip6" if v6 else "ip", "sctp"])
    words = [rng.choice(["permit", "deny"]), protocol]
    for end in ("src", "dst"):
        if rng.random() < 0.5:
            bits = rng.choice([0, 1, 17, 31, 32]) if not v6 else rng.choice([0, 15, 33, 100, 128])
            words += [end, str(ip_network(f"{rng.choice(ADDRESSES[v6])}/{bits}", strict=False))]
        if protocol in ("tcp", "udp", "sctp") and rng.random() < 0.5:
            low = rng.choice([0, 1, 5, 1000, 65535])
            words += [end, "port", f"{low}-{rng.choice([low, 65535])}"]
    return " ".join(words)


ADDRESSES = {
    False: ["10.0.0.1", "10.0.0.2", "10.128.0.1", "192.0.2.1", "255.255.255.255"],
    True: ["fd00::1", "fd00::2", "2001:db8::1", "2001:db8:8000::1"],
}


def matches(rule: Rule, packet: Packet) -> bool:
    """As a person reads it."""
    layer = packet[1]
    version = layer.version
    protocol = layer.payload
    if rule.version not in (0, version):
        return False
    numbers = {TCP: 6, UDP: 17, ICMP: 256, ICMPv6EchoRequest: 256}
    if rule.protocol not in (0, numbers[type(protocol)]):
        return False
    for end, address in (("src", layer.src), ("dst", layer.dst)):
        network = rule.networks.get(end)
        if network is not None and ip_address(address) not in network:
            return False
    for end, name in (("src", "sport"), ("dst", "dport")):
        if end in rule.ports:
            low, high = rule.ports[end]
            if not low <= getattr(protocol, name) <= high:
                return False
    return True


@pytest.mark.parametrize("seed", range(3))
def test_any_rules_decide_as_they_read(lab: lk.Lab, seed: int) -> None:
    rng = random.Random(seed)
    texts = [drawn_rule(rng) for _ in range(rng.choice([1, 20, 200]))]
    rules = [rule_of(text) for text in texts]
    a, b = lab.cable(ring_size=4096)
    path = lab.run(lk.rx(b) >> lk.firewall(*texts, default="permit") >> lk.sink(), name="works")
    packets, hits = [], [0] * (len(rules) + 1)
    for _ in range(300):
        v6 = rng.random() < 0.4
        src, dst = (rng.choice(ADDRESSES[v6]) for _ in range(2))
        upper = rng.choice([TCP, UDP, ICMPv6EchoRequest if v6 else ICMP])()
        if isinstance(upper, (TCP, UDP)):
            upper.sport, upper.dport = (rng.choice([0, 1, 5, 1000, 65535]) for _ in range(2))
        packet = framed((IPv6 if v6 else IP)(src=src, dst=dst) / upper)
        packets.append(packet)
        hits[next((i for i, r in enumerate(rules) if matches(r, packet)), len(rules))] += 1
    a.send(packets)
    wait_until(lambda: path.ledger.sent == len(packets))
    assert path.tables["firewall"].packets.tolist() == hits
    assert path.ledger.is_balanced


def test_a_firewall_of_states_stands_behind_a_conntrack() -> None:
    wall, ct = lk.firewall("permit established"), lk.conntrack()
    with pytest.raises(PathError, match=r"frames of rx:a come to it past every conntrack; put ct"):
        lk.Path(lk.rx("a") >> wall >> lk.tx("b"))
    with pytest.raises(PathError, match="node firewall_back: firewall asks"):
        lk.Path(lk.rx("a") >> ct >> wall >> lk.tx("b"), lk.rx("b") >> wall >> lk.tx("a"))
    path = lk.Path(lk.rx("a") >> ct >> wall >> lk.tx("b"), lk.rx("b") >> ct >> wall >> lk.tx("a"))
    assert lk.Path.from_json(path.to_json()) == path
    lk.Path(lk.rx("a") >> lk.firewall("permit tcp") >> lk.tx("b"))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", None),
        ("allow tcp", "word 1 'allow': a rule begins with permit or deny"),
        ("permti tcp", "did you mean 'permit'?"),
        ("permit tpc", "word 2 'tpc': here stands a protocol, src, dst or a state"),
        (
            "permit tcp to 10.0.0.1",
            "word 3 'to': here stands src, dst or a state (there are: src, dst, new",
        ),
        ("permit tcp port 80", "word 3 'port': in front of port stands src or dst"),
        ("permit tcp dst port https", "a number of 0 to 65535 or a range such as 8000-8080"),
        ("permit tcp dst port", "at its end: behind dst port stands a number"),
        ("permit tcp dst port 80,443", "write a rule for each of several"),
        ("permit tcp dst port 70000", "word 5 '70000'"),
        ("permit tcp dst port 90-80", "the range 90-80 ends before it begins; write 80-90"),
        ("permit udp src 10.0.0.1/8", "has bits behind its prefix; write 10.0.0.0/8"),
        ("permit udp src 10.0.0.0/33", "behind src stands an address, a prefix"),
        ("permit udp src prot 5", "did you mean 'port'?"),
        ("permit dst port 80", "ports are of tcp, udp or sctp"),
        ("permit icmp dst port 80", "ports are of tcp, udp or sctp"),
        ("permit ip src fd00::/8", "it names IPv4 and IPv6"),
        ("permit udp src 10.0.0.0/8 dst fd00::/8", "it names IPv4 and IPv6"),
        ("permit tcp src 10.0.0.1 src 10.0.0.2", "src stands there twice; write two rules"),
        ("permit tcp etsablished", "did you mean 'established'?"),
        ("permit new new", "new stands there twice"),
    ],
)
def test_a_wrong_rule_is_told_by_its_word(rule: str, said: str | None) -> None:
    if said is None:
        lk.firewall(rule)
        return
    with pytest.raises(PathError) as error:
        lk.firewall("permit tcp", rule)
    assert str(error.value).startswith(f"rule 2 {rule!r}, ")
    assert said in str(error.value)


def test_states_are_those_that_are_documented() -> None:
    assert all(state in (lk.firewall.__doc__ or "") for state in STATES)
