/* SPDX-License-Identifier: BSD-3-Clause */

/* Sections and interfaces of a capture, kept as they are met. */
#include <stdlib.h>

#include "capture_input.h"

#define MOST_DESCRIBED	  65536u      /* sections, and interfaces of all of them */
#define MOST_OPTIONS	  (64u << 20) /* bytes of their options; of those beyond, none is kept */
#define SECTION_OPTIONS	  24u	      /* where they begin in their block */
#define HAS_CHANGED	  "the file has changed while it was read"
#define INTERFACE_OPTIONS 16u

int
lk_capture_grow(void **array, uint64_t *room, uint64_t count, uint64_t size)
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
		in->trouble = "more than 65,536 sections";
		return;
	}
	if (!lk_capture_grow((void **)&in->sections, &in->section_room, in->told.sections,
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
		in->trouble = "more than 65,536 interfaces";
		return;
	}
	if (!lk_capture_grow((void **)&in->interfaces, &in->interface_room, in->told.interfaces,
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

/* The section that begins there, this one or the next; the number of all of them: none does. */
static uint64_t
section_at(const struct lk_capture_input *in, uint64_t at)
{
	for (uint64_t n = in->section; n <= in->section + 1 && n < in->told.sections; n++)
		if (in->sections[n].at == at)
			return n;
	return in->told.sections;
}

void
lk_capture_hear(void *input, const uint8_t *block, uint32_t length)
{
	struct lk_capture_input *in = input;
	const struct lk_capture_file *w = &in->reader.file;
	uint64_t last = in->told.sections - 1, found;
	uint32_t number = w->interface_count - 1;

	if (in->has_no_memory || in->trouble != NULL)
		return;
	if (lk_get32(block) == LK_BLOCK_SECTION) {
		if (in->told.sections == 0 || w->at > in->sections[last].at) {
			add_section(in, w->at, block + SECTION_OPTIONS,
				    length - SECTION_OPTIONS - 4);
			return;
		}
		found = section_at(in, w->at);
		if (found > last)
			in->trouble = HAS_CHANGED;
		else
			in->section = found;
	} else if (number >= in->sections[in->section].interfaces) {
		if (in->section == last)
			add_interface(in, w->at, &w->interfaces[number], block + INTERFACE_OPTIONS,
				      length - INTERFACE_OPTIONS - 4);
		else
			in->trouble = HAS_CHANGED;
	}
}

void
lk_capture_add_only_interface(struct lk_capture_input *in)
{
	add_section(in, 0, NULL, 0);
	if (!in->has_no_memory)
		add_interface(in, 0, &in->reader.file.interfaces[0], NULL, 0);
}

void
lk_capture_free_tables(struct lk_capture_input *in)
{
	for (uint64_t i = 0; i < in->told.sections; i++)
		free(in->sections[i].options);
	for (uint64_t i = 0; i < in->told.interfaces; i++)
		free(in->interfaces[i].options);
	free(in->sections);
	free(in->interfaces);
}
