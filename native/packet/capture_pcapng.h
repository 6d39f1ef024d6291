/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_PCAPNG_H
#define LK_CAPTURE_PCAPNG_H

#include "capture_walker.h"

/* draft-ietf-opsawg-pcapng: blocks, of which those that are not known are walked over */
#define LK_BLOCK_OVERHEAD  12u /* type, length, body, length again */
#define LK_BLOCK_SECTION   0x0a0d0d0au
#define LK_BLOCK_INTERFACE 1u
#define LK_BLOCK_PACKET	   2u /* obsolete, still found in old archives */
#define LK_BLOCK_SIMPLE	   3u
#define LK_BLOCK_ENHANCED  6u
#define LK_SECTION_MAGIC   0x1a2b3c4du
#define LK_OPTION_COMMENT  1u
#define LK_OPTION_FLAGS	   2u /* of a packet */
#define LK_OPTION_TSRESOL  9u
#define LK_OPTION_FCSLEN   13u
#define LK_OPTION_TSOFFSET 14u
#define LK_FLAGS_FCS_SHIFT 5 /* of 4 bits: bytes of FCS; 0: not told */
#define LK_FLAGS_FCS_MASK  15u
#define LK_FEWEST_FCS_BITS 8u
#define LK_TSRESOL_US	   6u
#define LK_TSRESOL_IS_OF_2 0x80u
#define LK_MOST_TEN_POWER  19u
#define LK_NS_DIGITS	   9u

static inline uint64_t
lk_power_of_ten(unsigned int exponent)
{
	uint64_t value = 1;

	while (exponent-- > 0)
		value *= 10;
	return value;
}

/* Nanoseconds since 1970 of a stamp; 0 is returned when they are none that 64 bits hold. */
static inline int
lk_pcapng_time(const struct lk_capture_interface *interface, uint64_t units, int64_t *ns)
{
	unsigned int exponent = interface->resolution & ~LK_TSRESOL_IS_OF_2;
	const __int128 second = (__int128)lk_power_of_ten(LK_NS_DIGITS);
	__int128 time;

	if ((interface->resolution & LK_TSRESOL_IS_OF_2) != 0)
		time = (__int128)units * second >> exponent;
	else if (exponent <= LK_NS_DIGITS)
		time = (__int128)units * (__int128)lk_power_of_ten(LK_NS_DIGITS - exponent);
	else if (exponent - LK_NS_DIGITS <= LK_MOST_TEN_POWER)
		time = (__int128)(units / lk_power_of_ten(exponent - LK_NS_DIGITS));
	else
		time = 0;
	time += interface->offset_s * second;
	if (time < INT64_MIN || time > INT64_MAX)
		return 0;
	*ns = (int64_t)time;
	return 1;
}

/*
 * The option at *at of those that end at `end`, and *at behind it: its value, and its code and
 * size. NULL: no more; *size tells then whether they ended as they should (0) or beyond their block
 * (1).
 */
static inline const uint8_t *
lk_pcapng_option(const struct lk_capture_file *w, const uint8_t *p, uint32_t *at, uint32_t end,
		 uint32_t *code, uint32_t *size)
{
	const uint8_t *value;

	*size = 0;
	if (*at > end || end - *at < 4 || lk_capture16(w, p + *at) == 0)
		return NULL;
	*code = lk_capture16(w, p + *at);
	*size = lk_capture16(w, p + *at + 2);
	if (*size > end - *at - 4) {
		*size = 1;
		return NULL;
	}
	value = p + *at + 4;
	*at += 4 + ((*size + 3) & ~3u);
	return value;
}

/* The whole block at `at`, whose length is told at both of its ends. */
static inline enum lk_capture_status
lk_pcapng_block(struct lk_capture_file *w, uint32_t length, const uint8_t **p)
{
	enum lk_capture_status status;

	if (length > LK_CAPTURE_WINDOW)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "a block of more than 1 MiB");
	status = lk_capture_need(w, length, p);
	if (status == LK_CAPTURE_RECORD && lk_capture32(w, *p + length - 4) != length)
		return lk_capture_fails(w, LK_CAPTURE_BAD,
					"the two lengths of a block differ from each other");
	return status;
}

static inline enum lk_capture_status
lk_pcapng_section(struct lk_capture_file *w, const uint8_t *p, uint32_t length)
{
	if (length < LK_BLOCK_OVERHEAD + 16)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "a section header that is too short");
	if (lk_capture16(w, p + 12) != 1)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "its version of pcapng is not 1");
	w->interface_count = 0;
	return LK_CAPTURE_RECORD;
}

static inline enum lk_capture_status
lk_pcapng_interface(struct lk_capture_file *w, const uint8_t *p, uint32_t length)
{
	struct lk_capture_interface *found;
	uint32_t at = 16, code, size;
	const uint8_t *value;

	if (length < LK_BLOCK_OVERHEAD + 8)
		return lk_capture_fails(w, LK_CAPTURE_BAD,
					"an interface description that is too short");
	if (w->interface_count == LK_CAPTURE_INTERFACES)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "more than 4,096 interfaces");
	found = &w->interfaces[w->interface_count];
	*found = (struct lk_capture_interface){
		.link_type = lk_capture16(w, p + 8),
		.snaplen = lk_capture32(w, p + 12),
		.resolution = LK_TSRESOL_US,
	};
	while ((value = lk_pcapng_option(w, p, &at, length - 4, &code, &size)) != NULL) {
		if (code == LK_OPTION_TSRESOL && size >= 1)
			found->resolution = value[0];
		if (code == LK_OPTION_TSOFFSET && size >= 8)
			found->offset_s = (int64_t)lk_capture64(w, value);
		if (code == LK_OPTION_FCSLEN && size >= 1) /* bits, but writers mean bytes */
			found->fcs = value[0] < LK_FEWEST_FCS_BITS ? value[0] : value[0] / 8;
	}
	if (size != 0)
		return lk_capture_fails(w, LK_CAPTURE_BAD,
					"an option that is longer than its block");
	w->interface_count++;
	return LK_CAPTURE_RECORD;
}

/* Options behind a frame: its flags, which may tell another length of the FCS. */
static inline void
lk_pcapng_flags(const struct lk_capture_file *w, struct lk_capture_record *record)
{
	uint32_t at = 0, code, size, fcs;
	const uint8_t *value;

	while ((value = lk_pcapng_option(w, record->options, &at, record->options_length, &code,
					 &size)) != NULL) {
		if (code != LK_OPTION_FLAGS || size < 4)
			continue;
		record->flags = lk_capture32(w, value);
		fcs = record->flags >> LK_FLAGS_FCS_SHIFT & LK_FLAGS_FCS_MASK;
		if (fcs != 0)
			record->fcs = fcs;
	}
}

/* An enhanced packet block, or the packet block before it, whose interface has 16 bits. */
static inline enum lk_capture_status
lk_pcapng_packet(struct lk_capture_file *w, const uint8_t *p, uint32_t length, int is_enhanced,
		 struct lk_capture_record *record)
{
	uint32_t kept, on_wire, interface, padded;
	int64_t ns = 0;
	int has_time;

	if (length < LK_BLOCK_OVERHEAD + 20)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "a packet block that is too short");
	interface = is_enhanced ? lk_capture32(w, p + 8) : lk_capture16(w, p + 8);
	kept = lk_capture32(w, p + 20);
	on_wire = lk_capture32(w, p + 24);
	if (interface >= w->interface_count)
		return lk_capture_fails(w, LK_CAPTURE_BAD,
					"a frame of an interface that is not described");
	if (kept > length - LK_BLOCK_OVERHEAD - 20 || kept > LK_CAPTURE_MOST_KEPT)
		return lk_capture_fails(w, LK_CAPTURE_BAD,
					"a frame that is longer than its block, or than 262,144 "
					"bytes");
	has_time = lk_pcapng_time(&w->interfaces[interface],
				  (uint64_t)lk_capture32(w, p + 12) << 32 | lk_capture32(w, p + 16),
				  &ns);
	padded = (kept + 3) & ~3u;
	*record = (struct lk_capture_record){
		.bytes = p + 28,
		.kept = kept,
		.length = on_wire > kept ? on_wire : kept,
		.is_overlong = kept > on_wire,
		.interface = interface,
		.link_type = w->interfaces[interface].link_type,
		.fcs = w->interfaces[interface].fcs,
		.time_ns = ns,
		.has_time = has_time,
		.is_out_of_time = !has_time,
		.at = w->at,
		.options = p + 28 + padded,
		.options_length = length - LK_BLOCK_OVERHEAD - 20 - padded,
	};
	if (record->options_length != 0)
		lk_pcapng_flags(w, record);
	return LK_CAPTURE_RECORD;
}

/* How much of the frame was kept: as much as the interface's limit, the frame and the block allow.
 */
static inline enum lk_capture_status
lk_pcapng_simple(struct lk_capture_file *w, const uint8_t *p, uint32_t length,
		 struct lk_capture_record *record)
{
	uint32_t kept, on_wire;

	if (length < LK_BLOCK_OVERHEAD + 4)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "a packet block that is too short");
	if (w->interface_count == 0)
		return lk_capture_fails(w, LK_CAPTURE_BAD,
					"a frame of an interface that is not described");
	kept = on_wire = lk_capture32(w, p + 8);
	if (w->interfaces[0].snaplen != 0 && kept > w->interfaces[0].snaplen)
		kept = w->interfaces[0].snaplen;
	if (kept > length - LK_BLOCK_OVERHEAD - 4)
		kept = length - LK_BLOCK_OVERHEAD - 4;
	if (kept > LK_CAPTURE_MOST_KEPT)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "a frame of more than 262,144 bytes");
	*record = (struct lk_capture_record){
		.bytes = p + 12,
		.kept = kept,
		.length = on_wire,
		.link_type = w->interfaces[0].link_type,
		.fcs = w->interfaces[0].fcs,
		.at = w->at,
	};
	return LK_CAPTURE_RECORD;
}

static inline enum lk_capture_status
lk_pcapng_next(struct lk_capture_file *w, struct lk_capture_record *record)
{
	for (;;) {
		enum lk_capture_status status;
		int is_packet = 1;
		const uint8_t *p;
		uint32_t type, length;

		if (lk_capture_is_over(w))
			return w->status = LK_CAPTURE_END;
		status = lk_capture_need(w, LK_BLOCK_OVERHEAD, &p);
		if (status != LK_CAPTURE_RECORD)
			return status;
		if (lk_get32(p) == LK_BLOCK_SECTION) { /* which may have another byte order */
			w->is_big = lk_get32(p + 8) == LK_SECTION_MAGIC;
			if (lk_capture32(w, p + 8) != LK_SECTION_MAGIC)
				return lk_capture_fails(w, LK_CAPTURE_BAD,
							"a section without a byte order");
		}
		type = lk_capture32(w, p);
		length = lk_capture32(w, p + 4);
		if (length < LK_BLOCK_OVERHEAD || length % 4 != 0)
			return lk_capture_fails(w, LK_CAPTURE_BAD,
						"a block of a length that cannot be");
		if (type != LK_BLOCK_SECTION && type != LK_BLOCK_INTERFACE &&
		    type != LK_BLOCK_PACKET && type != LK_BLOCK_SIMPLE &&
		    type != LK_BLOCK_ENHANCED) {
			w->at += length;
			continue;
		}
		status = lk_pcapng_block(w, length, &p);
		if (status != LK_CAPTURE_RECORD)
			return status;
		if (type == LK_BLOCK_SIMPLE) {
			status = lk_pcapng_simple(w, p, length, record);
		} else if (type == LK_BLOCK_SECTION || type == LK_BLOCK_INTERFACE) {
			is_packet = 0;
			status = type == LK_BLOCK_SECTION ? lk_pcapng_section(w, p, length)
							  : lk_pcapng_interface(w, p, length);
			if (status == LK_CAPTURE_RECORD && w->hear != NULL)
				w->hear(w->listener, p, length);
		} else {
			status = lk_pcapng_packet(w, p, length, type == LK_BLOCK_ENHANCED, record);
		}
		if (status != LK_CAPTURE_RECORD)
			return status;
		w->at += length;
		if (is_packet)
			return status;
	}
}

#endif
