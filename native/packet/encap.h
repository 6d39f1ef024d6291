/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ENCAP_H
#define LK_ENCAP_H

#include "flow.h"
#include "tunnel.h"

#define LK_EPHEMERAL_PORTS 0xc000u /* 49152 to 65535: RFC 7348 5 */

/* Room before the frame, made by moving it up in its buffer where there is too little. */
static inline int
lk_make_headroom(struct lk_frame *f, uint32_t wanted)
{
	uint32_t missing = wanted - f->headroom;

	if (f->headroom >= wanted)
		return 1;
	if (f->tailroom < missing)
		return 0;
	memmove(f->data + missing, f->data, f->length);
	f->data += missing;
	f->headroom += missing;
	f->tailroom -= missing;
	return 1;
}

/* memcpy of 32 to 128 bytes without a call and a loop: both ends, which overlap. */
static inline void
lk_copy_header(uint8_t *to, const uint8_t *from, uint32_t n)
{
	if (n - 32 <= 32) {
		memcpy(to, from, 32);
		memcpy(to + n - 32, from + n - 32, 32);
	} else if (n - 64 <= 64) {
		memcpy(to, from, 64);
		memcpy(to + n - 64, from + n - 64, 64);
	} else {
		memcpy(to, from, n);
	}
}

/* The type of what an IP tunnel carries, in the tunnel header; as a word of the UDP checksum. */
static inline uint16_t
lk_write_payload_type(uint8_t *tunnel, const struct lk_tunnel *t, uint16_t ether_type)
{
	uint16_t word;

	if (t->payload != LK_IP || (t->protocol == LK_GUE && t->gue_variant == 1))
		return 0;
	if (t->protocol == LK_GENEVE) {
		lk_put16(tunnel + 2, ether_type);
		return lk_sum_word(ether_type);
	}
	word = ether_type == LK_TYPE_IPV4 ? LK_PROTO_IPV4 : LK_PROTO_IPV6;
	lk_put16(tunnel, word);
	return lk_sum_word(word);
}

static inline void
lk_finish_ipv4(uint8_t *ip, const struct lk_tunnel *t, uint8_t traffic_class, uint16_t length,
	       uint16_t id)
{
	uint64_t sum = t->ip_sum + lk_sum_word(traffic_class) + lk_sum_word(length);

	ip[1] = traffic_class;
	lk_put16(ip + 2, length);
	lk_put16(ip + 4, id);
	lk_store_checksum(ip + 10, sum + lk_sum_word(id));
}

/* The flow label carries the flow's hash as well: RFC 6438. */
static inline void
lk_finish_ipv6(uint8_t *ip, const struct lk_tunnel *t, uint8_t traffic_class, uint16_t length,
	       uint64_t hash)
{
	uint32_t label = t->source_port == 0 ? (uint32_t)(hash >> 24) & 0xfffff : 0;

	lk_put32(ip, 6u << 28 | (uint32_t)traffic_class << 20 | label);
	lk_put16(ip + 4, (uint16_t)(length - LK_IPV6_LENGTH));
}

/* A checksum that comes out as 0 is sent as all ones: 0 says that there is none (RFC 768). */
static inline void
lk_store_udp_checksum(uint8_t *field, uint64_t sum)
{
	lk_store_checksum(field, sum);
	if (lk_get16(field) == 0)
		lk_put16(field, 0xffff);
}

/*
 * Puts a frame into a tunnel that lk_tunnel_prepare has made ready. ECN is copied to the outer
 * header (RFC 6040 4.1, normal mode); TTL is fresh; the UDP source port tells flows apart.
 */
static inline enum lk_verdict
lk_encap(struct lk_frame *f, const struct lk_tunnel *t)
{
	uint32_t left_out = t->payload == LK_IP ? LK_ETHER_LENGTH : 0;
	uint32_t grows = t->header_length - left_out, ip_length;
	uint16_t source_port, udp_length, ether_type, type_word, id = 0;
	struct lk_flow flow;
	uint8_t *p, *ip, *udp, traffic_class;

	if (f->length < LK_ETHER_LENGTH)
		return LK_eth_truncated;
	flow = lk_flow_of(f->data, f->length);
	ether_type = lk_get16(f->data + 12);
	if (t->payload == LK_IP &&
	    (flow.version == 0 || (ether_type != LK_TYPE_IPV4 && ether_type != LK_TYPE_IPV6)))
		return LK_tunnel_unhandled_payload;
	ip_length = f->length + grows - LK_ETHER_LENGTH;
	if (ip_length > t->mtu)
		return LK_tunnel_too_long;
	if (!lk_make_headroom(f, grows))
		return LK_no_room;
	/* A packet that may be fragmented is known by the identification of what it carries. */
	if (!t->is_df_set && flow.version == 4)
		id = lk_get16(f->data + flow.l3 + 4);
	f->data -= grows;
	f->headroom -= grows;
	f->length += grows;
	p = f->data;
	lk_copy_header(p, t->header, t->header_length);

	traffic_class = flow.traffic_class;
	if (!t->is_uniform || flow.version == 0)
		traffic_class = (uint8_t)(t->dscp << 2 | (traffic_class & LK_ECN));
	ip = p + LK_ETHER_LENGTH;
	if (t->ip_version == 4)
		lk_finish_ipv4(ip, t, traffic_class, (uint16_t)ip_length, id);
	else
		lk_finish_ipv6(ip, t, traffic_class, (uint16_t)ip_length, flow.hash);

	udp = p + t->udp_at;
	udp_length = (uint16_t)(f->length - t->udp_at);
	source_port = t->source_port != 0 ? t->source_port
					  : (uint16_t)(LK_EPHEMERAL_PORTS | flow.hash >> 50);
	lk_put16(udp, source_port);
	lk_put16(udp + 4, udp_length);
	type_word = lk_write_payload_type(udp + LK_UDP_LENGTH, t, ether_type);
	if (t->sends_checksum)
		lk_store_udp_checksum(
			udp + 6, lk_sum_long(p + t->header_length, f->length - t->header_length,
					     t->udp_sum + lk_sum_word(source_port) +
						     2u * lk_sum_word(udp_length) + type_word));
	return LK_next;
}

#endif
