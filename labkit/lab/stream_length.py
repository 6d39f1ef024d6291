# SPDX-License-Identifier: BSD-3-Clause
"""How long the frames of a stream may be on a port."""

from labkit.errors import LabError
from labkit.lab.port import Port
from labkit.packet.link import ETHERNET, MOST_VLAN_TAGS, VLAN_TAG
from labkit.traffic.replay import Replay
from labkit.traffic.sizes import FCS
from labkit.traffic.stream import Stream


def check_length(port: Port, stream: Stream | Replay) -> None:
    """Raises LabError for frames that the port does not send."""
    longest = port.mtu + ETHERNET + FCS + VLAN_TAG * _vlan_tags(stream)
    if stream.sizes.longest > longest:
        raise LabError(
            f"size {stream.sizes.longest} exceeds what port {port.name} sends: MTU {port.mtu} "
            f"carries frames up to {longest} bytes with FCS; choose a shorter one, or open the "
            "port with a larger mtu"
        )


def _vlan_tags(stream: Stream | Replay) -> int:
    from scapy.layers.l2 import Dot1AD, Dot1Q

    if isinstance(stream, Replay):
        return MOST_VLAN_TAGS
    tags, layer = 0, stream.packet.payload
    while isinstance(layer, (Dot1Q, Dot1AD)):
        tags, layer = tags + 1, layer.payload
    return min(tags, MOST_VLAN_TAGS)
