/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Live streams: a trial without an end, whose streams are started, changed and stopped while they
 * run. The command thread, whose side this is, makes ready what is to become of them, and the
 * worker of each lane takes its part over between two bursts (live_worker.c): what it works on has
 * one owner, and nobody waits for a lock.
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

/* Memory for the counts that begin anew, in each lane where frames of the share arrive. */
static int
plan_clearing(const struct lk_trial *t, uint32_t place)
{
	for (uint32_t i = 0; i < t->config.receivers; i++) {
		struct lk_arrivals *a = t->receivers[i].arrivals[place];
		struct lk_latencies *fresh = a != NULL ? lk_latencies_new() : NULL;

		if (a == NULL)
			continue;
		if (fresh == NULL)
			return -ENOMEM;
		lk_latencies_free(atomic_exchange(&a->retired, NULL));
		lk_latencies_free(atomic_exchange(&a->spare, fresh));
	}
	return 0;
}

/* It may arrive on more ports than before. */
static void
widen(struct lk_arrivals *a, uint32_t places)
{
	if (a->places >= places)
		return;
	if (a->places == 1) { /* what came so far came there */
		a->by_place[0] = a->sequence.received;
		a->base.by_place[0] = a->base.received;
		a->before.by_place[0] = a->before.received;
	}
	a->places = places;
	atomic_store(&a->is_watched, 1);
}

static int
plan_arrivals(struct lk_trial *t, uint32_t place, const struct lk_stream_config *config,
	      int is_start)
{
	for (uint32_t i = 0; i < t->config.receivers; i++) {
		struct lk_arrivals **a = &t->receivers[i].arrivals[place];

		if (*a != NULL && is_start)
			widen(*a, config->places);
		else if (*a == NULL)
			*a = lk_arrivals_new(config->places);
		if (*a == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* Fields that tell flows apart, unless they are those of its frames so far. */
static int
plan_flows(struct lk_trial *t, uint32_t place, struct lk_planned *p,
	   const struct lk_stream_config *config)
{
	const struct lk_flow_order *order = t->receivers[0].arrivals[place]->order;
	struct lk_flow_fields *flows;
	int rc = lk_flows_new(t, place, config, p->share, &flows);

	p->has_flows = 1;
	p->flows = flows;
	if (rc != 0 || order == NULL || !lk_flows_are_equal(order->flows, flows))
		return rc;
	if (flows != NULL) {
		t->flows = flows->link;
		free(flows);
	}
	p->has_flows = 0;
	p->flows = order->flows;
	return 0;
}

static int
plan(struct lk_sender *g, struct lk_planned *p, const struct lk_change *change,
     struct lk_changes *all)
{
	struct lk_trial *t = (struct lk_trial *)(uintptr_t)g->trial;
	const struct lk_stream_config *config = change->stream;
	struct lk_stream *s = &g->streams[change->index];
	uint32_t place = lk_share_place(t, g->lane, change->index);
	int rc;

	p->kind = change->kind;
	p->index = change->index;
	if (change->kind == LK_FLOW_CLEAR)
		return plan_clearing(t, place);
	if (config == NULL)
		return 0;
	p->share = change->kind == LK_FLOW_SET
			   ? s->share
			   : lk_share_of(config, change->index, g->lane, t->config.lanes);
	rc = plan_arrivals(t, place, config, change->kind == LK_FLOW_START);
	if (rc != 0)
		return rc;
	t->used = RTE_MAX(t->used, change->index + 1);
	if (p->share.of == 0)
		return 0;
	rc = plan_flows(t, place, p, config);
	if (rc != 0)
		return rc;
	s->id = (uint16_t)(config->id + p->share.lane);
	t->index_of[s->id] = place + 1;
	rc = lk_frames_new(&p->frames, &p->shape, config, s->id, p->share);
	if (rc != 0)
		return rc;
	all->longest = RTE_MAX(all->longest, p->frames->longest);
	lk_pace_of(&p->pace, config, p->share);
	p->first = lk_first_due(config, p->share);
	p->intended = lk_share_frames(p->share, config->intended);
	p->duration = lk_schedule_cycles((double)config->duration_ns);
	p->catches_up = config->catches_up;
	p->stamps_each = config->latency;
	return 0;
}

static int
is_changing(const struct lk_sender *g)
{
	return atomic_load_explicit(&g->made, memory_order_acquire) != atomic_load(&g->wanted);
}

/* What one lane is to do; nothing is told yet. */
static int
plan_all(struct lk_sender *g, const struct lk_change *changes, uint32_t count, uint64_t at,
	 struct lk_changes **planned)
{
	struct lk_changes *all = calloc(1, sizeof(*all) + count * sizeof(all->planned[0]));
	int rc = 0;

	*planned = all;
	if (all == NULL)
		return -ENOMEM;
	all->at = at;
	all->count = count;
	for (uint32_t i = 0; i < count && rc == 0; i++)
		rc = changes[i].index < g->trial->config.streams
			     ? plan(g, &all->planned[i], &changes[i], all)
			     : -EINVAL;
	if (rc != 0)
		return rc;
	all->pool = lk_trial_pool(all->longest, g->lane);
	return all->pool == NULL ? -ENOMEM : 0;
}

int
lk_live_change(struct lk_trial *t, const struct lk_change *changes, uint32_t count, uint64_t at)
{
	struct lk_changes *all[t->config.lanes];
	uint32_t lanes = 0;
	int rc = 0;

	for (uint32_t i = 0; i < t->config.lanes; i++)
		if (is_changing(&t->senders[i]))
			return -EBUSY;
	while (lanes < t->config.lanes && rc == 0) {
		rc = plan_all(&t->senders[lanes], changes, count, at, &all[lanes]);
		lanes++;
	}
	for (uint32_t i = 0; i < lanes; i++) {
		if (rc == 0) /* what they did is done; only its address was compared until now */
			all[i] = atomic_exchange(&t->senders[i].wanted, all[i]);
		free_changes(all[i]);
	}
	return rc;
}

int
lk_live_wait(struct lk_trial *t, uint64_t timeout_ns)
{
	const struct timespec moment = {0, 20000};
	uint64_t end = rte_rdtsc() + (uint64_t)((double)timeout_ns * lk_clock_tsc_hz() / 1e9);

	for (uint32_t i = 0; i < t->config.lanes; i++) {
		while (is_changing(&t->senders[i])) {
			if (rte_rdtsc() > end)
				return -ETIMEDOUT;
			lk_workers_wake();
			nanosleep(&moment, NULL);
		}
	}
	return 0;
}

void
lk_live_free(struct lk_sender *g)
{
	for (uint32_t i = 0; i < g->held; i++)
		rte_pktmbuf_free(g->waiting[i]);
	g->held = 0;
	if (g->running > 0)
		lk_workers_keep_awake(-1);
	free_changes(atomic_load(&g->wanted));
}

void
lk_live_share(struct lk_trial *t)
{
	if (t->is_shared)
		return;
	lk_workers_pause(); /* who takes a frame without the lock has done so then */
	t->is_shared = 1;
	lk_workers_resume();
}
