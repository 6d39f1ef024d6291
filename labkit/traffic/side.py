# SPDX-License-Identifier: BSD-3-Clause
"""The frames of a capture that clients have sent, or servers (native/codec/capture_sides.c)."""

import base64
import ipaddress
import zlib
from dataclasses import dataclass, field
from typing import Any, Literal

from labkit.arguments.hints import is_many
from labkit.errors import LabError
from labkit.text import shown
from labkit.traffic.rewrite import MOST, Rewrite

SideName = Literal["client", "server"]


@dataclass(frozen=True)
class Side:
    """One of the two, and which frames are the clients'.

    Attributes
    ----------
    bits: bit n % 8 of byte n // 8 is 1: a client sent frame n
    """

    name: SideName
    frames: int
    bits: bytes = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the engine."""
        return {
            "frames": self.frames,
            "is_client": int(self.name == "client"),
            "bits": base64.b64encode(zlib.compress(self.bits, 1)).decode(),
        }


def clients_of(given: Any) -> Rewrite | None:
    """Networks of clients as the pairs that C looks addresses up in; None: there are none."""
    if given is None:
        return None
    texts = list(given) if is_many(given) else [given]
    if len(texts) > MOST:
        raise LabError(f"{len(texts)} networks of clients; at most {MOST}")
    nets = []
    for text in texts:
        try:
            if isinstance(text, int):
                raise ValueError
            nets.append(str(ipaddress.ip_network(text, strict=False)))
        except ValueError:
            raise LabError(
                f"clients is {shown(text)}; it is an IP network such as 10.0.0.0/8, or several"
            ) from None
    return Rewrite((), tuple((net, net) for net in nets), None)
