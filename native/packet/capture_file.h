/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_FILE_H
#define LK_CAPTURE_FILE_H

#include "capture_pcap.h"
#include "capture_pcapng.h"

/*
 * Walks over the records of a capture: pcap of every kind and pcapng, both byte orders, any link
 * type. With the whole file in memory:
 *
 *     lk_capture_file_begin(bytes, size, &walker);
 *     while (lk_capture_file_next(&walker, &record) == LK_CAPTURE_RECORD)
 *             ...
 *
 * Else begin with size 0, call lk_capture_file_window, and again at LK_CAPTURE_MORE with bytes of
 * the file from walker.at on, LK_CAPTURE_WINDOW of them or all that is left.
 */
static inline void
lk_capture_file_window(struct lk_capture_file *w, const uint8_t *bytes, uint64_t size,
		       uint64_t start, int is_last)
{
	w->bytes = bytes;
	w->size = size;
	w->start = start;
	w->is_last = is_last;
}

static inline void
lk_capture_file_begin(const uint8_t *bytes, uint64_t size, struct lk_capture_file *w)
{
	w->at = 0;
	w->format = LK_CAPTURE_UNREAD;
	w->status = LK_CAPTURE_RECORD;
	w->reason = NULL;
	w->reason_at = 0;
	w->is_big = 0;
	w->fraction_ns = 0;
	w->head = 0;
	w->lengths = LK_PCAP_KEPT_FIRST;
	w->hear = NULL;
	w->listener = NULL;
	w->interface_count = 0;
	lk_capture_file_window(w, bytes, size, 0, 1);
}

/* Which of the formats it is, by its first bytes. */
static inline enum lk_capture_status
lk_capture_file_header(struct lk_capture_file *w)
{
	uint32_t magic;

	if (!w->is_last && w->size < 4)
		return LK_CAPTURE_MORE;
	if (w->size == 0)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "the file is empty");
	magic = w->size >= 4 ? lk_get32(w->bytes) : 0;
	if (magic == LK_BLOCK_SECTION) {
		w->format = LK_CAPTURE_PCAPNG;
		return LK_CAPTURE_RECORD;
	}
	if (lk_is_pcap(magic) || lk_is_pcap(__builtin_bswap32(magic)))
		return lk_pcap_begin(w, magic);
	return lk_capture_fails(
		w, LK_CAPTURE_BAD,
		"it begins like neither pcap nor pcapng (editcap makes one of other formats)");
}

/* LK_CAPTURE_RECORD with the next one filled in, or why there is none. */
static inline enum lk_capture_status
lk_capture_file_next(struct lk_capture_file *w, struct lk_capture_record *record)
{
	enum lk_capture_status status = w->status;

	if (status == LK_CAPTURE_RECORD && w->format == LK_CAPTURE_UNREAD)
		status = lk_capture_file_header(w);
	if (status != LK_CAPTURE_RECORD)
		return status;
	status = w->format == LK_CAPTURE_PCAP ? lk_pcap_next(w, record) : lk_pcapng_next(w, record);
	if (status == LK_CAPTURE_RECORD && record->fcs > record->length)
		record->fcs = record->length;
	return status;
}

#endif
