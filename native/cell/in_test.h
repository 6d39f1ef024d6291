/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Behind the C of a cell: a program that gives it frames (lk.node.test), built with
 * AddressSanitizer and UndefinedBehaviorSanitizer. What a frame has around it is poisoned, so that
 * a byte too far is told with the line of the cell.
 *
 * Input (labkit/node/testing.py): seconds, headroom, tailroom, how many values and counters there
 * are; the values; the number of each entry; then frames with their length in front, until the end.
 * Output: verdict, length and bytes of each frame, and the counters behind the last.
 */
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "cell.h"

#define LK_CELL_LATE  97 /* as labkit/node/testing.py knows it */
#define LK_CELL_WAITS 10 /* times as long by the clock as on the CPU */

static FILE *lk_cell_answer; /* what the node prints goes elsewhere */

static struct {
	uint8_t *bytes;
	size_t size;
	unsigned int number; /* of frames so far */
} lk_cell_buffer;

void
lk_cell_moved(const struct lk_frame *f)
{
	const uint8_t *end = lk_cell_buffer.bytes + lk_cell_buffer.size;

	ASAN_POISON_MEMORY_REGION(lk_cell_buffer.bytes, lk_cell_buffer.size);
	if (f->data >= lk_cell_buffer.bytes && f->data <= end &&
	    f->length <= (size_t)(end - f->data)) {
		fprintf(stderr, "frame %u at %p, %u\n", lk_cell_buffer.number, (void *)f->data,
			f->length);
		ASAN_UNPOISON_MEMORY_REGION(f->data, f->length);
	}
}

/* Where it is when its time is over. */
static void
lk_cell_late(int number)
{
	(void)number;
	__sanitizer_print_stack_trace();
	_exit(LK_CELL_LATE);
}

static int
lk_cell_read(void *to, size_t bytes)
{
	return fread(to, 1, bytes, stdin) == bytes;
}

static uint32_t
lk_cell_read_number(void)
{
	uint32_t number = 0;

	if (!lk_cell_read(&number, sizeof(number)))
		exit(2);
	return number;
}

static void
lk_cell_write(const void *from, size_t bytes)
{
	if (fwrite(from, 1, bytes, lk_cell_answer) != bytes)
		exit(2);
}

/* A frame in the middle of a buffer, and what became of it. */
static void
lk_cell_try(uint32_t length, uint32_t headroom, uint32_t tailroom)
{
	struct lk_frame f = {NULL, length, headroom, tailroom};
	uint32_t verdict;

	lk_cell_buffer.size = (size_t)headroom + length + tailroom;
	lk_cell_buffer.bytes = malloc(lk_cell_buffer.size);
	if (lk_cell_buffer.bytes == NULL)
		exit(2);
	f.data = lk_cell_buffer.bytes + headroom;
	if (!lk_cell_read(f.data, length))
		exit(2);
	lk_cell_moved(&f);
	verdict = (uint32_t)LK_CELL_CALL(&f);
	ASAN_UNPOISON_MEMORY_REGION(lk_cell_buffer.bytes, lk_cell_buffer.size);
	if (f.data < lk_cell_buffer.bytes || f.data > lk_cell_buffer.bytes + lk_cell_buffer.size ||
	    f.length > (size_t)(lk_cell_buffer.bytes + lk_cell_buffer.size - f.data))
		f.length = UINT32_MAX; /* it ends outside of its buffer */
	lk_cell_write(&verdict, sizeof(verdict));
	lk_cell_write(&f.length, sizeof(f.length));
	if (f.length != UINT32_MAX)
		lk_cell_write(f.data, f.length);
	fflush(lk_cell_answer);
	free(lk_cell_buffer.bytes);
	lk_cell_buffer.number++;
}

int
main(void)
{
	static struct lk_node_value values[LK_NODE_VALUES];
	uint32_t seconds = lk_cell_read_number(), headroom = lk_cell_read_number();
	uint32_t tailroom = lk_cell_read_number();
	uint32_t value_count = lk_cell_read_number(), counter_count = lk_cell_read_number();
	uint32_t length;

	lk_cell_answer = fdopen(dup(STDOUT_FILENO), "w");
	if (lk_cell_answer == NULL || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return 2;
	/* A loop takes its seconds from the CPU, however busy the machine is; what sleeps, from the
	 * clock. */
	signal(SIGPROF, lk_cell_late);
	signal(SIGALRM, lk_cell_late);
	setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = seconds}, NULL);
	alarm(seconds * LK_CELL_WAITS);
	if (!lk_cell_read(values, value_count * sizeof(values[0])))
		return 2;
	for (struct lk_cell_entry *e = __start_lk_cells; e < __stop_lk_cells; e++)
		e->number = lk_cell_read_number();
	lk_cell_now.values = values;
	lk_cell_now.counters = calloc(counter_count + 1, sizeof(uint64_t));
	lk_cell_now.state = calloc(1, LK_CELL_STATE_BYTES + 1);
	if (lk_cell_now.counters == NULL || lk_cell_now.state == NULL)
		return 2;
	while (fread(&length, sizeof(length), 1, stdin) == 1)
		lk_cell_try(length, headroom, tailroom);
	lk_cell_write(lk_cell_now.counters, counter_count * sizeof(uint64_t));
	return fclose(lk_cell_answer) == 0 ? 0 : 2;
}
