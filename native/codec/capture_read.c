/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Records of a capture, many a call: bytes into one buffer, what is told of them into an array.
 * Sections and interfaces are kept as they are met, so that reading can begin again at any record
 * that was read before.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "api.h"
#include "capture_reader.h"

#define MOST_DESCRIBED	  65536u      /* sections, and interfaces of all of them */
#define MOST_OPTIONS	  (64u << 20) /* bytes of their options; of those beyond, none is kept */
#define MOST_COMMENTS	  (4u << 20)  /* bytes, behind which a batch ends */
#define SECTION_OPTIONS	  24u	      /* where they begin in their block */
#define INTERFACE_OPTIONS 16u

struct comments {
	struct lk_capture_comment *all;
	uint8_t *text;
	uint64_t count, room, bytes, text_room;
};

struct lk_capture_input {
	struct lk_capture_reader reader;
	struct lk_capture_section *sections;
	struct lk_capture_described *interfaces;
	uint64_t section_room, interface_room, option_bytes;
	struct lk_capture_told told;
	struct comments comments;
	uint64_t section; /* in which the walk is */
	uint64_t seen;	  /* byte up to which records were counted */
	int has_no_memory;
	const char *too_many;
};

/* Room for one more; 0: there is no memory. */
static int
grow(void **array, uint64_t *room, uint64_t count, uint64_t size)
{
	uint64_t wanted = *room == 0 ? 16 : 2 * *room;
	void *larger;

	if (count < *room)
		return 1;
	larger = realloc(*array, wanted * size);
	if (larger == NULL)
		return 0;
	*array = larger;
	*room = wanted;
	return 1;
}

static uint8_t *
kept_options(struct lk_capture_input *in, const uint8_t *options, uint32_t length)
{
	uint8_t *copy = NULL;

	if (length > 0 && in->option_bytes + length <= MOST_OPTIONS)
		copy = malloc(length);
	if (copy != NULL) {
		memcpy(copy, options, length);
		in->option_bytes += length;
	}
	return copy;
}

static void
add_section(struct lk_capture_input *in, uint64_t at, const uint8_t *options, uint32_t length)
{
	const struct lk_capture_file *w = &in->reader.file;

	if (in->told.sections == MOST_DESCRIBED) {
		in->too_many = "more than 65,536 sections";
		return;
	}
	if (!grow((void **)&in->sections, &in->section_room, in->told.sections,
		  sizeof(*in->sections))) {
		in->has_no_memory = 1;
		return;
	}
	in->section = in->told.sections++;
	in->sections[in->section] = (struct lk_capture_section){
		.at = at,
		.first_interface = in->told.interfaces,
		.is_big = (uint32_t)w->is_big,
		.options = kept_options(in, options, length),
	};
	if (in->sections[in->section].options != NULL)
		in->sections[in->section].options_length = length;
}

static void
add_interface(struct lk_capture_input *in, uint64_t at, const struct lk_capture_interface *found,
	      const uint8_t *options, uint32_t length)
{
	struct lk_capture_described *described;

	if (in->told.interfaces == MOST_DESCRIBED) {
		in->too_many = "more than 65,536 interfaces";
		return;
	}
	if (!grow((void **)&in->interfaces, &in->interface_room, in->told.interfaces,
		  sizeof(*in->interfaces))) {
		in->has_no_memory = 1;
		return;
	}
	described = &in->interfaces[in->told.interfaces++];
	*described = (struct lk_capture_described){
		.at = at,
		.section = (uint32_t)in->section,
		.number = in->sections[in->section].interfaces++,
		.link_type = found->link_type,
		.snaplen = found->snaplen,
		.offset_s = found->offset_s,
		.resolution = found->resolution,
		.fcs = found->fcs,
		.options = kept_options(in, options, length),
	};
	if (described->options != NULL)
		described->options_length = length;
}

/* A section header or an interface description, which may have been met before. */
static void
hear(void *listener, const uint8_t *block, uint32_t length)
{
	struct lk_capture_input *in = listener;
	const struct lk_capture_file *w = &in->reader.file;
	uint32_t number = w->interface_count - 1;

	if (in->has_no_memory || in->too_many != NULL)
		return;
	if (lk_get32(block) != LK_BLOCK_SECTION) {
		if (number >= in->sections[in->section].interfaces)
			add_interface(in, w->at, &w->interfaces[number], block + INTERFACE_OPTIONS,
				      length - INTERFACE_OPTIONS - 4);
	} else if (in->told.sections == 0 || w->at > in->sections[in->told.sections - 1].at) {
		add_section(in, w->at, block + SECTION_OPTIONS, length - SECTION_OPTIONS - 4);
	} else if (w->at != in->sections[in->section].at) {
		in->section++;
	}
}

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
	in->reader.file.hear = hear;
	in->reader.file.listener = in;
	return in;
}

void
lk_codec_capture_shut(struct lk_capture_input *in)
{
	for (uint64_t i = 0; i < in->told.sections; i++)
		free(in->sections[i].options);
	for (uint64_t i = 0; i < in->told.interfaces; i++)
		free(in->interfaces[i].options);
	free(in->sections);
	free(in->interfaces);
	free(in->comments.all);
	free(in->comments.text);
	free(in->reader.buffer);
	free(in);
}

static int
add_comment(struct comments *c, uint64_t record, const uint8_t *text, uint32_t length)
{
	while (c->bytes + length > c->text_room)
		if (!grow((void **)&c->text, &c->text_room, c->text_room, 1))
			return 0;
	if (!grow((void **)&c->all, &c->room, c->count, sizeof(*c->all)))
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
	enum lk_capture_status status;
	uint64_t n = 0, used = 0;

	if (room < LK_CAPTURE_MOST_KEPT)
		return -EINVAL;
	in->comments.count = in->comments.bytes = 0;
	while (n < most && in->comments.bytes < MOST_COMMENTS) {
		status = lk_capture_reader_next(r, &record);
		if (r->file.format == LK_CAPTURE_PCAP && in->told.sections == 0) {
			add_section(in, 0, NULL, 0);
			add_interface(in, 0, &r->file.interfaces[0], NULL, 0);
		}
		if (in->has_no_memory)
			return -ENOMEM;
		if (in->too_many != NULL)
			status = lk_capture_fails(&r->file, LK_CAPTURE_BAD, in->too_many);
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
	return r->error != 0 && n == 0 ? -r->error : (int64_t)n;
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
	if (w->format == LK_CAPTURE_PCAP && at < LK_PCAP_HEADER)
		at = LK_PCAP_HEADER;
	while (n > 1 && in->sections[n - 1].at > at)
		n--;
	in->section = n - 1;
	section = &in->sections[in->section];
	w->is_big = (int)section->is_big;
	w->interface_count = 0;
	for (uint64_t i = 0; i < section->interfaces; i++) {
		const struct lk_capture_described *d =
			&in->interfaces[section->first_interface + i];

		if (d->at >= at && at > LK_PCAP_HEADER)
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
