/* SPDX-License-Identifier: BSD-3-Clause */

/* What must be known of a capture before it is sent: one pass over the file, piece by piece. */
#include <stdlib.h>

#include "api.h"
#include "capture_reader.h"

#define ETHERNET_HEADER 14u

static uint64_t
since(const struct lk_capture_record *record, uint64_t first_ns)
{
	return record->time_ns > first_ns ? record->time_ns - first_ns : 0;
}

/* Times are those of a running maximum: one stamp that goes back does not make a capture longer. */
static void
take(struct lk_capture_scan *s, const struct lk_rewrite *rewrite, const struct lk_side *side,
     const struct lk_capture_record *record, uint64_t *first)
{
	uint32_t length = lk_rewrite_length(rewrite, record->bytes, record->kept);
	uint64_t time;

	if (s->all_frames++ == 0)
		*first = record->time_ns;
	time = since(record, *first);
	if (record->has_time && *first + s->duration_ns > record->time_ns)
		s->went_back++;
	if (time > s->duration_ns)
		s->duration_ns = time;
	if (!lk_is_played(side, s->all_frames - 1))
		return;
	if (s->frames++ == 0)
		s->shortest = length;
	s->bytes += length;
	if (length < s->shortest)
		s->shortest = length;
	if (length > s->longest)
		s->longest = length;
	if (s->short_frame == 0 && record->kept < ETHERNET_HEADER) {
		s->short_frame = s->all_frames;
		s->short_kept = record->kept;
	}
	if (s->cut_frame == 0 && record->kept < record->length) {
		s->cut_frame = s->all_frames;
		s->cut_kept = record->kept;
		s->cut_length = record->length;
	}
	if (s->other_frame == 0 && record->link_type != LK_LINK_ETHERNET) {
		s->other_frame = s->all_frames;
		s->other_link_type = record->link_type;
	}
}

int
lk_codec_capture_scan(int fd, const struct lk_rewrite *rewrite, const struct lk_side *side,
		      struct lk_capture_scan *scan)
{
	struct lk_capture_reader *reader = malloc(sizeof(*reader));
	uint8_t *buffer = malloc(LK_CAPTURE_WINDOW);
	struct lk_capture_record record;
	enum lk_capture_status status;
	uint64_t first = 0;
	int rc = -ENOMEM;

	memset(scan, 0, sizeof(*scan));
	if (reader != NULL && buffer != NULL) {
		lk_capture_reader_begin(reader, fd, buffer);
		while ((status = lk_capture_reader_next(reader, &record)) == LK_CAPTURE_RECORD)
			take(scan, rewrite, side, &record, &first);
		scan->is_whole = status == LK_CAPTURE_END;
		scan->reason = reader->file.reason;
		scan->reason_at = reader->file.reason_at;
		rc = -reader->error;
	}
	free(buffer);
	free(reader);
	return rc;
}

int64_t
lk_codec_capture_due(int fd, const struct lk_rewrite *rewrite, const struct lk_side *side,
		     uint64_t before_ns, uint64_t before_bits, uint32_t overhead)
{
	struct lk_capture_reader *reader = malloc(sizeof(*reader));
	uint8_t *buffer = malloc(LK_CAPTURE_WINDOW);
	struct lk_capture_record record;
	uint64_t first = 0, bits = 0, all = 0;
	int64_t frames = -ENOMEM;

	if (reader != NULL && buffer != NULL) {
		frames = 0;
		lk_capture_reader_begin(reader, fd, buffer);
		while (lk_capture_reader_next(reader, &record) == LK_CAPTURE_RECORD) {
			if (all++ == 0)
				first = record.time_ns;
			/* What follows on a frame that is not due is not due either. */
			if (since(&record, first) >= before_ns || bits >= before_bits)
				break;
			if (!lk_is_played(side, all - 1))
				continue;
			bits += 8 * ((uint64_t)overhead +
				     lk_rewrite_length(rewrite, record.bytes, record.kept));
			frames++;
		}
		if (reader->error != 0)
			frames = -reader->error;
	}
	free(buffer);
	free(reader);
	return frames;
}
