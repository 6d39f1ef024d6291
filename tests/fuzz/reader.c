/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over the reader of captures: what it reads in batches of two records is what
 * it reads again from any of them on, of a file and of a pipe.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api.h"

#define MOST 512u

struct all {
	struct lk_captured records[MOST];
	uint64_t count;
	unsigned int sum;
};

static unsigned int
sum_of(const uint8_t *bytes, uint64_t n)
{
	unsigned int sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static void
read_all(struct lk_capture_input *in, struct all *all)
{
	static uint8_t buffer[262144 + 1000];
	struct lk_captured records[2];
	const struct lk_capture_comment *comments;
	const uint8_t *text;
	uint64_t count;
	int64_t n;

	all->count = all->sum = 0;
	while ((n = lk_codec_capture_read(in, buffer, sizeof(buffer), records, 2)) > 0) {
		for (int64_t i = 0; i < n; i++) {
			if (records[i].kept > records[i].length ||
			    records[i].offset + records[i].kept > sizeof(buffer) ||
			    all->count == MOST)
				abort();
			all->sum += sum_of(buffer + records[i].offset, records[i].kept);
			records[i].offset = 0;
			all->records[all->count++] = records[i];
		}
		comments = lk_codec_capture_comments(in, &count, &text);
		for (uint64_t i = 0; i < count; i++) {
			if (comments[i].record >= (uint64_t)n)
				abort();
			all->sum += sum_of(text + comments[i].offset, comments[i].length);
		}
	}
	if (n < 0)
		abort();
}

static void
check_tables(const struct lk_capture_input *in, const struct all *all)
{
	const struct lk_capture_section *sections = lk_codec_capture_sections(in);
	const struct lk_capture_described *interfaces = lk_codec_capture_interfaces(in);
	struct lk_capture_told told;

	lk_codec_capture_tell(in, &told);
	if (told.records != all->count || !told.is_over)
		abort();
	for (uint64_t i = 0; i < all->count; i++) {
		const struct lk_captured *r = &all->records[i];

		if (r->section >= told.sections || r->interface >= told.interfaces ||
		    interfaces[r->interface].section != r->section ||
		    interfaces[r->interface].link_type != r->link_type ||
		    r->at < sections[r->section].at)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct all first, again;
	int fd = memfd_create("fuzz", 0), ends[2];
	struct lk_capture_input *in = lk_codec_capture_open(fd);

	if (fd < 0 || in == NULL || write(fd, data, size) != (ssize_t)size)
		abort();
	read_all(in, &first);
	check_tables(in, &first);
	for (uint64_t i = 0; i < first.count; i++) {
		if (lk_codec_capture_seek(in, first.records[i].at) != 0)
			abort();
		read_all(in, &again);
		check_tables(in, &first);
		if (again.count != first.count - i ||
		    memcmp(again.records, first.records + i,
			   again.count * sizeof(*again.records)) != 0)
			abort();
	}
	lk_codec_capture_shut(in);
	close(fd);

	if (pipe(ends) != 0 || write(ends[1], data, size) != (ssize_t)size)
		abort();
	close(ends[1]);
	in = lk_codec_capture_open(ends[0]);
	if (in == NULL)
		abort();
	read_all(in, &again);
	check_tables(in, &first);
	if (again.count != first.count || again.sum != first.sum ||
	    memcmp(again.records, first.records, again.count * sizeof(*again.records)) != 0)
		abort();
	lk_codec_capture_shut(in);
	close(ends[0]);
	return 0;
}
