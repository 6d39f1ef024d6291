# SPDX-License-Identifier: BSD-3-Clause
"""The rules of a firewall, in the words of access lists.

permit tcp dst port 443 new      # comments are as in a shell
permit established
deny ip src 10.0.0.0/8
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from labkit.errors import PathError
from labkit.path.function_types import DataType
from labkit.path.values import Value
from labkit.text import near, shown

Network = IPv4Network | IPv6Network

MOST_RULES = 4096
ACTIONS = ("permit", "deny")
ICMP_OF_VERSION = 256  # ICMP over IPv4, ICMPv6 over IPv6
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": ICMP_OF_VERSION, "sctp": 132, "gre": 47, "esp": 50}
VERSIONS = {"any": 0, "ip": 4, "ip6": 6}
WITH_PORTS = ("tcp", "udp", "sctp")
STATES = ("new", "established", "related", "invalid", "untracked")
ENDS = ("src", "dst")
ALL_PORTS = (0, 65535)
# As struct lk_firewall_rule has them: permits, version, states, with ports, protocol (0: any),
# prefix lengths, prefixes, ports
PACKED = struct.Struct("=BBBBHBB16s16s4H")


@dataclass(frozen=True)
class Rule:
    """A rule, taken apart.

    Attributes
    ----------
    permits: or denies
    version: of IP; 0: either
    protocol: as in PROTOCOLS; 0: any
    networks, ports: of sender ("src") and receiver ("dst"), where the rule names them
    states: what a frame may be to its connection; none: anything
    """

    permits: bool
    version: int = 0
    protocol: int = 0
    networks: dict[str, Network] = field(default_factory=dict)
    ports: dict[str, tuple[int, int]] = field(default_factory=dict)
    states: tuple[str, ...] = ()

    def packed(self) -> bytes:
        """As the native node reads it."""
        networks = [self.networks.get(end) for end in ENDS]
        ports = [self.ports.get(end, ALL_PORTS) for end in ENDS]
        version = self.version or next((n.version for n in networks if n is not None), 0)
        return PACKED.pack(
            self.permits,
            version,
            sum(1 << STATES.index(state) for state in self.states),
            bool(self.ports),
            self.protocol,
            *(n.prefixlen if n is not None else 0 for n in networks),
            *(n.network_address.packed if n is not None else b"" for n in networks),
            *(port for pair in ports for port in pair),
        )


class RulesType(DataType):
    """Rules in their order, a text each."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """Rules that can be read."""
        if not isinstance(value, list) or not all(isinstance(rule, str) for rule in value):
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it is a list of rules such as "
                '"permit tcp dst port 443"'
            )
        if len(value) > MOST_RULES:
            raise PathError(f"node {where}: there are {len(value)} rules; the most is {MOST_RULES}")
        for number, rule in enumerate(value, 1):
            rule_of(str(rule), number)
        return value

    def packed(self, value: list[str]) -> bytes:
        """One behind the other."""
        return b"".join(rule_of(text, number).packed() for number, text in enumerate(value, 1))

    def lines(self, value: Value) -> list[str]:
        """How many."""
        assert isinstance(value, list)
        return [f"{len(value)} rules" if len(value) != 1 else value[0]]


def rules_in(texts: Iterable[str]) -> list[str]:
    """The rules of texts, one a line, without comments and empty lines."""
    found = []
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise PathError(
                f'rule {number} is {shown(text)}; it is a text such as "permit tcp dst port 443"'
            )
        lines = (" ".join(line.partition("#")[0].split()) for line in text.splitlines())
        found += [line for line in lines if line]
    return found


def is_stateful(rules: Iterable[str]) -> bool:
    """Some rule asks what a frame is to its connection."""
    return any(rule_of(text, number).states for number, text in enumerate(rules, 1))


def rule_of(text: str, number: int = 1) -> Rule:
    """A rule from its text; PathError with rule, word, and what may stand there."""
    return _Reader(text, number).read()


class _Reader:
    """Reads a rule word by word."""

    def __init__(self, text: str, number: int) -> None:
        self._text, self._number = text, number
        self._words = text.split()
        self._at = 0

    def read(self) -> Rule:
        action = self._one_of(ACTIONS, "a rule begins with permit or deny")
        version = protocol = 0
        networks: dict[str, Network] = {}
        ports: dict[str, tuple[int, int]] = {}
        states: list[str] = []
        word = self._peek()
        if word in VERSIONS:
            version = VERSIONS[self._next()]
        elif word in PROTOCOLS:
            protocol = PROTOCOLS[self._next()]
        while (word := self._peek()) is not None:
            if word in ENDS:
                self._end_of(self._next(), networks, ports)
            elif word in STATES:
                if word in states:
                    raise self._error(f"{word} stands there twice")
                states.append(self._next())
            else:
                raise self._unknown(word, first=self._at == 1)
        rule = Rule(action == "permit", version, protocol, networks, ports, tuple(states))
        self._check(rule)
        return rule

    def _end_of(
        self, end: str, networks: dict[str, Network], ports: dict[str, tuple[int, int]]
    ) -> None:
        """What stands behind src or dst."""
        word = self._peek()
        if word == "port":
            self._next()
            self._only_once(f"{end} port", end in ports)
            ports[end] = self._ports(end)
        elif word == "any":
            self._next()
        else:
            self._only_once(end, end in networks)
            network = self._network(end)
            if network is not None:
                networks[end] = network

    def _only_once(self, what: str, is_there: bool) -> None:
        if is_there:
            raise self._error(f"{what} stands there twice; write two rules")

    def _ports(self, end: str) -> tuple[int, int]:
        meant = f"behind {end} port stands a number of 0 to 65535 or a range such as 8000-8080"
        word = self._peek()
        if word is None:
            raise self._error(meant)
        if "," in word:
            raise self._error(f"{meant}; write a rule for each of several")
        low, dash, high = word.partition("-")
        numbers = [low, high if dash else low]
        if not all(n.isascii() and n.isdigit() and int(n) <= ALL_PORTS[1] for n in numbers):
            raise self._error(meant)
        first, last = map(int, numbers)
        if first > last:
            raise self._error(f"the range {word} ends before it begins; write {last}-{first}")
        self._next()
        return first, last

    def _network(self, end: str) -> Network | None:
        meant = (
            f"behind {end} stands an address, a prefix such as 10.0.0.0/8 or 2001:db8::/32, or one "
            "of two words"
        )
        word = self._peek()
        if word is None:
            raise self._error(meant + near("", ("any", "port")))
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            raise self._error(meant + near(word, ("any", "port"))) from None
        if "/" in word and ip_network(word.partition("/")[0]).network_address != (
            network.network_address
        ):
            raise self._error(f"{word} has bits behind its prefix; write {network}")
        self._next()
        return network

    def _check(self, rule: Rule) -> None:
        self._at = len(self._words)
        protocols = {number: name for name, number in PROTOCOLS.items()}
        if rule.ports and protocols.get(rule.protocol) not in WITH_PORTS:
            raise self._error("ports are of tcp, udp or sctp; name one in front of them")
        versions: set[int] = {n.version for n in rule.networks.values()}
        if rule.version:
            versions.add(rule.version)
        if len(versions) > 1:
            raise self._error("it names IPv4 and IPv6, which no packet is both of")

    def _unknown(self, word: str, *, first: bool) -> PathError:
        if word == "port":
            return self._error("in front of port stands src or dst")
        allowed = [*ENDS, *STATES]
        if first:
            allowed += [*VERSIONS, *PROTOCOLS]
        what = "a protocol, src, dst or a state" if first else "src, dst or a state"
        return self._error(f"here stands {what}{near(word, allowed)}")

    def _one_of(self, words: tuple[str, ...], meant: str) -> str:
        word = self._peek()
        if word not in words:
            raise self._error(meant + (near(word, words) if word else ""))
        return self._next()

    def _peek(self) -> str | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def _next(self) -> str:
        self._at += 1
        return self._words[self._at - 1]

    def _error(self, meant: str) -> PathError:
        word = self._peek()
        where = f"word {self._at + 1} {word!r}" if word is not None else "at its end"
        return PathError(f"rule {self._number} {self._text!r}, {where}: {meant}")
