/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over the walker of captures, what makes frames Ethernet, and what gives them
 * other addresses. The file
 * stands in an allocation of its own, so that AddressSanitizer sees a read of one byte too far.
 */
#include <stdlib.h>

#include "capture_file.h"
#include "link_type.h"
#include "rewrite.h"

/* Every address becomes another one, with and without tags; both ends of either copy are seen. */
static void
rewrite(const struct lk_capture_record *record)
{
	static const int32_t vlans[] = {LK_REWRITE_AS_IS, LK_REWRITE_NO_VLAN, 7};
	static struct lk_rewrite w = {
		.net_count = 2,
		.nets = {{.version = 4, .to = {192}, .bits = 3},
			 {.version = 6, .to = {0x20}, .bits = 0}},
	};
	uint8_t *from = malloc(record->kept + 1u);

	if (from == NULL)
		abort();
	from++; /* an odd address */
	memcpy(from, record->bytes, record->kept);
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t length;
		uint8_t *to;

		w.vlan = vlans[i];
		length = lk_rewrite_length(&w, from, record->kept);
		to = malloc(length + (length == 0));
		if (to == NULL || length > record->kept + 4)
			abort();
		lk_rewrite_frame(&w, from, record->kept, to);
		free(to);
	}
	free(from - 1);
}

/* The frame as one of every link type; both copies end where they are allocated. */
static void
to_ethernet(const struct lk_capture_record *record)
{
	static const uint32_t links[] = {
		LK_LINK_NULL, LK_LINK_ETHERNET, LK_LINK_PPP,  LK_LINK_RAW,
		LK_LINK_LOOP, LK_LINK_SLL,	LK_LINK_IPV4, LK_LINK_SLL2,
	};
	uint8_t *from = malloc(record->kept + (record->kept == 0));

	if (from == NULL)
		abort();
	memcpy(from, record->bytes, record->kept);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		uint32_t kept = record->kept, length = record->length;
		uint8_t *to = malloc(kept + LK_ETHER_LENGTH);

		if (to == NULL)
			abort();
		if (lk_to_ethernet(links[i], from, &kept, &length, to) == LK_ETHERNET_MADE &&
		    (kept > length || kept > record->kept + LK_ETHER_LENGTH))
			abort();
		free(to);
	}
	free(from);
}

/* Every option behind a frame is read to its last byte. */
static unsigned int
sum_options(const struct lk_capture_file *walker, const struct lk_capture_record *record)
{
	uint32_t at = 0, code, size;
	const uint8_t *value;
	unsigned int sum = 0;

	while ((value = lk_pcapng_option(walker, record->options, &at, record->options_length,
					 &code, &size)) != NULL)
		for (uint32_t i = 0; i < size; i++)
			sum += value[i];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lk_capture_file walker;
	struct lk_capture_record record;
	uint8_t *bytes = malloc(size + (size == 0));
	unsigned int sum = 0;
	enum lk_capture_status status;

	if (bytes == NULL)
		abort();
	memcpy(bytes, data, size);
	lk_capture_file_begin(bytes, size, &walker);
	while ((status = lk_capture_file_next(&walker, &record)) == LK_CAPTURE_RECORD) {
		if (record.bytes < bytes || record.kept > record.length ||
		    record.fcs > record.length || record.bytes + record.kept > bytes + size)
			abort();
		for (uint32_t i = 0; i < record.kept; i++)
			sum += record.bytes[i];
		if (record.options_length != 0)
			sum += sum_options(&walker, &record);
		rewrite(&record);
		to_ethernet(&record);
	}
	if (status == LK_CAPTURE_MORE || (status != LK_CAPTURE_END && walker.reason == NULL) ||
	    lk_capture_file_next(&walker, &record) != status)
		abort();
	free(bytes);
	if (sum == UINT32_MAX) /* so that the bytes are truly read */
		abort();
	return 0;
}
