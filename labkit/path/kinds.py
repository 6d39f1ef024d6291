# SPDX-License-Identifier: BSD-3-Clause
"""The kinds of nodes that a path is made of, as in the native node table (node.c)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Value = str | int | float | list[str] | Mapping[str, Any] | None  # as in JSON
Params = Mapping[str, Value]

REQUIRED = "<required>"  # the value of a parameter that has to be given


@dataclass(frozen=True)
class NodeKind:
    """What may be said of a kind of node.

    Attributes
    ----------
    name: as in the native node table
    role: "source", "process" or "end"; sources have no input, ends no output
    outputs: names of its outputs
    params: its parameters with the values they have when not given; REQUIRED: to be given
    sentence: what it does
    reference: the RFC or tool it follows
    """

    name: str
    role: str
    outputs: tuple[str, ...]
    params: Params
    sentence: str
    reference: str = ""


_RESPONDER: Params = {"addresses": REQUIRED, "mac": None}

KINDS: Mapping[str, NodeKind] = {
    kind.name: kind
    for kind in (
        NodeKind(
            "rx",
            "source",
            ("next",),
            {"port": REQUIRED, "queue": 0},
            "Receives frames from a port.",
            "rte_eth_rx_burst",
        ),
        NodeKind(
            "inject", "source", ("next",), {"port": REQUIRED}, "Takes frames that Python sends."
        ),
        NodeKind(
            "probe_send",
            "source",
            ("next",),
            {"run": REQUIRED, "port": REQUIRED},
            "Sends the probes of an echo experiment.",
        ),
        NodeKind(
            "generate",
            "source",
            ("next",),
            {"run": REQUIRED, "port": REQUIRED},
            "Makes the frames of a trial when they are due.",
            "RFC 2544",
        ),
        NodeKind(
            "tx",
            "end",
            (),
            {"port": REQUIRED, "queue": 0},
            "Sends frames on a port.",
            "rte_eth_tx_burst",
        ),
        NodeKind("collect", "end", (), {"port": REQUIRED}, "Hands frames to Python."),
        NodeKind("sink", "end", (), {}, "Counts frames and frees them."),
        NodeKind(
            "capture",
            "process",
            ("next",),
            {"file": REQUIRED, "snaplen": 0},
            "Writes a copy of every frame to a pcapng file.",
            "draft-ietf-opsawg-pcapng",
        ),
        NodeKind(
            "arp_responder",
            "process",
            ("next", "other"),
            _RESPONDER,
            "Answers ARP requests for its addresses.",
            "RFC 826",
        ),
        NodeKind(
            "nd_responder",
            "process",
            ("next", "other"),
            _RESPONDER,
            "Answers neighbour solicitations for its addresses.",
            "RFC 4861",
        ),
        NodeKind(
            "icmp_echo",
            "process",
            ("next", "other"),
            _RESPONDER,
            "Answers ping and ping6.",
            "RFC 792, RFC 4443",
        ),
        NodeKind(
            "udp_echo",
            "process",
            ("next", "other"),
            {**_RESPONDER, "udp_port": 7},
            "Sends UDP datagrams back to their sender.",
            "RFC 768, RFC 862",
        ),
        NodeKind(
            "refuse",
            "end",
            (),
            {**_RESPONDER, "udp_port": None},
            "Drops a frame under the reason why an endpoint does not answer it.",
            "RFC 1122",
        ),
        NodeKind(
            "reflect",
            "process",
            ("next",),
            {},
            "Swaps MAC addresses, IP addresses and ports.",
            "testpmd 5tswap",
        ),
        NodeKind(
            "encap",
            "process",
            ("next",),
            {"tunnel": REQUIRED},
            "Puts frames into a tunnel.",
            "RFC 7348, RFC 8926, draft-ietf-intarea-gue-09",
        ),
        NodeKind(
            "decap",
            "process",
            ("next", "other"),
            {"tunnel": REQUIRED, "unknown_vni": "drop"},
            "Takes frames out of a tunnel.",
            "RFC 7348, RFC 8926, draft-ietf-intarea-gue-09",
        ),
        NodeKind(
            "impair",
            "process",
            ("next",),
            {
                "line": REQUIRED,
                "loss": 0.0,
                "duplicate": 0.0,
                "reorder": 0.0,
                "displacement": 3,
                "seed": 0,
            },
            "Loses, doubles and holds back frames at random.",
            "tc-netem",
        ),
        NodeKind(
            "impair_release",
            "source",
            ("next",),
            {"line": REQUIRED},
            "Lets go of frames that impair holds back.",
        ),
        NodeKind(
            "receive",
            "process",
            ("other",),
            {"run": REQUIRED},
            "Tracks and times the frames of a trial.",
            "RFC 4737",
        ),
        NodeKind(
            "probe_receive",
            "process",
            ("other",),
            {"run": REQUIRED},
            "Checks and times the answers to probes.",
        ),
    )
}


def outputs_of(kind: str) -> tuple[str, ...]:
    """Names of the outputs of a kind of node."""
    return KINDS[kind].outputs


def role_of(kind: str) -> str:
    """source, process or end."""
    return KINDS[kind].role
