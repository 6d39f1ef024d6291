/* SPDX-License-Identifier: BSD-3-Clause */

/* A stream as the generator has it: deep copies of what Python compiled, and its schedule. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

static int
copy_templates(struct lk_frames *f, const struct lk_stream_config *config, uint16_t id)
{
	f->templates = calloc(config->template_count, sizeof(*f->templates));
	if (f->templates == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->template_count; i++) {
		struct lk_compiled *c = &f->templates[i];
		uint8_t *bytes;

		c->template = config->templates[i];
		bytes = calloc(1, RTE_ALIGN(c->template.length, 64u));
		if (bytes == NULL)
			return -ENOMEM;
		memcpy(bytes, c->template.bytes, c->template.length);
		if (config->has_signature)
			sign(&c->template, bytes, config->checksum_count, id);
		c->template.bytes = bytes;
		c->mark = new_mark(id);
		lk_describe(c->descriptor, c->template.length);
		f->longest = RTE_MAX(f->longest, c->template.length);
		f->template_count++;
	}
	return 0;
}

static int
copy_fields(struct lk_frames *f, const struct lk_stream_config *config)
{
	f->fields = calloc(RTE_MAX(1u, config->field_count), sizeof(*f->fields));
	if (f->fields == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->field_count; i++) {
		struct lk_field *field = &f->fields[i];
		uint64_t *values;

		*field = config->fields[i];
		field->at = field->held = 0;
		if (field->values == NULL)
			continue;
		values = malloc(field->count * sizeof(*values));
		if (values != NULL)
			memcpy(values, config->fields[i].values, field->count * sizeof(*values));
		field->values = values;
		f->field_count = i + 1;
		if (values == NULL)
			return -ENOMEM;
	}
	f->field_count = config->field_count;
	return 0;
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

/* -ENOMEM leaves a part, which lk_frames_free() takes. */
int
lk_frames_copy(struct lk_frames *f, const struct lk_stream_config *config, uint16_t id)
{
	int rc;

	*f = (struct lk_frames){.order_length = config->order_length,
				.checksum_count = config->checksum_count,
				.has_signature = config->has_signature};
	if (config->field_count > LK_MAX_FIELDS || config->checksum_count > LK_MAX_CHECKSUMS)
		return -EINVAL;
	f->order = malloc(config->order_length * sizeof(*f->order));
	if (f->order == NULL)
		return -ENOMEM;
	memcpy(f->order, config->order, config->order_length * sizeof(*f->order));
	if (config->replay != NULL)
		return open_replay(f, config, id);
	rc = copy_templates(f, config, id);
	return rc == 0 ? copy_fields(f, config) : rc;
}

void
lk_frames_free(struct lk_frames *f)
{
	for (uint32_t i = 0; i < f->template_count; i++)
		free((void *)(uintptr_t)f->templates[i].template.bytes);
	for (uint32_t i = 0; i < f->field_count; i++)
		free((void *)(uintptr_t)f->fields[i].values);
	free(f->templates);
	free(f->fields);
	free(f->order);
	if (f->replay != NULL) {
		lk_replay_close(f->replay);
		close(f->replay_fd);
	}
	*f = (struct lk_frames){0};
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

struct lk_arrivals *
lk_arrivals_new(uint32_t places)
{
	struct lk_arrivals *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->places = places;
	a->is_watched = 1;
	a->latency = calloc(1, sizeof(*a->latency));
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

		free(list);
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
	return lk_frames_copy(&s->frames, config, s->id);
}
