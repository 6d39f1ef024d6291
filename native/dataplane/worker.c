/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A worker is an lcore that walks the graphs it was given. It polls flat out while frames flow.
 * When nothing came for a while it rests between two walks, longer each time, so that an idle lab
 * leaves the CPU to others. Who has something for it rings its bell: the notebook, a worker that
 * sends on a cable, the command thread. What comes from elsewhere waits until the rest is over. A
 * worker without a CPU of its own gives way after every empty walk.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_launch.h>

#include "graph.h"
#include "node.h"
#include "standstill.h"
#include "worker.h"

#define SPIN_NS		200000
#define FIRST_REST_NS	20000
#define LONGEST_REST_NS 1000000
#define SETTLE_NS	20000000
#define SETTLE_LOOKS	1000

struct work {
	unsigned int count;
	struct rte_graph *graphs[];
};

/* What one worker writes in every walk lies in no line that another one reads. */
struct worker {
	_Atomic(struct work *) wanted;
	_Atomic(struct work *) current; /* what the loop walks: the old work may be freed */
	struct work *paused;		/* what it walks again afterwards */
	atomic_int stop;
	int started;
	int cpu;
	_Atomic uint32_t graphs; /* what it walks; a recorder must not look into `wanted` */
	_Atomic uint64_t loops, busy_cycles, idle_cycles;
} __rte_cache_aligned;
LK_APART(struct worker);

static struct worker workers[RTE_MAX_LCORE];
static struct work no_work;
static atomic_int kept_awake;

void
lk_workers_keep_awake(int by)
{
	atomic_fetch_add(&kept_awake, by);
}

static struct lk_bell *
bell_of(const struct worker *w)
{
	return lk_bell_of(lk_status, (uint32_t)(w - workers));
}

static void
rest(const struct worker *w, uint64_t idle_cycles, uint64_t *rest_ns)
{
	_Atomic uint32_t *rests = &bell_of(w)->rests;

	if (atomic_load_explicit(&kept_awake, memory_order_relaxed) ||
	    RTE_PER_LCORE(lk_holds_frames) ||
	    (double)idle_cycles * 1e9 < SPIN_NS * lk_clock_tsc_hz()) {
		if (w->cpu < 0)
			sched_yield();
		else
			rte_pause();
		return;
	}
	if (atomic_load_explicit(rests, memory_order_relaxed) == 0) {
		atomic_store(rests, 1); /* and a last walk, for what came before this was seen */
		return;
	}
	lk_futex_wait(rests, 1, *rest_ns);
	if (*rest_ns < LONGEST_REST_NS)
		*rest_ns = *rest_ns * 5 / 4;
}

static void
add(_Atomic uint64_t *counter, uint64_t value)
{
	/* One writer: a plain add whose halves no reader can see, and behind what it counts. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value,
			      memory_order_release);
}

/*
 * As rte_graph_walk, which reads the clock before and after every node: reading takes as long as a
 * node that has nothing to do. Here the end of a node is the beginning of the next. Returns the
 * time of the end.
 */
static uint64_t
walk(struct rte_graph *graph, uint64_t now)
{
	const rte_graph_off_t *nodes =
		graph->cir_start; /* sources in front, what they feed behind */
	uint32_t head = graph->head;

	while (likely(head != graph->tail)) {
		struct rte_node *node = RTE_PTR_ADD(graph, nodes[(int32_t)head++]);
		uint64_t begin = now;

		rte_prefetch0(node->objs);
		node->total_objs += node->process(graph, node, node->objs, node->idx);
		node->idx = 0;
		now = rte_rdtsc();
		node->total_cycles += now - begin;
		node->total_calls++;
		head = likely((int32_t)head > 0) ? head & graph->cir_mask : head;
	}
	graph->tail = 0;
	return now;
}

static int
run(void *arg)
{
	struct worker *w = arg;
	_Atomic uint32_t *rests = &bell_of(w)->rests;
	uint64_t rest_ns = FIRST_REST_NS, before = rte_rdtsc(), idle_since = before;

	prctl(PR_SET_TIMERSLACK, 1000);
	lk_standstill_watch((unsigned int)(w - workers), &w->loops,
			    &RTE_PER_LCORE(lk_current_node));
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		struct work *work = atomic_load_explicit(&w->wanted, memory_order_acquire);
		uint64_t activity = RTE_PER_LCORE(lk_activity), now = before;

		atomic_store_explicit(&w->current, work, memory_order_release);
		RTE_PER_LCORE(lk_python_sends) = 0;
		RTE_PER_LCORE(lk_holds_frames) = 0;
		for (unsigned int i = 0; i < work->count; i++)
			now = walk(work->graphs[i], now);
		RTE_PER_LCORE(lk_current_node) = RTE_NODE_ID_INVALID;
		add(&w->loops, 1);
		if (RTE_PER_LCORE(lk_activity) != activity) {
			add(&w->busy_cycles, now - before);
			idle_since = now;
			rest_ns = FIRST_REST_NS;
			if (atomic_load_explicit(rests, memory_order_relaxed) != 0)
				atomic_store_explicit(rests, 0, memory_order_relaxed);
		} else {
			rest(w, before - idle_since, &rest_ns);
			now = rte_rdtsc();
			add(&w->idle_cycles, now - before);
		}
		before = now;
	}
	lk_standstill_end((unsigned int)(w - workers));
	atomic_store(&w->current, &no_work);
	return 0;
}

static int
pin(void *arg)
{
	struct worker *w = arg;

	if (w->cpu >= 0) {
		rte_cpuset_t set;

		CPU_ZERO(&set);
		CPU_SET(w->cpu, &set);
		if (rte_thread_set_affinity(&set) != 0)
			w->cpu = -1;
	}
	return run(w);
}

int
lk_worker_start(unsigned int lcore, int cpu)
{
	struct worker *w = &workers[lcore];
	int rc;

	if (lcore >= RTE_MIN(LK_BELLS, RTE_MAX_LCORE) || !rte_lcore_is_enabled(lcore) ||
	    lcore == rte_get_main_lcore())
		return -ENODEV;
	if (w->started)
		return -EALREADY;
	w->cpu = cpu;
	w->stop = 0;
	w->wanted = &no_work;
	w->current = &no_work;
	w->graphs = 0;
	w->loops = w->busy_cycles = w->idle_cycles = 0;
	rc = rte_eal_remote_launch(pin, w, lcore);
	w->started = rc == 0;
	return rc;
}

static void
wait_until_walked(struct worker *w, struct work *work)
{
	const struct timespec moment = {0, 20000};

	while (atomic_load_explicit(&w->current, memory_order_acquire) != work) {
		lk_bell_ring(bell_of(w));
		nanosleep(&moment, NULL);
	}
}

void
lk_workers_pause(void)
{
	for (unsigned int lcore = 0; lcore < RTE_MAX_LCORE; lcore++)
		if (workers[lcore].started)
			workers[lcore].paused = atomic_exchange(&workers[lcore].wanted, &no_work);
	for (unsigned int lcore = 0; lcore < RTE_MAX_LCORE; lcore++)
		if (workers[lcore].started)
			wait_until_walked(&workers[lcore], &no_work);
}

void
lk_workers_wake(void)
{
	for (unsigned int lcore = 0; lcore < RTE_MAX_LCORE; lcore++)
		if (workers[lcore].started)
			lk_bell_ring(bell_of(&workers[lcore]));
}

/*
 * Returns when all walk again. One that has taken up its work and not told so yet would look paused
 * to the next lk_workers_pause(), and would walk while the caller believes that nobody does.
 */
void
lk_workers_resume(void)
{
	for (unsigned int lcore = 0; lcore < RTE_MAX_LCORE; lcore++)
		if (workers[lcore].started)
			atomic_store_explicit(&workers[lcore].wanted, workers[lcore].paused,
					      memory_order_release);
	for (unsigned int lcore = 0; lcore < RTE_MAX_LCORE; lcore++)
		if (workers[lcore].started)
			wait_until_walked(&workers[lcore], workers[lcore].paused);
}

/* Replaces what the worker walks; returns when the old graphs are not walked any more. */
int
lk_worker_run(unsigned int lcore, const int *graphs, unsigned int count)
{
	struct worker *w = &workers[lcore];
	struct work *work, *old;

	if (lcore >= RTE_MAX_LCORE || !w->started)
		return -ENODEV;
	work = malloc(sizeof(*work) + count * sizeof(work->graphs[0]));
	if (work == NULL)
		return -ENOMEM;
	work->count = count;
	for (unsigned int i = 0; i < count; i++) {
		work->graphs[i] = lk_graph_get(graphs[i]);
		if (work->graphs[i] == NULL) {
			free(work);
			return -ENOENT;
		}
	}
	w->graphs = count;
	for (unsigned int i = 0; i < count; i++)
		lk_graph_is_walked_by(graphs[i], lcore);
	old = atomic_exchange(&w->wanted, work);
	wait_until_walked(w, work);
	if (old != &no_work)
		free(old);
	return 0;
}

/*
 * Returns when the walk that is under way has ended: who has a frame already finds it counted then.
 * Not for ever: a worker may stand still.
 */
void
lk_worker_settle(unsigned int lcore)
{
	const struct timespec moment = {0, SETTLE_NS / SETTLE_LOOKS};
	struct worker *w = &workers[lcore];
	uint64_t loops;

	if (lcore >= RTE_MAX_LCORE || !w->started)
		return;
	loops = atomic_load(&w->loops);
	for (int i = 0; i < SETTLE_LOOKS && atomic_load(&w->loops) == loops; i++) {
		lk_bell_ring(bell_of(w));
		nanosleep(&moment, NULL);
	}
}

/* A worker that ended still tells what it did: a recorder may be about to look. */
int
lk_worker_info(unsigned int lcore, struct lk_worker_info *info)
{
	const struct worker *w = &workers[lcore];
	double ns_per_cycle = 1e9 / lk_clock_tsc_hz();

	if (lcore >= RTE_MAX_LCORE || w->wanted == NULL)
		return -ENODEV;
	info->cpu = w->cpu;
	info->graphs = w->graphs;
	info->loops = w->loops;
	info->busy_cycles = w->busy_cycles;
	info->idle_cycles = w->idle_cycles;
	info->busy_ns = (uint64_t)((double)info->busy_cycles * ns_per_cycle);
	info->idle_ns = (uint64_t)((double)info->idle_cycles * ns_per_cycle);
	return 0;
}

int
lk_worker_stop(unsigned int lcore)
{
	struct worker *w = &workers[lcore];
	struct work *old;

	if (lcore >= RTE_MAX_LCORE || !w->started)
		return -ENODEV;
	w->stop = 1;
	lk_bell_ring(bell_of(w));
	rte_eal_wait_lcore(lcore);
	old = atomic_exchange(&w->wanted, &no_work);
	if (old != &no_work)
		free(old);
	w->started = 0;
	return 0;
}
