# SPDX-License-Identifier: BSD-3-Clause
"""Lengths of the link layer in bytes, and how much longer than its MTU a port's frame may be."""

ETHERNET = 14
VLAN_TAG = 4
MOST_VLAN_TAGS = 2
# LK_LINK_OVERHEAD of native/packet/headers.h, told again because ports are declared without C
LINK_OVERHEAD = ETHERNET + MOST_VLAN_TAGS * VLAN_TAG
