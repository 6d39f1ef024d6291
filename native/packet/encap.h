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
	uint32_t sum = (uint32_t)t->ip_sum + lk_sum_word(traffic_class) + lk_sum_word(length) +
		       lk_sum_word(id);
	uint16_t checksum = (uint16_t)~lk_fold_short(sum);

	lk_put64(ip, (uint64_t)(0x4500u | traffic_class) << 48 | (uint64_t)length << 32 |
			     (uint64_t)id << 16 | (t->is_df_set ? 0x4000 : 0));
	memcpy(ip + 10, &checksum, 2);
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
static inline uint16_t
lk_udp_checksum(uint64_t sum)
{
	uint16_t checksum = lk_sum_word((uint16_t)~lk_fold(sum));

	return checksum == 0 ? 0xffff : checksum;
}

/* A 16-bit field in a 64-bit word that is stored at once: `at` is the byte of the word. */
static inline uint64_t
lk_field(uint16_t value, unsigned int at)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint64_t)lk_sum_word(value) << at * 8;
#else
	return (uint64_t)value << (6 - at) * 8;
#endif
}

static inline void
lk_store_with(uint8_t *to, const uint8_t *from, uint64_t fields)
{
	uint64_t word = lk_load64(from) | fields;

	memcpy(to, &word, sizeof(word));
}

/* Over IPv4 without a UDP checksum: the header in words, each with the fields that a frame decides,
 * so that no byte is stored twice. */
static inline void
lk_write_plain_ipv4(uint8_t *p, const struct lk_tunnel *t, const struct lk_flow *flow,
		    uint16_t ip_length)
{
	uint8_t traffic_class = (uint8_t)(t->dscp << 2 | (flow->traffic_class & LK_ECN));
	uint16_t source_port = (uint16_t)(LK_EPHEMERAL_PORTS | flow->hash >> 50);
	uint32_t sum = (uint32_t)t->ip_sum + lk_sum_word(traffic_class) + lk_sum_word(ip_length);
	const uint8_t *h = t->header;

	memcpy(p, h, 12);
	lk_store_with(p + 12, h + 12, lk_field(traffic_class, 2) | lk_field(ip_length, 4));
	lk_store_with(p + 20, h + 20, lk_field(lk_sum_word((uint16_t)~lk_fold_short(sum)), 4));
	lk_store_with(p + 28, h + 28, lk_field(source_port, 6));
	lk_store_with(p + 36, h + 36, lk_field((uint16_t)(ip_length - LK_IPV4_LENGTH), 2));
	if (t->header_length == 50)
		memcpy(p + 42, h + 42, 8);
	else
		memcpy(p + 44, h + 44, t->header_length - 44u);
}

static inline void
lk_write_plain_ipv6(uint8_t *p, const struct lk_tunnel *t, const struct lk_flow *flow,
		    uint16_t ip_length)
{
	uint8_t traffic_class = (uint8_t)(t->dscp << 2 | (flow->traffic_class & LK_ECN));
	uint16_t source_port = (uint16_t)(LK_EPHEMERAL_PORTS | flow->hash >> 50);
	uint16_t udp_length = (uint16_t)(ip_length - LK_IPV6_LENGTH);
	uint64_t sum = t->udp_sum + lk_sum_word(source_port) + 2u * lk_sum_word(udp_length);
	const uint8_t *inner = p + t->header_length;

	lk_copy_header(p, t->header, t->header_length);
	lk_finish_ipv6(p + LK_ETHER_LENGTH, t, traffic_class, ip_length, flow->hash);
	sum = lk_sum_long(inner, udp_length + LK_ETHER_LENGTH + LK_IPV6_LENGTH - t->header_length,
			  sum);
	lk_put64(p + LK_ETHER_LENGTH + LK_IPV6_LENGTH,
		 (uint64_t)source_port << 48 | (uint64_t)t->udp_port << 32 |
			 (uint32_t)udp_length << 16 | lk_udp_checksum(sum));
}

/* Every field as the tunnel's settings want it. `frame` still is the frame inside. */
static inline void
lk_write_headers(uint8_t *p, const struct lk_tunnel *t, const struct lk_flow *flow,
		 const uint8_t *frame, uint32_t ip_length)
{
	uint16_t udp_length = (uint16_t)(ip_length + LK_ETHER_LENGTH - t->udp_at);
	uint16_t ether_type = lk_get16(frame + 12), type_word, id = 0;
	uint16_t source_port = t->source_port != 0
				       ? t->source_port
				       : (uint16_t)(LK_EPHEMERAL_PORTS | flow->hash >> 50);
	uint8_t *udp = p + t->udp_at, traffic_class = flow->traffic_class;
	uint64_t sum;

	/* A packet that may be fragmented is known by the identification of what it carries. */
	if (!t->is_df_set && flow->version == 4)
		id = lk_get16(frame + flow->l3 + 4);
	if (!t->is_uniform || flow->version == 0)
		traffic_class = (uint8_t)(t->dscp << 2 | (traffic_class & LK_ECN));
	lk_copy_header(p, t->header, t->header_length);
	if (t->ip_version == 4)
		lk_finish_ipv4(p + LK_ETHER_LENGTH, t, traffic_class, (uint16_t)ip_length, id);
	else
		lk_finish_ipv6(p + LK_ETHER_LENGTH, t, traffic_class, (uint16_t)ip_length,
			       flow->hash);
	lk_put16(udp, source_port);
	lk_put16(udp + 4, udp_length);
	type_word = lk_write_payload_type(udp + LK_UDP_LENGTH, t, ether_type);
	if (!t->sends_checksum)
		return;
	sum = t->udp_sum + lk_sum_word(source_port) + 2u * lk_sum_word(udp_length) + type_word;
	lk_put16(udp + 6,
		 lk_udp_checksum(lk_sum_long(p + t->header_length,
					     ip_length + LK_ETHER_LENGTH - t->header_length, sum)));
}

/*
 * Puts a frame into a tunnel that lk_tunnel_prepare has made ready. ECN is copied to the outer
 * header (RFC 6040 4.1, normal mode); TTL is fresh; the UDP source port tells flows apart.
 */
static inline enum lk_verdict
lk_encap(struct lk_frame *f, const struct lk_tunnel *t)
{
	uint32_t grows = t->header_length, ip_length;
	struct lk_flow flow;

	if (f->length < LK_ETHER_LENGTH)
		return LK_eth_truncated;
	flow = lk_flow_of(f->data, f->length);
	if (t->payload == LK_IP) {
		if (flow.version == 0 || flow.l3 != LK_ETHER_LENGTH)
			return LK_tunnel_unhandled_payload;
		grows -= LK_ETHER_LENGTH;
	}
	ip_length = f->length + grows - LK_ETHER_LENGTH;
	if (ip_length > t->mtu)
		return LK_tunnel_too_long;
	if (!lk_make_headroom(f, grows))
		return LK_no_room;
	f->data -= grows;
	f->headroom -= grows;
	f->length += grows;
	if (!t->is_plain)
		lk_write_headers(f->data, t, &flow, f->data + grows, ip_length);
	else if (t->ip_version == 4)
		lk_write_plain_ipv4(f->data, t, &flow, (uint16_t)ip_length);
	else
		lk_write_plain_ipv6(f->data, t, &flow, (uint16_t)ip_length);
	return LK_next;
}

#endif
