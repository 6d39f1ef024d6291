/* SPDX-License-Identifier: BSD-3-Clause */

/* A stream as the generator has it: deep copies of what Python compiled, and its schedule. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "trial.h"

#define BACKLOG_FRAMES	  512
#define BACKLOGS_A_SECOND 1000
#define MOST_CYCLES	  0x1p63     /* with a fraction; more than a day of 5 GHz */
#define FIRST_NS	  2000000000 /* that a disk may take */
#define FIRST_TRIES	  20000

uint64_t
lk_schedule_cycles(double ns)
{
	return (uint64_t)RTE_MIN(ns * lk_clock_tsc_hz() / 1e9 * (1 << LK_CYCLE_FRACTION),
				 MOST_CYCLES);
}

/* Python compiled the template as that of stream 0. */
static void
sign(struct lk_template *t, uint8_t *bytes, uint32_t checksums, uint16_t stream)
{
	const struct lk_signature signature = {.stream = stream};

	lk_write_signature(bytes + t->length, &signature);
	for (uint32_t i = 0; i < checksums; i++) {
		struct lk_checksum *c = &t->checksums[i];

		c->base = lk_fold(c->base + (uint64_t)stream * c->signature_factor);
	}
}

/* What buffers of this stream are marked with from now on: never the same again. */
static uint64_t
new_mark(uint16_t id)
{
	static uint64_t made;

	return ++made << 16 | id;
}

/* Where the next part of one piece of memory begins. */
static size_t
next_part(size_t *end, size_t bytes)
{
	size_t part = *end;

	*end += RTE_ALIGN(bytes, (size_t)RTE_CACHE_LINE_SIZE);
	return part;
}

static size_t
bytes_of(const struct lk_stream_config *config)
{
	size_t end = 0;

	next_part(&end,
		  sizeof(struct lk_frames) + config->template_count * sizeof(struct lk_compiled));
	next_part(&end, config->field_count * sizeof(struct lk_field));
	for (uint32_t i = 0; i < config->template_count; i++)
		next_part(&end, config->templates[i].length);
	next_part(&end, config->order_length * sizeof(*config->order));
	for (uint32_t i = 0; i < config->field_count; i++)
		if (config->fields[i].values != NULL)
			next_part(&end, config->fields[i].count * sizeof(uint64_t));
	return end;
}

static void
copy_parts(struct lk_frames *f, const struct lk_stream_config *config, uint16_t id)
{
	uint8_t *memory = (uint8_t *)f;
	size_t end = 0;
	void *part;

	next_part(&end, sizeof(*f) + config->template_count * sizeof(f->templates[0]));
	f->fields = (void *)(memory + next_part(&end, config->field_count * sizeof(*f->fields)));
	for (uint32_t i = 0; i < config->template_count; i++) {
		struct lk_compiled *c = &f->templates[i];
		uint8_t *bytes = memory + next_part(&end, config->templates[i].length);

		c->template = config->templates[i];
		memcpy(bytes, c->template.bytes, c->template.length);
		if (config->has_signature)
			sign(&c->template, bytes, config->checksum_count, id);
		c->template.bytes = bytes;
		c->mark = new_mark(id);
		f->longest = RTE_MAX(f->longest, c->template.length);
	}
	part = memory + next_part(&end, config->order_length * sizeof(*f->order));
	f->order = memcpy(part, config->order, config->order_length * sizeof(*f->order));
	for (uint32_t i = 0; i < config->field_count; i++) {
		struct lk_field *field = &f->fields[i];
		size_t bytes = config->fields[i].count * sizeof(uint64_t);

		*field = config->fields[i];
		field->at = field->held = 0;
		if (field->values == NULL)
			continue;
		part = memory + next_part(&end, bytes);
		field->values = memcpy(part, config->fields[i].values, bytes);
	}
}

/* The thread reads ahead before it is its turn: no frame waits for the disk's first answer. */
static void
wait_for_first(struct lk_replay *replay)
{
	const struct timespec moment = {0, FIRST_NS / FIRST_TRIES};

	for (int i = 0; i < FIRST_TRIES && lk_replay_peek(replay) == NULL &&
			lk_replay_state(replay) == LK_REPLAY_WAITS;
	     i++)
		nanosleep(&moment, NULL);
}

static int
open_replay(struct lk_frames *f, const struct lk_stream_config *config, uint16_t id)
{
	struct lk_replay_config replay = *config->replay;

	replay.fd = fcntl(replay.fd, F_DUPFD_CLOEXEC, 0);
	if (replay.fd < 0)
		return -errno;
	f->replay = lk_replay_open(&replay);
	if (f->replay == NULL) {
		close(replay.fd);
		return -ENOMEM;
	}
	f->replay_fd = replay.fd;
	f->replay_mark = new_mark(id);
	f->longest = config->longest;
	wait_for_first(f->replay);
	return 0;
}

int
lk_frames_new(struct lk_frames **frames, struct lk_shape *shape,
	      const struct lk_stream_config *config, uint16_t id)
{
	size_t bytes = bytes_of(config);
	struct lk_frames *f;
	int rc = 0;

	if (config->field_count > LK_MAX_FIELDS || config->checksum_count > LK_MAX_CHECKSUMS)
		return -EINVAL;
	f = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (f == NULL)
		return -ENOMEM;
	memset(f, 0, bytes);
	f->template_count = config->template_count;
	f->order_length = config->order_length;
	*shape = (struct lk_shape){
		.is_plain = config->template_count == 1 && config->field_count <= 1 &&
			    config->checksum_count == 1 && config->templates[0].sctp_length == 0,
		.has_signature = config->has_signature != 0,
		.is_replay = config->replay != NULL,
		.field_count = (uint8_t)config->field_count,
		.checksum_count = (uint8_t)config->checksum_count,
	};
	copy_parts(f, config, id);
	if (config->replay != NULL)
		rc = open_replay(f, config, id);
	if (rc != 0) {
		free(f);
		return rc;
	}
	*frames = f;
	return 0;
}

void
lk_frames_free(struct lk_frames *f)
{
	if (f != NULL && f->replay != NULL) {
		lk_replay_close(f->replay);
		close(f->replay_fd);
	}
	free(f);
}

void
lk_pace_of(struct lk_pace *pace, const struct lk_stream_config *config)
{
	uint64_t interval = lk_schedule_cycles(config->interval_ns);
	uint64_t least = interval / config->burst * BACKLOG_FRAMES;

	*pace = (struct lk_pace){
		.interval = RTE_MAX(1u, interval),
		.within = lk_schedule_cycles(config->within_ns),
		.backlog = RTE_MAX(interval,
				   RTE_MIN(least, lk_schedule_cycles(1e9 / BACKLOGS_A_SECOND))),
		.burst = config->burst,
		.is_paced = config->paced,
	};
}

/* Few of its pages are ever written to, and only these take memory: malloc's might be cleared. */
struct lk_latencies *
lk_latencies_new(void)
{
	void *memory = mmap(NULL, sizeof(struct lk_latencies), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

struct lk_arrivals *
lk_arrivals_new(uint32_t places)
{
	struct lk_arrivals *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->places = places;
	a->is_watched = 1;
	a->latency = lk_latencies_new();
	if (a->latency == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

void
lk_latencies_free(struct lk_latencies *list)
{
	while (list != NULL) {
		struct lk_latencies *next = list->link;

		munmap(list, sizeof(*list));
		list = next;
	}
}

void
lk_arrivals_free(struct lk_arrivals *a)
{
	if (a == NULL)
		return;
	lk_latencies_free(a->latency);
	lk_latencies_free(a->spare);
	lk_latencies_free(a->retired);
	free(a);
}

int
lk_trial_add_stream(struct lk_trial *t, uint32_t index, const struct lk_stream_config *config)
{
	struct lk_stream *s = &t->streams[index];
	struct lk_heap *heap = t->config.paced ? &t->paced : &t->flat_out;

	if (index >= t->config.streams)
		return -EINVAL;
	s->id = (uint16_t)(t->config.first_stream + index);
	lk_pace_of(&s->pace, config);
	s->due = lk_schedule_cycles(config->first_ns);
	s->end = UINT64_MAX;
	s->burst_left = config->burst;
	s->intended = config->intended;
	s->stamps_each = t->config.latency;
	t->arrivals[index] = lk_arrivals_new(1);
	if (t->arrivals[index] == NULL)
		return -ENOMEM;
	t->used = RTE_MAX(t->used, index + 1);
	if (s->intended > 0)
		heap->entries[heap->length++] = (struct lk_due){s->due, index};
	return lk_frames_new(&s->frames, &s->shape, config, s->id);
}
