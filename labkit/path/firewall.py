# SPDX-License-Identifier: BSD-3-Clause
"""The node that lets frames pass by rules."""

from typing import Annotated, Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.cells import Cell
from labkit.path.chain import Node
from labkit.path.declaration import node
from labkit.path.firewall_rules import RulesType, is_stateful, rules_in
from labkit.path.function_types import OwnState, State
from labkit.path.release import new_state
from labkit.path.types import Name
from labkit.path.values import ChoiceType, Params

BOTH = ("next", "other")
REFERENCE = "RFC 2979, rte_acl"
Rules = Annotated[list[str], RulesType()]
Default = Annotated[Literal["deny", "permit"], ChoiceType(("deny", "permit"))]


def _asks_connections(params: Params) -> bool:
    rules = params["rules"]
    assert isinstance(rules, list)
    return is_stateful(rules)


@node(
    role="process",
    kind="firewall",
    back="firewall_back",
    outputs=BOTH,
    reference=REFERENCE,
    asks_connections=_asks_connections,
    counters=("permitted", "denied", "unfiltered"),
    table={
        "rule": Cell.WHOLE,
        "text": Cell.word_of("rules", "default"),
        "action": Cell.choice("deny", "permit"),
        "packets": Cell.WHOLE,
        "bytes": Cell.WHOLE,
    },
)
def filtering(
    state: OwnState, rules: Rules, default: Default = "deny", *, name: Name = None
) -> None:
    """Lets frames pass by rules of which the first that matches counts."""


@node(role="process", kind="firewall_back", outputs=BOTH, reference=REFERENCE)
def filtering_back(state: State, *, name: Name = None) -> None:
    """The other direction through a firewall."""


@checked(PathError, but=EVERY)
def firewall(
    *rules: str, default: Literal["deny", "permit"] = "deny", name: str | None = None
) -> Node:
    """Lets packets pass by rules: the first one that matches decides, or the default.

        lk.firewall("permit tcp dst port 443 new", "permit established", "permit related")

    A rule is

        permit|deny [PROTOCOL] [src PREFIX] [dst PREFIX] [src port N[-M]] [dst port N[-M]] [STATES]

    PROTOCOL: tcp, udp, icmp (of IPv4 and ICMPv6), sctp, gre, esp; ip (IPv4), ip6 or any
    PREFIX: an address, a prefix such as 10.0.0.0/8 or 2001:db8::/32, or any
    STATES: what the packet is to its connection, one of those that are named: new (nothing has come
    back yet), established, related (an ICMP error about it), invalid, untracked. They need a
    lk.conntrack() in front, in every chain that the firewall is in; without them a firewall keeps
    no account of connections.

    Rules may stand in one text, a line each; # begins a comment. Both directions may go through the
    same object, as through lk.conntrack(). A rule with ports takes no fragment but the first of a
    packet; behind a lk.conntrack() the others are known by their connection.

    Behind a lk.conntrack() a connection whose first packet is denied is forgotten again. What is
    denied leaves by `other`, or ends in drop_firewall_denied where nothing is behind it.
    What is no IP passes, and neighbour discovery that comes from the link (its hop limit, 255 or 1,
    tells). RunningPath.tables has packets and bytes of each
    rule by node, in its last row those of the default; RunningPath.counters.functions what was
    permitted, denied, or unfiltered.
    """
    return filtering(new_state(), rules_in(rules), default, name=name)
