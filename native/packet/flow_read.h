/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FLOW_READ_H
#define LK_FLOW_READ_H

#include "flow_key.h"

/* What a frame is to connections: a packet of one, a part of one, an error about one. */
enum lk_flow_what {
	LK_FLOW_NONE, /* no IP, or what belongs to the link: ARP, neighbour discovery */
	LK_FLOW_PACKET,
	LK_FLOW_FIRST, /* the first fragment of a packet */
	LK_FLOW_LATER, /* a later one: no ports; l4 is 0 */
	LK_FLOW_ERROR, /* an ICMP error; key: the quoted packet turned round, the way it goes itself
			*/
	LK_FLOW_INVALID, /* a header that cannot be, or an ICMP type that nobody knows */
};

struct lk_flow_frame {
	struct lk_flow_key key;
	uint64_t hash;
	uint64_t packet; /* of a fragment: the hash of the packet that it is part of */
	uint32_t identification;
	uint16_t l3, l4, l4_length;    /* bytes from l4 to the end of the packet */
	uint16_t quoted_l3, quoted_l4; /* of an error; 0: none */
	uint16_t end;		       /* of the IP packet */
	uint8_t what;
	uint8_t tcp_flags;
	uint8_t is_request; /* of an ICMP query */
};

#define LK_ICMP_HEADER 8u

enum lk_icmp_sort {
	LK_ICMP_LINK,  /* neighbours and groups, between the ends of a link */
	LK_ICMP_OTHER, /* nobody knows what of */
	LK_ICMP_QUERY,
	LK_ICMP_REPLY,
	LK_ICMP_ERROR,
};

/* RFC 792, RFC 950, RFC 4443, RFC 4620; *query: which of them. */
static inline enum lk_icmp_sort
lk_icmp_sort(uint8_t version, uint8_t type, uint8_t *query)
{
	*query = 0;
	if (version == 4) {
		switch (type) {
		case 3:	 /* unreachable */
		case 4:	 /* source quench */
		case 5:	 /* redirect */
		case 11: /* time exceeded */
		case 12: /* parameter problem */
			return LK_ICMP_ERROR;
		case 8: /* echo */
			return LK_ICMP_QUERY;
		case 0:
			return LK_ICMP_REPLY;
		case 13: /* timestamp, */
		case 15: /* information, */
		case 17: /* address mask: the reply is one more */
			*query = (uint8_t)((type - 11) / 2);
			return LK_ICMP_QUERY;
		case 14:
		case 16:
		case 18:
			*query = (uint8_t)((type - 12) / 2);
			return LK_ICMP_REPLY;
		default:
			return LK_ICMP_OTHER;
		}
	}
	if (type < 128)
		return LK_ICMP_ERROR;
	/* RFC 2710, RFC 4861; RFC 3122, RFC 3810; RFC 3971; RFC 4286 */
	if ((type >= 130 && type <= 137) || (type >= 141 && type <= 143) || type == 148 ||
	    type == 149 || (type >= 151 && type <= 153))
		return LK_ICMP_LINK;
	*query = type >= 139; /* node information */
	if (type == LK_ICMPV6_ECHO_REQUEST || type == 139)
		return LK_ICMP_QUERY;
	return type == LK_ICMPV6_ECHO_REPLY || type == 140 ? LK_ICMP_REPLY : LK_ICMP_OTHER;
}

/* Who asks has the identifier, and who answers its complement: a query that goes the other way
 * under the same identifier is another one. */
static inline void
lk_flow_query(struct lk_flow_key *key, uint16_t identifier, uint8_t query, int is_request)
{
	key->kind |= (uint8_t)(query << 4);
	key->from_port = is_request ? identifier : (uint16_t)~identifier;
	key->to_port = (uint16_t)~key->from_port;
}

/*
 * The packet that an ICMP error quotes, of which eight bytes behind the IP header may be all. The
 * quote stands at h->quoted_l3 and ends at h->end. 0: it tells no connection.
 */
static inline int
lk_flow_quoted(const uint8_t *frame, uint8_t version, struct lk_flow_frame *h)
{
	const uint8_t *ip = frame + h->quoted_l3, *l4;
	uint32_t room = (uint32_t)h->end - h->quoted_l3;
	uint32_t at = version == 4 ? LK_IPV4_LENGTH : LK_IPV6_LENGTH;
	struct lk_flow_key key = {0};
	uint8_t query;

	if (room < at || ip[0] >> 4 != version)
		return 0;
	lk_flow_addresses(&key, ip, version);
	if (version == 4) {
		at = (ip[0] & 15u) * 4;
		if (at < LK_IPV4_LENGTH || (lk_get16(ip + 6) & 0x1fff) != 0)
			return 0;
		key.protocol = ip[9];
	} else {
		key.protocol = ip[6];
		for (int i = 0;
		     i < (int)LK_MAX_EXTENSIONS && at + 8 <= room &&
		     (key.protocol == LK_PROTO_HOP_BY_HOP || key.protocol == LK_PROTO_ROUTING ||
		      key.protocol == LK_PROTO_FRAGMENT || key.protocol == LK_PROTO_DESTINATION);
		     i++) {
			int is_fragment = key.protocol == LK_PROTO_FRAGMENT;

			if (is_fragment && (lk_get16(ip + at + 2) & 0xfff8) != 0)
				return 0;
			key.protocol = ip[at];
			at += is_fragment ? 8 : (ip[at + 1] + 1u) * 8;
		}
	}
	if (at + 8 > room)
		return 0;
	h->quoted_l4 = (uint16_t)(h->quoted_l3 + at);
	l4 = ip + at;
	if (lk_has_ports(key.protocol)) {
		key.from_port = lk_get16(l4);
		key.to_port = lk_get16(l4 + 2);
	} else if (lk_is_query(version, key.protocol)) {
		enum lk_icmp_sort sort = lk_icmp_sort(version, l4[0], &query);

		if (sort != LK_ICMP_QUERY && sort != LK_ICMP_REPLY)
			return 0; /* RFC 1122 3.2.2: there is no error about an error */
		lk_flow_query(&key, lk_get16(l4 + 4), query, sort == LK_ICMP_QUERY);
	}
	/* It goes to who sent what it quotes; another one was made up. */
	if (memcmp(h->key.to, key.from, sizeof(key.from)) != 0)
		return 0;
	h->key = lk_flow_key_turned(&key);
	return 1;
}

static inline void
lk_flow_icmp(const uint8_t *frame, uint8_t version, struct lk_flow_frame *h)
{
	const uint8_t *icmp = frame + h->l4;
	uint8_t query, hops;

	if (h->l4_length < LK_ICMP_HEADER) {
		h->what = LK_FLOW_INVALID;
		return;
	}
	switch (lk_icmp_sort(version, icmp[0], &query)) {
	case LK_ICMP_LINK: /* of which no router has let any through (RFC 4861 6.1, RFC 3810 5) */
		hops = frame[h->l3 + 7];
		h->what = hops == 255 || hops == 1 ? LK_FLOW_NONE : LK_FLOW_INVALID;
		return;
	case LK_ICMP_OTHER:
		h->what = LK_FLOW_INVALID;
		return;
	case LK_ICMP_QUERY:
		h->is_request = 1;
		/* fall through */
	case LK_ICMP_REPLY:
		lk_flow_query(&h->key, lk_get16(icmp + 4), query, h->is_request);
		return;
	case LK_ICMP_ERROR:
		h->what = h->what == LK_FLOW_PACKET ? LK_FLOW_ERROR : LK_FLOW_INVALID;
		h->quoted_l3 = (uint16_t)(h->l4 + LK_ICMP_HEADER);
		if (!lk_flow_quoted(frame, version, h))
			h->what = LK_FLOW_INVALID;
		return;
	}
}

static inline void
lk_flow_ports(const uint8_t *frame, struct lk_flow_frame *h)
{
	const uint8_t *l4 = frame + h->l4;
	uint16_t least = 8; /* of UDP; SCTP has 12 */

	if (h->key.protocol == LK_PROTO_TCP) {
		uint32_t header = h->l4_length < 20 ? 0 : (l4[12] >> 4) * 4u;

		if (header < 20 || header > h->l4_length) {
			h->what = LK_FLOW_INVALID;
			return;
		}
		h->tcp_flags = l4[13];
	} else if (h->key.protocol == LK_PROTO_SCTP) {
		least = 12;
	}
	if (h->l4_length < least) {
		h->what = LK_FLOW_INVALID;
		return;
	}
	h->key.from_port = lk_get16(l4);
	h->key.to_port = lk_get16(l4 + 2);
}

/* What is behind the IP header, which was found good. */
static inline void
lk_flow_upper(const uint8_t *frame, uint8_t version, struct lk_flow_frame *h)
{
	if (lk_has_ports(h->key.protocol))
		lk_flow_ports(frame, h);
	else if (lk_is_query(version, h->key.protocol))
		lk_flow_icmp(frame, version, h);
}

static inline void
lk_flow_fragment(const uint8_t *frame, const struct lk_headers *headers, struct lk_flow_frame *h)
{
	const uint8_t *ip = frame + h->l3, *header = frame + headers->at;
	uint32_t offset;

	if (headers->ip_version == 4) {
		h->identification = lk_get16(ip + 4);
		offset = lk_get16(ip + 6) & 0x1fff;
	} else {
		h->identification = lk_get32(header + 4);
		offset = lk_get16(header + 2) >> 3;
		h->key.protocol = header[0];
		h->l4 = (uint16_t)(headers->at + 8);
		h->l4_length = (uint16_t)(h->end - h->l4);
	}
	h->what = offset == 0 ? LK_FLOW_FIRST : LK_FLOW_LATER;
	if (offset == 0) {
		lk_flow_upper(frame, headers->ip_version, h);
	} else {
		h->l4 = 0;
		h->l4_length = 0;
	}
}

/*
 * LK_next, and what the frame is in *h; or what is wrong with its IP header. A frame that is no IP
 * is none of a connection.
 */
static inline enum lk_verdict
lk_flow_read(const uint8_t *frame, uint32_t length, struct lk_flow_frame *h)
{
	struct lk_headers headers;
	enum lk_verdict verdict = lk_parse(frame, length, &headers);
	const uint8_t *ip = frame + headers.l3;

	*h = (struct lk_flow_frame){.what = LK_FLOW_NONE, .l3 = headers.l3};
	if (headers.ip_version == 0)
		return verdict;
	if (verdict != LK_next && verdict != LK_ipv4_fragment && verdict != LK_ipv6_fragment)
		return verdict;
	h->what = LK_FLOW_PACKET;
	h->l4 = headers.l4;
	h->l4_length = headers.l4_length;
	h->end = (uint16_t)(headers.l3 + (headers.ip_version == 4
						  ? lk_get16(ip + 2)
						  : LK_IPV6_LENGTH + lk_get16(ip + 4)));
	lk_flow_addresses(&h->key, ip, headers.ip_version);
	h->key.protocol = headers.protocol;
	if (verdict == LK_next)
		lk_flow_upper(frame, headers.ip_version, h);
	else
		lk_flow_fragment(frame, &headers, h);
	return LK_next;
}

/* By which a table finds it. The ports of a fragment are those of its first one. */
static inline void
lk_flow_hash(struct lk_flow_frame *h, uint64_t seed)
{
	struct lk_flow_key packet;

	if (h->what == LK_FLOW_NONE || h->what == LK_FLOW_INVALID)
		return;
	h->hash = lk_flow_key_hash(&h->key, seed);
	if (h->what != LK_FLOW_FIRST && h->what != LK_FLOW_LATER)
		return;
	packet = h->key;
	packet.from_port = packet.to_port = 0;
	packet.kind &= 15;
	/* Its sender numbers packets, so both ways may have the same number. */
	h->packet = lk_mix(lk_flow_key_hash(&packet, seed) +
				   lk_hash_address(&packet, packet.from, 0, ~seed),
			   seed ^ h->identification);
}

#endif
