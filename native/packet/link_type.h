/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_LINK_TYPE_H
#define LK_LINK_TYPE_H

/* Link types of captures (https://www.tcpdump.org/linktypes.html) that become Ethernet here. */
#define LK_LINK_NULL	 0u
#define LK_LINK_ETHERNET 1u
#define LK_LINK_PPP	 9u
#define LK_LINK_RAW_BSD	 12u
#define LK_LINK_RAW_BSDI 14u
#define LK_LINK_RAW	 101u
#define LK_LINK_LOOP	 108u
#define LK_LINK_SLL	 113u
#define LK_LINK_IPV4	 228u
#define LK_LINK_IPV6	 229u
#define LK_LINK_SLL2	 276u

#endif
