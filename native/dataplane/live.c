/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Live streams: a trial without an end, whose streams are started, changed and stopped while they
 * run. The command thread, whose side this is, makes ready what is to become of them, and the
 * generator's worker takes it over between two bursts (live_worker.c): what it works on has one
 * owner, and nobody waits for a lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include "bell.h"
#include "trial.h"
#include "worker.h"

static void
free_changes(struct lk_changes *c)
{
	for (uint32_t i = 0; c != NULL && i < c->count; i++)
		lk_frames_free(c->planned[i].frames);
	free(c);
}

static int
plan(struct lk_trial *t, struct lk_planned *p, const struct lk_change *change,
     struct lk_changes *all)
{
	const struct lk_stream_config *config = change->stream;
	struct lk_stream *s = &t->streams[change->index];
	struct lk_arrivals *a = t->arrivals[change->index];
	int rc;

	p->kind = change->kind;
	p->index = change->index;
	if (change->kind == LK_FLOW_CLEAR && a != NULL) {
		struct lk_latencies *fresh = lk_latencies_new();

		if (fresh == NULL)
			return -ENOMEM;
		lk_latencies_free(atomic_exchange(&a->retired, NULL));
		lk_latencies_free(atomic_exchange(&a->spare, fresh));
		return 0;
	}
	if (config == NULL)
		return 0;
	rc = lk_frames_new(&p->frames, &p->shape, config, config->id);
	if (rc != 0)
		return rc;
	all->longest = RTE_MAX(all->longest, p->frames->longest);
	lk_pace_of(&p->pace, config);
	p->first = lk_schedule_cycles(config->first_ns);
	p->intended = config->intended;
	p->duration = lk_schedule_cycles((double)config->duration_ns);
	p->catches_up = config->catches_up;
	p->stamps_each = config->latency;
	if (a == NULL) {
		a = lk_arrivals_new(config->places);
		if (a == NULL)
			return -ENOMEM;
		s->id = config->id;
		t->arrivals[change->index] = a;
		t->index_of[config->id] = (uint16_t)(change->index + 1);
		t->used = RTE_MAX(t->used, change->index + 1);
	} else if (change->kind == LK_FLOW_START && a->places < config->places) {
		if (a->places == 1) { /* what came so far came there */
			a->by_place[0] = a->sequence.received;
			a->base.by_place[0] = a->base.received;
			a->before.by_place[0] = a->before.received;
		}
		a->places = config->places;
		atomic_store(&a->is_watched, 1);
	}
	return 0;
}

int
lk_live_change(struct lk_trial *t, const struct lk_change *changes, uint32_t count, uint64_t at)
{
	struct lk_changes *all, *before = atomic_load(&t->wanted);
	int rc = 0;

	if (before != atomic_load(&t->made))
		return -EBUSY;
	all = calloc(1, sizeof(*all) + count * sizeof(all->planned[0]));
	if (all == NULL)
		return -ENOMEM;
	all->at = at;
	all->count = count;
	for (uint32_t i = 0; i < count && rc == 0; i++)
		rc = changes[i].index < t->config.streams
			     ? plan(t, &all->planned[i], &changes[i], all)
			     : -EINVAL;
	all->pool = rc == 0 ? lk_trial_pool(all->longest) : NULL;
	if (rc == 0 && all->pool == NULL)
		rc = -ENOMEM;
	if (rc != 0) {
		free_changes(all);
		return rc;
	}
	atomic_store(&t->wanted, all);
	free_changes(before); /* done, and only its address is compared until the new ones are */
	return 0;
}

int
lk_live_wait(struct lk_trial *t, uint64_t timeout_ns)
{
	const struct timespec moment = {0, 20000};
	uint64_t end = rte_rdtsc() + (uint64_t)((double)timeout_ns * lk_clock_tsc_hz() / 1e9);

	while (atomic_load_explicit(&t->made, memory_order_acquire) != atomic_load(&t->wanted)) {
		if (rte_rdtsc() > end)
			return -ETIMEDOUT;
		lk_workers_wake();
		nanosleep(&moment, NULL);
	}
	return 0;
}

void
lk_live_free(struct lk_trial *t)
{
	for (uint32_t i = 0; i < t->held; i++)
		rte_pktmbuf_free(t->waiting[i]);
	t->held = 0;
	if (t->running > 0)
		lk_workers_keep_awake(-1);
	free_changes(atomic_load(&t->wanted));
}
void
lk_live_share(struct lk_trial *t)
{
	if (t->shares)
		return;
	lk_workers_pause(); /* who takes a frame without the lock has done so then */
	t->shares = 1;
	lk_workers_resume();
}
