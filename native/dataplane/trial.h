/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TRIAL_H
#define LK_TRIAL_H

#include <stdatomic.h>

#include <rte_graph.h>
#include <rte_mbuf.h>

#include "api.h"
#include "heap.h"
#include "histogram.h"
#include "mark.h"
#include "sequence.h"

#define LK_TRIAL_BURST 128
#define LK_LANE_LINES  (2 * RTE_CACHE_LINE_SIZE) /* what two workers write to is so far apart */

/*
 * Times of the schedule are TSC cycles after the start with some bits of fraction: the other 50
 * hold three days of 4 GHz.
 */
#define LK_CYCLE_FRACTION 14
#define LK_REBASE_BITS	  46 /* cycles after which the schedule of live streams counts anew; hours */

struct lk_compiled {
	uint64_t mark; /* of a buffer that holds this template */
	struct lk_template template;
} __rte_cache_aligned;

/*
 * What a stream sends, from Python; replaced as a whole. One piece of memory: this, templates,
 * fields, bytes of the templates, and the rest. Thousands of streams share a cache: of most, the
 * next frame needs a line of the template, one of the field, and the bytes.
 */
struct lk_frames {
	struct lk_field *fields;
	const uint16_t *order;	  /* frame n has template order[n % order_length] */
	struct lk_replay *replay; /* frames of a capture in place of templates */
	uint64_t replay_mark;	  /* of buffers that hold one */
	uint32_t template_count, order_length, order_at, order_stride;
	uint32_t longest;
	int replay_fd;
	struct lk_compiled templates[];
} __rte_cache_aligned;

/* How much of it a frame needs. */
struct lk_shape {
	uint8_t has_signature, is_replay;
	uint8_t is_plain; /* one size, one field at most, one checksum, and no SCTP */
	uint8_t field_count, checksum_count;
};

/* One lane's part of a stream: of its frames every `of`th one, from number `lane` on; of 0: none.
 */
struct lk_share {
	uint32_t lane, of;
};

/* When it sends: cycles of the schedule. */
struct lk_pace {
	uint64_t interval; /* from burst to burst */
	uint64_t within;   /* between the frames of a burst */
	uint64_t backlog;  /* how far behind its schedule it may catch up */
	uint32_t burst;
	int is_paced;
};

/*
 * A lane's share of a stream on its way out; all of it belongs to that lane's worker. The first two
 * cache lines have all that its schedule needs.
 */
struct lk_stream {
	uint64_t due;	   /* of its next frame; of a paused one, how long after it goes on */
	uint64_t end;	   /* nothing is due from there on; as due of a paused one */
	uint64_t owed;	   /* how much later it runs than it was to */
	uint64_t intended; /* frames; UINT64_MAX: until the time is over */
	uint64_t made;	   /* handed to what follows the generator */
	uint64_t skipped;  /* never made: too far behind the schedule */
	uint64_t last_due, last_made; /* TSC; for the jitter */
	struct lk_pace pace;
	struct lk_frames *frames;
	uint64_t made_bytes; /* with FCS */
	uint32_t burst_left;
	struct lk_shape shape;
	uint8_t catches_up, stamps_each;
	uint8_t has_next; /* `due` is that of the capture's next frame, and not yet of its last */
	uint8_t has_failed;
	uint64_t refused; /* made, and not taken by the port */
	uint64_t refused_bytes;
	uint64_t played_ns; /* when that frame is due in the capture */
	uint16_t id;
	struct lk_share share;
	/* of live ones */
	atomic_int state;    /* enum lk_flow_state */
	uint32_t held;	     /* made, and waiting for room in the port */
	uint64_t held_bytes; /* with FCS */
	uint64_t stopped;    /* TSC of the end of its last run */
	uint64_t made_before, skipped_before, refused_before; /* it was cleared, */
	uint64_t bytes_before;				      /* without what was not sent */
	uint64_t told_sent, told_bytes; /* by the command thread, and not to be taken back */
} __rte_aligned(LK_LANE_LINES);

struct lk_arrival_counts {
	uint64_t received;
	uint64_t bytes; /* with FCS, of frames that came for the first time */
	uint64_t reordered;
	uint64_t duplicated;
	uint64_t too_old;
	uint64_t by_place[LK_MOST_PLACES];
};

/* Latencies of a stream since it was cleared, which the command thread makes and frees. */
struct lk_latencies {
	struct lk_histogram histogram;
	struct lk_latencies *link;
};

/* A stream on its way in, at one of the lanes that receive; belongs to that lane's worker. */
struct lk_arrivals {
	struct lk_sequence sequence;
	uint32_t sent;	/* of its numbers, as it was looked up last: the generator's line is busy */
	uint64_t bytes; /* with FCS, of frames that came for the first time */
	struct lk_latencies *latency;
	_Atomic(struct lk_flow_order *) order; /* NULL: all frames are of one flow */
	/* of live ones */
	uint64_t last_tsc;
	_Atomic int is_timed;	/* here again: the generator's worker writes its own line often */
	_Atomic int is_watched; /* a frame needs more than to be counted: what follows */
	uint64_t first;		/* number of the first frame since it was cleared */
	uint64_t first_tsc;
	_Atomic uint32_t clears_asked;
	uint32_t cleared;
	uint32_t places;      /* ports that it arrives on */
	uint64_t asked_first; /* what begins with the next clearing */
	_Atomic(struct lk_latencies *) spare;
	_Atomic(struct lk_latencies *) retired; /* a list */
	uint64_t by_place[LK_MOST_PLACES];
	struct lk_arrival_counts base;	 /* when it was cleared */
	struct lk_arrival_counts before; /* came since, and were sent before that */
} __rte_aligned(LK_LANE_LINES);

/* Where a worker stands in the time series. */
struct lk_tick_cursor {
	uint64_t end; /* TSC */
	uint32_t at;
	struct lk_tick *ticks;
};

/*
 * A lane that sends: one worker, one queue of the port. What it writes for a frame is in memory
 * that no other worker writes to, in whole pairs of lines as CPUs fetch them, so that a lane costs
 * the same however many there are.
 */
struct lk_sender {
	const struct lk_trial *trial;
	uint32_t lane;
	struct lk_stream *streams; /* its share of each */
	uint64_t epoch;		   /* TSC that the schedule counts from */
	struct lk_heap paced, flat_out;
	uint64_t finished; /* TSC; 0: not yet */
	struct lk_tick_cursor sending;
	struct rte_mempool *pool;
	struct rte_mbuf *spare[LK_TRIAL_BURST];
	uint32_t spares;
	const struct rte_graph *graph;
	_Atomic(struct lk_changes *) made; /* those of `wanted` that are done */
	_Atomic uint64_t version;	   /* odd while it makes frames */
	uint32_t *ending;		   /* streams that have made their last frame */
	uint32_t endings;
	uint32_t running;
	uint32_t held; /* made, not taken by the port, and sent again */
	uint64_t refusals;
	struct rte_mbuf *waiting[LK_TRIAL_BURST];
	struct lk_histogram jitter;
	/* the command thread's */
	_Atomic(struct lk_changes *) wanted __rte_aligned(LK_LANE_LINES);
} __rte_aligned(LK_LANE_LINES);

/* How far a port's worker is: it counts while this is odd. */
struct lk_version {
	_Atomic uint64_t count;
} __rte_aligned(LK_LANE_LINES);

/* A lane that receives: one worker, of live traffic one for each port that frames arrive on. */
struct lk_receiver {
	struct lk_arrivals **arrivals; /* of every share of every stream */
	struct lk_tick_cursor receiving;
	uint64_t unsigned_frames, unsigned_bytes;
	atomic_flag lock; /* where several workers are one lane, who take turns by it */
	struct lk_version versions[LK_MOST_PLACES];
} __rte_aligned(LK_LANE_LINES);

_Static_assert(sizeof(struct lk_stream) % LK_LANE_LINES == 0, "streams of two lanes apart");
_Static_assert(sizeof(struct lk_sender) % LK_LANE_LINES == 0, "lanes that send apart");
_Static_assert(offsetof(struct lk_sender, wanted) % LK_LANE_LINES == 0, "command thread apart");
_Static_assert(sizeof(struct lk_receiver) % LK_LANE_LINES == 0, "lanes that receive apart");
_Static_assert(sizeof(struct lk_version) % LK_LANE_LINES == 0, "workers that receive apart");

/* What workers only read while frames go; `state` changes a few times in all. */
struct lk_trial {
	struct lk_trial_config config;
	uint64_t start, end; /* TSC */
	uint64_t start_realtime_ns;
	uint64_t deadline; /* paced frames that were due before the end have until then */
	uint64_t tick_cycles;
	uint64_t clock_slack; /* cycles by which the clocks of two CPUs, or hosts, may differ */
	double ns_per_cycle;
	uint32_t *index_of; /* of shares of live streams by their number, and one more */
	atomic_int state;
	_Atomic uint32_t unfinished; /* lanes that still send */
	_Atomic uint32_t used;	     /* streams that there are */
	_Atomic uint32_t is_shared; /* receivers have several workers, who take turns by the lock */
	struct lk_sender *senders;
	struct lk_receiver *receivers;
	struct lk_flow_fields *flows; /* all that were made, a list */
} __rte_aligned(LK_LANE_LINES);

/* What the generator's worker is to do, made by the command thread. */
struct lk_planned {
	enum lk_change_kind kind;
	uint32_t index;
	struct lk_frames *frames; /* of LK_FLOW_START and LK_FLOW_SET; then those from before */
	struct lk_shape shape;
	struct lk_pace pace;
	uint64_t first, intended, duration;
	int catches_up, stamps_each;
	struct lk_share share;
	const struct lk_flow_fields *flows; /* NULL: those from before */
	int has_flows;			    /* other ones than before, or none */
};
struct lk_changes {
	uint64_t at; /* TSC */
	uint32_t count;
	uint32_t longest;
	struct rte_mempool *pool; /* whose buffers hold the longest frames */
	struct lk_planned planned[];
};

/* A frame of one segment, as DPDK's vector drivers write it: 32 bytes at once. */
static inline void
lk_describe(uint64_t descriptor[4], uint32_t length)
{
	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, ol_flags) !=
				 offsetof(struct rte_mbuf, rearm_data) + 8 ||
			 offsetof(struct rte_mbuf, rx_descriptor_fields1) !=
				 offsetof(struct rte_mbuf, rearm_data) + 16);
	/* data_off, refcnt, nb_segs, port */
	descriptor[0] = RTE_PKTMBUF_HEADROOM | UINT64_C(1) << 16 | UINT64_C(1) << 32 |
			UINT64_C(0xffff) << 48;
	descriptor[1] = 0;			/* ol_flags */
	descriptor[2] = (uint64_t)length << 32; /* packet_type, pkt_len */
	descriptor[3] = length;			/* data_len, vlan_tci, hash.rss */
}

int lk_trials_start(void);
struct rte_mempool *lk_trial_pool(uint32_t longest, uint32_t lane);
struct lk_share lk_share_of(const struct lk_stream_config *config, uint32_t index, uint32_t lane,
			    uint32_t lanes);
uint64_t lk_share_frames(struct lk_share share, uint64_t frames);
int lk_frames_new(struct lk_frames **frames, struct lk_shape *shape,
		  const struct lk_stream_config *config, uint16_t id, struct lk_share share);
void lk_frames_free(struct lk_frames *f);
void lk_pace_of(struct lk_pace *pace, const struct lk_stream_config *config, struct lk_share share);
uint64_t lk_first_due(const struct lk_stream_config *config, struct lk_share share);
uint64_t lk_schedule_cycles(double ns);
struct lk_latencies *lk_latencies_new(void);
void lk_latencies_free(struct lk_latencies *list);
void lk_arrivals_free(struct lk_arrivals *a);
struct lk_arrivals *lk_arrivals_new(uint32_t places);
int lk_flows_new(struct lk_trial *t, uint32_t place, const struct lk_stream_config *config,
		 struct lk_share share, struct lk_flow_fields **flows);
int lk_flows_are_equal(const struct lk_flow_fields *a, const struct lk_flow_fields *b);
void lk_flows_begin(const struct lk_trial *t, uint32_t place, const struct lk_flow_fields *flows,
		    uint64_t first);
void lk_live_free(struct lk_sender *g);
void lk_live_take_changes(struct lk_sender *g, uint64_t tsc);
void lk_live_rebase(struct lk_sender *g, uint64_t tsc);
void lk_live_end_streams(struct lk_sender *g, uint64_t tsc);
void lk_live_clear_arrivals(struct lk_arrivals *a);
void lk_sends_from(struct lk_sender *g, const struct rte_graph *graph);
void lk_trial_refused(const struct rte_graph *graph, struct rte_mbuf *m);

/* Place of a share among all: arrivals and numbers of a trial's shares stand in this order. */
static inline uint32_t
lk_share_place(const struct lk_trial *t, uint32_t lane, uint32_t stream)
{
	return lane * t->config.streams + stream;
}

/* Where a live stream's number stands. */
static inline struct lk_stream *
lk_sent_by(const struct lk_trial *t, uint16_t id)
{
	uint32_t place = t->index_of[id] - 1;

	return &t->senders[place / t->config.streams].streams[place % t->config.streams];
}

/*
 * The interval of the time series that `now` lies in. The last one but one ends with the trial,
 * whole or not; the last one holds all that comes after.
 */
static inline struct lk_tick *
lk_tick_now(const struct lk_trial *t, struct lk_tick_cursor *cursor, uint64_t now)
{
	while (unlikely(now >= cursor->end) && cursor->at + 1 < t->config.ticks) {
		cursor->at++;
		cursor->end = RTE_MIN(cursor->end + t->tick_cycles, t->end);
	}
	return &cursor->ticks[cursor->at];
}

#endif
