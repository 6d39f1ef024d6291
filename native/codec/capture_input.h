/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_INPUT_H
#define LK_CAPTURE_INPUT_H

#include "api.h"
#include "capture_reader.h"

struct lk_capture_comments {
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
	struct lk_capture_comments comments;
	uint64_t section; /* in which the walk is */
	uint64_t seen;	  /* byte up to which records were counted */
	int has_no_memory;
	const char *trouble; /* for which reading ends */
};

/* Room for one more; 0: there is no memory. */
int lk_capture_grow(void **array, uint64_t *room, uint64_t count, uint64_t size);
/* That of a pcap file, which describes neither. */
void lk_capture_add_only_interface(struct lk_capture_input *in);
/* A section header or an interface description, which may have been met before. */
void lk_capture_hear(void *input, const uint8_t *block, uint32_t length);
void lk_capture_free_tables(struct lk_capture_input *in);

#endif
