/* SPDX-License-Identifier: BSD-3-Clause */

/* Records of a capture to a file, many a call: pcap with nanoseconds, and pcapng. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "api.h"
#include "capture_file.h"

#define PIECE LK_CAPTURE_WINDOW /* which no block is longer than that our reader looks at */

struct out {
	int fd;
	uint8_t *bytes;
	uint64_t used;
};

/* Writes what is held; or -errno. */
static int
flush(struct out *o)
{
	uint64_t done = 0;

	while (done < o->used) {
		ssize_t wrote = write(o->fd, o->bytes + done, o->used - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		done += (uint64_t)wrote;
	}
	o->used = 0;
	return 0;
}

/* Room for n bytes, NULL with an error in *rc. */
static uint8_t *
room_for(struct out *o, uint64_t n, int *rc)
{
	if (n > PIECE)
		*rc = -EMSGSIZE;
	else if (n > PIECE - o->used)
		*rc = flush(o);
	if (*rc != 0)
		return NULL;
	o->used += n;
	return o->bytes + o->used - n;
}

static void
put_number(uint8_t *p, uint32_t value)
{
	memcpy(p, &value, sizeof(value));
}

static void
put_option(uint8_t *p, uint16_t code, const void *value, uint16_t size)
{
	memcpy(p, &code, 2);
	memcpy(p + 2, &size, 2);
	memset(p + 4, 0, (size + 3u) & ~3u);
	memcpy(p + 4, value, size);
}

static uint32_t
option_bytes(uint32_t size)
{
	return 4 + ((size + 3) & ~3u);
}

static int
put_pcap(struct out *o, const struct lk_captured *r, const uint8_t *bytes)
{
	int rc = 0;
	uint8_t *p = room_for(o, LK_PCAP_RECORD + r->kept, &rc);

	if (p == NULL)
		return rc;
	put_number(p, (uint32_t)((uint64_t)r->time_ns / LK_NS_PER_SECOND));
	put_number(p + 4, (uint32_t)((uint64_t)r->time_ns % LK_NS_PER_SECOND));
	put_number(p + 8, r->kept);
	put_number(p + 12, r->length);
	memcpy(p + LK_PCAP_RECORD, bytes, r->kept);
	return 0;
}

/* A frame without a time: a simple packet block tells no interface, and no bytes that are missing.
 */
static int
put_simple(struct out *o, const struct lk_captured *r, const uint8_t *bytes)
{
	uint32_t padded = (r->kept + 3) & ~3u, size = LK_BLOCK_OVERHEAD + 4 + padded;
	int rc = 0;
	uint8_t *p = room_for(o, size, &rc);

	if (p == NULL)
		return rc;
	put_number(p, LK_BLOCK_SIMPLE);
	put_number(p + 4, size);
	put_number(p + 8, r->length);
	memset(p + 12 + padded - (padded ? 4 : 0), 0, padded ? 4 : 0);
	memcpy(p + 12, bytes, r->kept);
	put_number(p + size - 4, size);
	return 0;
}

static int
put_enhanced(struct out *o, const struct lk_captured *r, const uint8_t *bytes, int64_t offset_ns,
	     const struct lk_capture_comment *comments, uint64_t count, const uint8_t *text)
{
	uint64_t size = LK_BLOCK_OVERHEAD + 20 + ((r->kept + 3) & ~3u), units;
	uint8_t *p, *option;
	int rc = 0;

	if (r->flags != 0)
		size += option_bytes(4);
	for (uint64_t i = 0; i < count; i++)
		size += option_bytes(comments[i].length);
	if (r->flags != 0 || count > 0)
		size += 4;
	p = room_for(o, size, &rc);
	if (p == NULL)
		return rc;
	units = r->has_time ? (uint64_t)r->time_ns - (uint64_t)offset_ns : 0;
	put_number(p, LK_BLOCK_ENHANCED);
	put_number(p + 4, (uint32_t)size);
	put_number(p + 8, r->interface);
	put_number(p + 12, (uint32_t)(units >> 32));
	put_number(p + 16, (uint32_t)units);
	put_number(p + 20, r->kept);
	put_number(p + 24, r->length);
	memcpy(p + 28, bytes, r->kept);
	option = p + 28 + r->kept;
	while ((option - p) % 4 != 0)
		*option++ = 0;
	for (uint64_t i = 0; i < count; i++) {
		put_option(option, LK_OPTION_COMMENT, text + comments[i].offset,
			   (uint16_t)comments[i].length);
		option += option_bytes(comments[i].length);
	}
	if (r->flags != 0) {
		put_option(option, LK_OPTION_FLAGS, &r->flags, 4);
		option += option_bytes(4);
	}
	if (r->flags != 0 || count > 0)
		put_number(option, 0);
	put_number(p + size - 4, (uint32_t)size);
	return 0;
}

int
lk_codec_capture_write(int fd, int is_pcapng, int64_t offset_ns, const uint8_t *buffer,
		       const struct lk_captured *records, uint64_t count,
		       const struct lk_capture_comment *comments, uint64_t comment_count,
		       const uint8_t *text)
{
	struct out out = {fd, malloc(PIECE), 0};
	uint64_t next = 0;
	int rc = out.bytes == NULL ? -ENOMEM : 0;

	for (uint64_t i = 0; i < count && rc == 0; i++) {
		const struct lk_captured *r = &records[i];
		const uint8_t *bytes = buffer + r->offset;
		uint64_t first = next;

		while (next < comment_count && comments[next].record == i)
			next++;
		if (!is_pcapng)
			rc = put_pcap(&out, r, bytes);
		else if (!r->has_time && r->interface == 0 && r->kept == r->length &&
			 r->flags == 0 && next == first)
			rc = put_simple(&out, r, bytes);
		else
			rc = put_enhanced(&out, r, bytes, offset_ns, comments + first, next - first,
					  text);
	}
	if (rc == 0)
		rc = flush(&out);
	free(out.bytes);
	return rc;
}
