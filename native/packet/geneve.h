/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_GENEVE_H
#define LK_GENEVE_H

#include "tunnel.h"

#define LK_GENEVE_LENGTH   8u
#define LK_GENEVE_CONTROL  0x80
#define LK_GENEVE_CRITICAL 0x40
#define LK_OPTION_CRITICAL 0x80

static inline int
lk_knows_option(const struct lk_tunnel *t, uint32_t option)
{
	for (uint32_t i = 0; i < t->known_count; i++)
		if (t->known[i] == option)
			return 1;
	return 0;
}

/* RFC 8926 3.5: every option inside of the options, and no critical one that is unknown. */
static inline enum lk_verdict
lk_walk_options(const uint8_t *frame, uint32_t at, uint32_t end, const struct lk_tunnel *t,
		struct lk_decapsulated *d)
{
	uint32_t size;

	for (; at < end; at += size) {
		const uint8_t *option = frame + at;

		/* Both lengths count words of 4 bytes, so an option's header is there. */
		size = 4 + (option[3] & 31u) * 4;
		if (size > end - at)
			return lk_tunnel_refused(d, at + 3, LK_geneve_bad_option_length);
		if ((option[2] & LK_OPTION_CRITICAL) && !lk_knows_option(t, lk_get32(option) >> 8))
			return lk_tunnel_refused(d, at, LK_geneve_critical_option);
	}
	return LK_next;
}

/* Linux takes IP where its device was made for it (innerprotoinherit), Open vSwitch never. */
static inline int
lk_takes_ip(const struct lk_tunnel *t)
{
	return t->strictness == LK_RFC || (t->strictness == LK_LINUX && t->payload == LK_IP);
}

/* RFC 8926 3.4, from `at` to `end`. */
static inline enum lk_verdict
lk_open_geneve(const uint8_t *frame, uint32_t at, uint32_t end, const struct lk_tunnel *t,
	       struct lk_decapsulated *d)
{
	const uint8_t *p = frame + at;
	uint16_t type;

	if (end - at < LK_GENEVE_LENGTH)
		return lk_tunnel_refused(d, end, LK_geneve_truncated);
	if (p[0] >> 6 != 0)
		return lk_tunnel_refused(d, at, LK_geneve_bad_version);
	d->vni = lk_get32(p + 4) >> 8;
	d->options = (uint16_t)(at + LK_GENEVE_LENGTH);
	d->options_length = (uint16_t)((p[0] & 63u) * 4);
	d->inner = (uint16_t)(d->options + d->options_length);
	if (d->inner > end)
		return lk_tunnel_refused(d, at, LK_geneve_bad_options_length);
	/* Linux and Open vSwitch take control packets as payload. */
	if (t->strictness == LK_RFC && (p[1] & LK_GENEVE_CONTROL))
		return lk_tunnel_refused(d, at + 1, LK_geneve_control);
	if (t->strictness == LK_LINUX) {
		/* Its device knows no option, believes the C bit, and looks no further. */
		if (p[1] & LK_GENEVE_CRITICAL)
			return lk_tunnel_refused(d, at + 1, LK_geneve_critical_option);
	} else if (d->options_length != 0) {
		enum lk_verdict verdict = lk_walk_options(frame, d->options, d->inner, t, d);

		if (verdict != LK_next)
			return verdict;
	}
	type = lk_get16(p + 2);
	d->payload = type == LK_TYPE_TEB ? LK_ETHERNET : LK_IP;
	if (type != LK_TYPE_TEB &&
	    (!lk_takes_ip(t) || (type != LK_TYPE_IPV4 && type != LK_TYPE_IPV6)))
		return lk_tunnel_refused(d, at + 2, LK_geneve_unknown_protocol);
	d->inner_version = type == LK_TYPE_IPV4 ? 4 : 6;
	return LK_next;
}

#endif
