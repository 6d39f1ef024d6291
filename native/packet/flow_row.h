/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FLOW_ROW_H
#define LK_FLOW_ROW_H

#include <stdint.h>

#define LK_FLOW_HOLES 8u

/* What tells a flow: the 5-tuple of the innermost packet, its VLAN, and the tunnel around it. */
struct lk_flow_key {
	uint8_t source[16]; /* of IPv4 the first four */
	uint8_t destination[16];
	uint32_t vni;
	uint16_t source_port;
	uint16_t destination_port;
	uint16_t vlan;
	uint8_t version;
	uint8_t protocol;
	uint8_t tunnel; /* enum lk_layer_kind; 0: none */
	uint8_t has_ports;
	uint8_t has_vni;
	uint8_t has_vlan;
};

/* One direction of a conversation. */
struct lk_flow_row {
	struct lk_flow_key key;
	uint64_t frames;
	uint64_t bytes;	  /* on the wire */
	uint64_t payload; /* bytes behind the header of what IP carries */
	uint64_t first_frame;
	int64_t first_ns;
	int64_t last_ns;
	int64_t longest_pause_ns; /* between one frame and the next */
	uint64_t retransmissions;
	uint64_t out_of_order;
	uint64_t gaps;
	uint64_t missing; /* bytes that nobody saw */
	int64_t reverse;  /* number of the row of the other direction; -1: none */
	uint16_t flags;	  /* of TCP, of all frames */
	uint8_t has_time;
	uint8_t has_sequence;
	uint8_t has_tcp; /* a header of TCP was there */
	uint32_t next;	 /* sequence number behind the highest byte */
	uint32_t hole_count;
	uint32_t holes_from[LK_FLOW_HOLES];
	uint32_t holes_to[LK_FLOW_HOLES];
};

#endif
