/* SPDX-License-Identifier: BSD-3-Clause */

/* What must be known of a capture before it is sent: one pass over the file, piece by piece. */
#include <stdlib.h>

#include "api.h"
#include "capture_clock.h"
#include "capture_ethernet.h"

static void
take(struct lk_capture_scan *s, const struct lk_rewrite *rewrite, const struct lk_side *side,
     struct lk_capture_reader *reader, struct lk_capture_record *record,
     struct lk_capture_clock *clock)
{
	uint32_t link_type = record->link_type, length;
	uint32_t snaplen = reader->file.interfaces[record->interface].snaplen;
	enum lk_to_ethernet made;

	s->all_frames++;
	s->duration_ns = lk_capture_due(clock, record);
	if (record->has_time &&
	    (uint64_t)record->time_ns - (uint64_t)clock->first_ns != clock->latest_ns)
		s->went_back++;
	if (!lk_is_played(side, s->all_frames - 1))
		return;
	s->odd +=
		record->fcs != 0 || record->is_overlong || (snaplen != 0 && record->kept > snaplen);
	made = lk_capture_to_ethernet(reader, record);
	if (made == LK_ETHERNET_MADE && link_type != LK_LINK_ETHERNET && s->converted++ == 0)
		s->converted_link_type = link_type;
	if (s->other_frame == 0 && made != LK_ETHERNET_MADE) {
		s->other_frame = s->all_frames;
		s->other_link_type = link_type;
		s->other_why = (int32_t)made;
	}
	length = lk_rewrite_length(rewrite, record->bytes, record->kept);
	if (s->frames++ == 0)
		s->shortest = length;
	s->bytes += length;
	if (length < s->shortest)
		s->shortest = length;
	if (length > s->longest)
		s->longest = length;
	if (s->short_frame == 0 && record->kept < LK_ETHER_LENGTH) {
		s->short_frame = s->all_frames;
		s->short_kept = record->kept;
	}
	if (s->cut_frame == 0 && record->kept < record->length) {
		s->cut_frame = s->all_frames;
		s->cut_kept = record->kept;
		s->cut_length = record->length;
	}
}

static void
count_block(void *scan, const uint8_t *block, uint32_t length)
{
	(void)block;
	(void)length;
	((struct lk_capture_scan *)scan)->blocks++;
}

int
lk_codec_capture_scan(int fd, const struct lk_rewrite *rewrite, const struct lk_side *side,
		      struct lk_capture_scan *scan)
{
	struct lk_capture_reader *reader = malloc(sizeof(*reader));
	uint8_t *buffer = malloc(LK_CAPTURE_BUFFER);
	struct lk_capture_record record;
	enum lk_capture_status status;
	struct lk_capture_clock clock = {0, 0, 0};
	int rc = -ENOMEM;

	memset(scan, 0, sizeof(*scan));
	if (reader != NULL && buffer != NULL) {
		lk_capture_reader_begin(reader, fd, buffer);
		reader->file.hear = count_block;
		reader->file.listener = scan;
		while ((status = lk_capture_reader_next(reader, &record)) == LK_CAPTURE_RECORD)
			take(scan, rewrite, side, reader, &record, &clock);
		scan->is_whole = status == LK_CAPTURE_END;
		scan->is_cut = status == LK_CAPTURE_CUT;
		scan->is_read = reader->file.format != LK_CAPTURE_UNREAD;
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
	uint8_t *buffer = malloc(LK_CAPTURE_BUFFER);
	struct lk_capture_record record;
	struct lk_capture_clock clock = {0, 0, 0};
	uint64_t bits = 0, all = 0;
	int64_t frames = -ENOMEM;

	if (reader != NULL && buffer != NULL) {
		frames = 0;
		lk_capture_reader_begin(reader, fd, buffer);
		while (lk_capture_reader_next(reader, &record) == LK_CAPTURE_RECORD) {
			/* What follows on a frame that is not due is not due either. */
			if (lk_capture_due(&clock, &record) >= before_ns || bits >= before_bits)
				break;
			if (!lk_is_played(side, all++))
				continue;
			lk_capture_to_ethernet(reader, &record);
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
