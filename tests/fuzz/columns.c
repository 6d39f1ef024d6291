/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over what captures are taken apart into: every column of a frame, its flow,
 * and what is in its tunnels. What was kept of the frame stands in an allocation of its own, so
 * that AddressSanitizer sees a byte too far, also one that is written.
 */
#include <stdlib.h>

#include "api.h"
#include "capture_walker.h"
#include "encap.h"

#define ROWS 1024u /* after which addresses and flows are forgotten */

/* As in walks.c, whose seeds are those of this target, too. */
static const uint16_t link_types[] = {1, 0, 9, 12, 50, 51, 101, 108, 113, 228, 229, 276, 147};
static const uint8_t protocols[] = {LK_VXLAN, LK_GENEVE, LK_GUE};

static struct lk_tunnel tunnels[3];

static uint8_t *
copied(const uint8_t *bytes, uint32_t size)
{
	uint8_t *copy = malloc(size + (size == 0));

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, size);
	return copy;
}

static void
take_apart(struct lk_columns *columns, const uint8_t *frame, const struct lk_captured *record)
{
	static uint64_t values[2 * LK_COL_COUNT][LK_MOST_OFFSETS / 2];
	static uint8_t missing[2 * LK_COL_COUNT];
	static struct lk_column_out out[2 * LK_COL_COUNT];
	struct lk_columns_wanted wanted = {
		.out = out,
		.vxlan = &tunnels[0],
		.geneve = &tunnels[1],
		.gue = &tunnels[2],
	};

	for (unsigned int n = 0; n < 2 * LK_COL_COUNT; n++) {
		uint8_t column = n % LK_COL_COUNT, is_inner = n >= LK_COL_COUNT;

		if (is_inner && !lk_column_is_packets(column))
			continue;
		out[wanted.count++] =
			(struct lk_column_out){column, is_inner, values[n], &missing[n]};
	}
	if (lk_codec_columns(columns, &wanted, frame, record, 1, 0) != 1)
		abort();
	/* A length that is less than nothing would be a large one. */
	if (!missing[LK_COL_payload_length] &&
	    *(uint32_t *)values[LK_COL_payload_length] > record->length)
		abort();
}

static void
strip(const uint8_t *bytes, const struct lk_captured *record, uint32_t count, int is_nested)
{
	const struct lk_tunnel *ends[] = {&tunnels[0], &tunnels[1], &tunnels[2]};
	uint8_t *frame = copied(bytes, record->kept);
	struct lk_captured after = *record;
	struct lk_stripped told;

	if (lk_codec_strip(ends, count, is_nested, frame, &after, 1, &told) != 0 ||
	    after.kept > record->kept || after.kept > after.length || after.fcs > after.length ||
	    told.verdict >= LK_VERDICT_COUNT)
		abort();
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of what is given the first bytes are the link type, what else was on the wire, and its FCS. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lk_columns *columns;
	static struct lk_flows *flows;
	static unsigned int rows;
	struct lk_captured record = {.has_time = 1};
	uint32_t count;
	uint8_t *frame;

	if (size < 3)
		return 0;
	if (rows++ % ROWS == 0) {
		lk_codec_columns_close(columns);
		lk_codec_flows_close(flows);
		columns = lk_codec_columns_open();
		flows = lk_codec_flows_open();
		for (unsigned int n = 0; n < 3; n++)
			tunnels[n] = (struct lk_tunnel){
				.protocol = protocols[n],
				.takes_any_vni = 1,
				.takes_any_source = n != 0,
			};
	}
	if (columns == NULL || flows == NULL)
		abort();
	record.link_type = link_types[data[0] % (sizeof(link_types) / sizeof(link_types[0]))];
	record.kept = (uint32_t)size - 3;
	record.length = record.kept + (data[1] < 128 ? 0 : data[1] < 255 ? data[1] - 128u : 70000u);
	record.fcs = data[2] % 8 <= record.length ? data[2] % 8 : 0;
	record.time_ns = (int64_t)((uint64_t)rows << (data[2] >> 3));
	frame = copied(data + 3, record.kept);
	take_apart(columns, frame, &record);
	if (lk_codec_flows(flows, 0, NULL, frame, &record, 1, rows) < 0)
		abort();
	lk_codec_flows_rows(flows, &count);
	strip(frame, &record, 0, 1);
	strip(frame, &record, 3, 1);
	strip(frame, &record, 3, 0);
	free(frame);
	return 0;
}
