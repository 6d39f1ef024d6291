# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that put VLAN tags on frames, take them off, and change them."""

from labkit.path.declaration import node
from labkit.path.types import Name
from labkit.path.vlan_types import Flag, Pcp, TagType, Translation, Vid

BOTH = ("next", "other")
TAGS = "IEEE 802.1Q 9.6"


@node(role="process", reference=TAGS)
def vlan_push(
    vid: Vid, pcp: Pcp = 0, dei: Flag = False, tpid: TagType = "802.1Q", *, name: Name = None
) -> None:
    """Puts a VLAN tag in front of all others.

        lk.rx(a) >> lk.vlan_push(10) >> lk.vlan_push(100, tpid="802.1ad") >> lk.tx(b)

    vid: VLAN ID, 1 to 4094; 0: the tag tells a priority only
    pcp: priority, 0 to 7
    dei: the frame may be dropped before others
    tpid: the tag's type, "802.1Q" (0x8100), or "802.1ad" (0x88a8), the outer tag of two (QinQ)

    A port's MTU leaves room for two tags; a frame that grows beyond it ends in drop_tx_too_long.
    One whose buffer has no room for the tag ends in drop_no_room.
    """


@node(role="process", outputs=BOTH, reference=TAGS)
def vlan_pop(*, name: Name = None) -> None:
    """Takes off the outermost VLAN tag, of 802.1Q or 802.1ad.

    A frame without one leaves by `other`, unchanged; without an edge there it ends in
    drop_vlan_untagged.
    """


@node(role="process", outputs=BOTH, reference="IEEE 802.1Q 6.9")
def vlan_translate(vlans: Translation, *, name: Name = None) -> None:
    """Changes the VLAN ID of the outermost tag; priority and type stay.

        lk.rx(a) >> lk.vlan_translate({10: 20, 11: 21}) >> lk.tx(b)

    vlans: the new ID by the old one, 1 to 4094 each

    A frame without a tag, or with another VLAN, leaves by `other`, unchanged; without an edge there
    it ends in drop_vlan_untagged or drop_vlan_unknown.
    """
