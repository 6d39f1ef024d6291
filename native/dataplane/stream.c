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
copy_parts(struct lk_frames *f, const struct lk_stream_config *config, uint16_t id,
	   struct lk_share share)
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
	if (config->order_length > 0) {
		f->order_at = share.lane % config->order_length;
		f->order_stride = share.of % config->order_length;
	}
	for (uint32_t i = 0; i < config->field_count; i++) {
		struct lk_field *field = &f->fields[i];
		size_t bytes = config->fields[i].count * sizeof(uint64_t);

		*field = config->fields[i];
		lk_field_share(field, share.lane, share.of);
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
	      const struct lk_stream_config *config, uint16_t id, struct lk_share share)
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
	copy_parts(f, config, id, share);
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

/*
 * What a lane has of a stream: every so many frames, or, of bursts, so many frames of each. A
 * capture goes out as a whole, and so do bursts that cannot be divided: others have none of it.
 */
struct lk_share
lk_share_of(const struct lk_stream_config *config, uint32_t index, uint32_t lane, uint32_t lanes)
{
	int is_whole = config->whole || config->replay != NULL ||
		       (config->burst > 1 && config->burst % lanes != 0);

	if (!is_whole)
		return (struct lk_share){lane, lanes};
	return (struct lk_share){0, index % lanes == lane ? 1 : 0};
}

/* How many of a stream's first frames a share has. */
uint64_t
lk_share_frames(struct lk_share share, uint64_t frames)
{
	if (share.of <= 1)
		return share.of * frames;
	if (frames == UINT64_MAX)
		return frames;
	return frames / share.of + (share.lane < frames % share.of);
}

/* Every share has its own times, which together are those of the stream. */
void
lk_pace_of(struct lk_pace *pace, const struct lk_stream_config *config, struct lk_share share)
{
	uint32_t of = RTE_MAX(1u, share.of), burst = RTE_MAX(1u, config->burst / of);
	uint64_t interval = lk_schedule_cycles(config->interval_ns * burst * of / config->burst);
	uint64_t least = interval / burst * BACKLOG_FRAMES;

	*pace = (struct lk_pace){
		.interval = RTE_MAX(1u, interval),
		.within = lk_schedule_cycles(config->within_ns * of),
		.backlog = RTE_MAX(interval,
				   RTE_MIN(least, lk_schedule_cycles(1e9 / BACKLOGS_A_SECOND))),
		.burst = burst,
		.is_paced = config->paced,
	};
}

/* When a share begins: each as much later as its first frame is. */
uint64_t
lk_first_due(const struct lk_stream_config *config, struct lk_share share)
{
	double between = config->burst == 1 ? config->interval_ns : config->within_ns;

	return lk_schedule_cycles(config->first_ns + share.lane * between);
}

static int
add_share(struct lk_sender *g, uint32_t index, const struct lk_stream_config *config)
{
	struct lk_trial *t = (struct lk_trial *)(uintptr_t)g->trial;
	struct lk_stream *s = &g->streams[index];
	struct lk_heap *heap = t->config.paced ? &g->paced : &g->flat_out;
	uint32_t place = lk_share_place(t, g->lane, index);
	struct lk_flow_fields *flows;
	int rc;

	s->share = lk_share_of(config, index, g->lane, t->config.lanes);
	s->id = (uint16_t)(t->config.first_stream + place);
	lk_pace_of(&s->pace, config, s->share);
	s->due = lk_first_due(config, s->share);
	s->end = UINT64_MAX;
	s->burst_left = s->pace.burst;
	s->intended = lk_share_frames(s->share, config->intended);
	s->stamps_each = t->config.latency;
	for (uint32_t lane = 0; lane < t->config.receivers; lane++) {
		t->receivers[lane].arrivals[place] = lk_arrivals_new(1);
		if (t->receivers[lane].arrivals[place] == NULL)
			return -ENOMEM;
	}
	if (s->share.of == 0)
		return 0;
	rc = lk_flows_new(t, place, config, s->share, &flows);
	if (rc != 0)
		return rc;
	lk_flows_begin(t, place, flows, 0);
	if (s->intended > 0)
		heap->entries[heap->length++] = (struct lk_due){s->due, index};
	return lk_frames_new(&s->frames, &s->shape, config, s->id, s->share);
}

int
lk_trial_add_stream(struct lk_trial *t, uint32_t index, const struct lk_stream_config *config)
{
	int rc = 0;

	if (index >= t->config.streams)
		return -EINVAL;
	for (uint32_t lane = 0; lane < t->config.lanes && rc == 0; lane++)
		rc = add_share(&t->senders[lane], index, config);
	t->used = RTE_MAX(t->used, index + 1);
	return rc;
}
