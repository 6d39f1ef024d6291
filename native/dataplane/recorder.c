/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A recorder reads counters at a fixed rate into rows of shared memory. Its thread is no lcore: it
 * sleeps between two ticks. A driver that answers late costs ticks, which are counted, and delays
 * no worker; of the commands, only those that change the plan wait for it.
 *
 * What it reads is a plan. Whoever takes a port or a graph away first sets a plan without it:
 * lk_recorder_set_plan() returns when no tick reads by the old one.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "api.h"
#include "link.h"
#include "port.h"
#include "verdict.h"

#define NS 1000000000u

struct lk_recorder {
	pthread_t thread;
	pthread_mutex_t lock; /* held by a tick, and while the plan changes */
	pthread_cond_t wake;
	int stop;
	uint64_t interval_ns;
	struct lk_recorder_header *memory;
	uint64_t bytes;
	uint64_t rows;
	uint32_t room; /* values of a row */
	uint64_t generation;
	uint32_t parts_count;
	struct lk_recorder_part *parts;
};

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static int
read_graph(const struct lk_recorder_part *part, uint64_t *values)
{
	struct lk_drop_counters drops[LK_DROP_COUNT];
	/* So many drop nodes of users' own kinds there were when the plan was made. */
	int drop_count = LK_VERDICT_COUNT + (int)part->queue;
	/* Calls, objects and cycles lie in the row as they lie in the struct. */
	int rc = lk_path_counters((int)part->id, (struct lk_node_counters *)values, drops);

	values += part->count - (uint32_t)(drop_count - LK_FIRST_DROP);
	for (int v = LK_FIRST_DROP; rc == 0 && v < drop_count; v++)
		*values++ = drops[v].frames;
	return rc;
}

/* Of every node of a path, the edges that carried frames; -ENOSPC: not all of them. */
static int
read_flows(struct lk_recorder *r, const struct lk_recorder_part *part, struct lk_recorder_row *row,
	   uint32_t first)
{
	uint32_t width = sizeof(struct lk_node_counters) / sizeof(uint64_t);
	struct lk_recorded_flow *flows = (struct lk_recorded_flow *)(row->values + row->count);
	uint64_t room = (r->room - row->count) / (sizeof(*flows) / sizeof(uint64_t));
	uint64_t left[LK_EDGE_COUNT];

	for (uint32_t i = 0; lk_path_left((int)part->id, i, left) == 0; i++) {
		for (uint32_t v = 0; v < LK_EDGE_COUNT; v++) {
			if (left[v] == 0)
				continue;
			if (row->flows == room)
				return -ENOSPC;
			flows[row->flows++] =
				(struct lk_recorded_flow){first + i * width, v, left[v]};
		}
	}
	return 0;
}

static int
read_worker(const struct lk_recorder_part *part, struct lk_recorded_worker *row)
{
	struct lk_worker_info info;
	int rc = lk_worker_info(part->id, &info);

	if (rc != 0)
		return rc;
	*row = (struct lk_recorded_worker){info.busy_cycles, info.idle_cycles, info.loops};
	return 0;
}

static struct lk_recorded_level
level_of_pool(uint32_t port)
{
	const struct rte_mempool *pool = lk_ports[port].pool;

	return (struct lk_recorded_level){rte_mempool_in_use_count(pool),
					  rte_mempool_avail_count(pool)};
}

static struct lk_recorded_level
level_of_ring(uint32_t port, uint32_t queue)
{
	const struct rte_ring *ring = lk_ports[port].tx_rings[queue];

	return (struct lk_recorded_level){rte_ring_count(ring), rte_ring_free_count(ring)};
}

static int
read_state(const struct lk_recorder_part *part, uint64_t *values)
{
	const volatile uint64_t *counters = lk_graph_state((int)part->id, part->queue);

	if (counters == NULL)
		return -ENOENT;
	for (uint32_t i = 0; i < part->count; i++)
		values[i] = counters[i];
	return 0;
}

static int
read_part(const struct lk_recorder_part *part, uint64_t *values)
{
	int rc;

	switch (part->kind) {
	case LK_RECORD_PORT:
		rc = lk_port_xstat_values((uint16_t)part->id, values, part->count);
		return rc == (int)part->count ? 0 : -EIO;
	case LK_RECORD_LINK:
		lk_link_record((uint16_t)part->id, (struct lk_recorded_link *)values);
		return 0;
	case LK_RECORD_TOLD: /* there may be more by now, which the next plan has */
		rc = lk_sick_told((uint16_t)part->id, values, part->count);
		return rc >= (int)part->count ? 0 : -EIO;
	case LK_RECORD_GRAPH:
		return read_graph(part, values);
	case LK_RECORD_LANE:
		return lk_graph_lane((int)part->id, (struct lk_recorded_lane *)values);
	case LK_RECORD_WORKER:
		return read_worker(part, (struct lk_recorded_worker *)values);
	case LK_RECORD_POOL:
		*(struct lk_recorded_level *)values = level_of_pool(part->id);
		return 0;
	case LK_RECORD_RING:
		*(struct lk_recorded_level *)values = level_of_ring(part->id, part->queue);
		return 0;
	case LK_RECORD_STATE:
		return read_state(part, values);
	}
	return -EINVAL;
}

static void
tick(struct lk_recorder *r)
{
	uint64_t number = atomic_load_explicit(&r->memory->written, memory_order_relaxed);
	size_t stride = sizeof(struct lk_recorder_row) + r->room * sizeof(uint64_t);
	struct lk_recorder_row *row =
		(struct lk_recorder_row *)((uint8_t *)r->memory + LK_RECORDER_HEADER +
					   number % r->rows * stride);
	uint64_t *values = row->values;

	/* Before a row is overwritten every reader must be able to see that it will be. */
	atomic_store_explicit(&r->memory->reserved, number + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	row->number = number;
	row->generation = r->generation;
	row->monotonic_ns = now_ns(CLOCK_MONOTONIC);
	row->time_ns = now_ns(CLOCK_REALTIME);
	for (uint32_t i = 0; i < r->parts_count; i++) {
		const struct lk_recorder_part *part = &r->parts[i];

		if (read_part(part, values) != 0)
			for (uint32_t v = 0; v < part->count; v++)
				values[v] = UINT64_MAX;
		values += part->count;
	}
	row->count = (uint64_t)(values - row->values);
	row->flows = 0;
	for (uint32_t i = 0, first = 0; i < r->parts_count; first += r->parts[i++].count) {
		if (r->parts[i].kind == LK_RECORD_GRAPH &&
		    read_flows(r, &r->parts[i], row, first) != 0) {
			row->flows = UINT64_MAX;
			break;
		}
	}
	atomic_store_explicit(&r->memory->written, number + 1, memory_order_release);
}

static void *
record(void *arg)
{
	struct lk_recorder *r = arg;
	uint64_t next;

	prctl(PR_SET_TIMERSLACK, 1000);
	pthread_mutex_lock(&r->lock);
	while (!r->stop && r->parts == NULL)
		pthread_cond_wait(&r->wake, &r->lock);
	next = now_ns(CLOCK_MONOTONIC);
	while (!r->stop) {
		struct timespec until = {(time_t)(next / NS), (long)(next % NS)};
		uint64_t now;

		if (pthread_cond_timedwait(&r->wake, &r->lock, &until) != ETIMEDOUT)
			continue;
		tick(r);
		next += r->interval_ns;
		now = now_ns(CLOCK_MONOTONIC);
		if (now > next) {
			uint64_t late = (now - next) / r->interval_ns;

			atomic_fetch_add(&r->memory->missed, late);
			next += late * r->interval_ns;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static int
start(struct lk_recorder *r, int fd)
{
	pthread_condattr_t attributes;
	int rc;

	r->memory = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r->memory == MAP_FAILED)
		return -errno;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attributes);
	rc = -pthread_create(&r->thread, NULL, record, r);
	if (rc != 0)
		munmap(r->memory, r->bytes);
	else
		pthread_setname_np(r->thread, "lk-recorder");
	return rc;
}

/* A recorder that begins when it gets a plan. NULL: no memory or no thread. */
struct lk_recorder *
lk_recorder_start(int fd, uint64_t rows, uint32_t room, uint64_t interval_ns)
{
	struct lk_recorder *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->rows = rows;
	r->room = room;
	r->interval_ns = interval_ns;
	r->bytes = LK_RECORDER_HEADER +
		   rows * (sizeof(struct lk_recorder_row) + room * sizeof(uint64_t));
	if (start(r, fd) != 0) {
		free(r);
		return NULL;
	}
	return r;
}

int
lk_recorder_set_plan(struct lk_recorder *r, uint64_t generation,
		     const struct lk_recorder_part *parts, uint32_t count)
{
	struct lk_recorder_part *copy = malloc((count + 1) * sizeof(*copy)), *old;
	uint64_t values = 0;

	if (copy == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		copy[i] = parts[i];
		values += parts[i].count;
	}
	if (values > r->room) {
		free(copy);
		return -ENOSPC;
	}
	pthread_mutex_lock(&r->lock);
	old = r->parts;
	r->parts = copy;
	r->parts_count = count;
	r->generation = generation;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	free(old);
	return 0;
}

void
lk_recorder_stop(struct lk_recorder *r)
{
	pthread_mutex_lock(&r->lock);
	r->stop = 1;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	munmap(r->memory, r->bytes);
	free(r->parts);
	free(r);
}
