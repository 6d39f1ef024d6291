/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Records of a capture, many a call: bytes into one buffer, what is told of them into an array.
 * Sections and interfaces are kept as they are met, so that reading can begin again at any record
 * that was read before.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "capture_input.h"

#define MOST_COMMENTS (4u << 20) /* bytes, behind which a batch ends */
#define MOST_WINDOWS  256u	 /* without a record, behind which the caller may ask for signals */

struct lk_capture_input *
lk_codec_capture_open(int fd)
{
	struct lk_capture_input *in = calloc(1, sizeof(*in));
	uint8_t *buffer = malloc(LK_CAPTURE_WINDOW);
	struct stat state;

	if (in == NULL || buffer == NULL) {
		free(in);
		free(buffer);
		return NULL;
	}
	lk_capture_reader_begin(&in->reader, fd, buffer);
	in->reader.is_pipe = fstat(fd, &state) == 0 && !S_ISREG(state.st_mode);
	in->reader.most_windows = MOST_WINDOWS;
	in->reader.file.hear = lk_capture_hear;
	in->reader.file.listener = in;
	return in;
}

void
lk_codec_capture_shut(struct lk_capture_input *in)
{
	lk_capture_free_tables(in);
	free(in->comments.all);
	free(in->comments.text);
	free(in->reader.buffer);
	free(in);
}

static int
add_comment(struct lk_capture_comments *c, uint64_t record, const uint8_t *text, uint32_t length)
{
	while (c->bytes + length >= c->text_room) /* also for a text of no bytes there is a place */
		if (!lk_capture_grow((void **)&c->text, &c->text_room, c->text_room, 1))
			return 0;
	if (!lk_capture_grow((void **)&c->all, &c->room, c->count, sizeof(*c->all)))
		return 0;
	memcpy(c->text + c->bytes, text, length);
	c->all[c->count++] = (struct lk_capture_comment){record, c->bytes, length};
	c->bytes += length;
	return 1;
}

static void
take_comments(struct lk_capture_input *in, const struct lk_capture_record *record, uint64_t number)
{
	uint32_t at = 0, code, size;
	const uint8_t *value;

	while ((value = lk_pcapng_option(&in->reader.file, record->options, &at,
					 record->options_length, &code, &size)) != NULL)
		if (code == LK_OPTION_COMMENT && !add_comment(&in->comments, number, value, size))
			in->has_no_memory = 1;
}

/* What is odd of a record, and no reason to stop, is counted when it is read for the first time. */
static void
count(struct lk_capture_input *in, const struct lk_capture_record *record)
{
	struct lk_capture_told *t = &in->told;

	if (record->at < in->seen)
		return;
	in->seen = record->at + 1;
	t->records++;
	if (record->is_overlong && t->overlong++ == 0)
		t->first_overlong = t->records;
	if (record->is_out_of_time && t->out_of_time++ == 0)
		t->first_out_of_time = t->records;
}

int64_t
lk_codec_capture_read(struct lk_capture_input *in, uint8_t *buffer, uint64_t room,
		      struct lk_captured *records, uint64_t most)
{
	struct lk_capture_reader *r = &in->reader;
	struct lk_capture_record record = {0};
	enum lk_capture_status status = LK_CAPTURE_RECORD;
	uint64_t n = 0, used = 0;

	if (room < LK_CAPTURE_MOST_KEPT)
		return -EINVAL;
	in->comments.count = in->comments.bytes = 0;
	while (n < most && in->comments.bytes < MOST_COMMENTS) {
		status = lk_capture_reader_next(r, &record);
		if (r->file.format == LK_CAPTURE_PCAP && in->told.sections == 0)
			lk_capture_add_only_interface(in);
		if (in->has_no_memory)
			return -ENOMEM;
		if (in->trouble != NULL)
			status = lk_capture_fails(&r->file, LK_CAPTURE_BAD, in->trouble);
		if (status != LK_CAPTURE_RECORD)
			break;
		if (record.kept > room - used) {
			r->file.at = record.at; /* it is the first one of the next batch */
			break;
		}
		memcpy(buffer + used, record.bytes, record.kept);
		records[n] = (struct lk_captured){
			.offset = used,
			.at = record.at,
			.time_ns = record.time_ns,
			.kept = record.kept,
			.length = record.length,
			.interface = record.interface +
				     (uint32_t)in->sections[in->section].first_interface,
			.section = (uint32_t)in->section,
			.link_type = record.link_type,
			.flags = record.flags,
			.fcs = (uint8_t)(record.fcs < UINT8_MAX ? record.fcs : UINT8_MAX),
			.has_time = (uint8_t)record.has_time,
		};
		count(in, &record);
		if (record.options_length != 0)
			take_comments(in, &record, n);
		used += record.kept;
		n++;
	}
	if (n > 0)
		return (int64_t)n;
	if (r->error != 0)
		return -r->error;
	return most > 0 && r->file.status == LK_CAPTURE_RECORD && status == LK_CAPTURE_MORE
		       ? -EAGAIN
		       : 0;
}

void
lk_codec_capture_tell(const struct lk_capture_input *in, struct lk_capture_told *told)
{
	const struct lk_capture_file *w = &in->reader.file;

	*told = in->told;
	told->is_read = w->format != LK_CAPTURE_UNREAD;
	told->is_over = w->status != LK_CAPTURE_RECORD;
	told->is_cut = w->status == LK_CAPTURE_CUT;
	told->is_bad = w->status == LK_CAPTURE_BAD;
	told->at = w->at;
	told->reason = w->reason;
	told->reason_at = w->reason_at;
}

const struct lk_capture_section *
lk_codec_capture_sections(const struct lk_capture_input *in)
{
	return in->sections;
}

const struct lk_capture_described *
lk_codec_capture_interfaces(const struct lk_capture_input *in)
{
	return in->interfaces;
}

const struct lk_capture_comment *
lk_codec_capture_comments(const struct lk_capture_input *in, uint64_t *count_of,
			  const uint8_t **text)
{
	*count_of = in->comments.count;
	*text = in->comments.text;
	return in->comments.all;
}

int
lk_codec_capture_seek(struct lk_capture_input *in, uint64_t at)
{
	struct lk_capture_file *w = &in->reader.file;
	const struct lk_capture_section *section;
	uint64_t n = in->told.sections;

	if (in->reader.is_pipe)
		return -ESPIPE;
	if (n == 0)
		return at == 0 ? 0 : -EINVAL;
	if (at > 0 && at >= in->seen)
		return -EINVAL;
	if (at == 0)
		w->format = LK_CAPTURE_UNREAD;
	while (n > 1 && in->sections[n - 1].at > at)
		n--;
	in->section = n - 1;
	section = &in->sections[in->section];
	w->is_big = (int)section->is_big;
	w->interface_count = 0;
	for (uint64_t i = 0; i < section->interfaces; i++) {
		const struct lk_capture_described *d =
			&in->interfaces[section->first_interface + i];

		if (d->at >= at)
			break;
		w->interfaces[w->interface_count++] = (struct lk_capture_interface){
			d->link_type, d->snaplen, d->offset_s, d->resolution, d->fcs};
	}
	w->at = at;
	w->status = LK_CAPTURE_RECORD;
	w->reason = NULL;
	in->reader.error = 0;
	lk_capture_file_window(w, in->reader.buffer, 0, at, 0);
	return 0;
}
