/* SPDX-License-Identifier: BSD-3-Clause */

/* What the lanes of a trial counted, added up when it is read: in all, by stream, lane, interval.
 */
#include <errno.h>

#include <rte_cycles.h>

#include "trial.h"

void
lk_trial_counts(const struct lk_trial *t, struct lk_trial_counts *counts)
{
	uint64_t finished = 0, until;

	memset(counts, 0, sizeof(*counts));
	counts->state = t->state;
	for (uint32_t lane = 0; lane < RTE_MAX(t->config.lanes, t->config.receivers); lane++) {
		struct lk_lane_counts of_lane;

		lk_trial_lane_counts(t, lane, &of_lane);
		counts->made += of_lane.made;
		counts->skipped += of_lane.skipped;
		counts->refused += of_lane.refused;
		counts->received += of_lane.received;
		counts->duplicated += of_lane.duplicated;
		counts->reordered += of_lane.reordered;
		counts->too_old += of_lane.too_old;
		counts->unsigned_frames += of_lane.unsigned_frames;
		counts->unsigned_bytes += of_lane.unsigned_bytes;
		if (lane < t->config.lanes)
			finished = RTE_MAX(finished, t->senders[lane].finished);
	}
	counts->start_realtime_ns = t->start_realtime_ns;
	until = counts->state == LK_TRIAL_DONE ? finished : rte_rdtsc();
	if (until > t->start)
		counts->elapsed_ns = (uint64_t)((double)(until - t->start) * t->ns_per_cycle);
}

/* What a lane sent of a stream, or of all. */
static void
add_sent(struct lk_stream_counts *out, const volatile struct lk_stream *s)
{
	out->made += s->made;
	out->skipped += s->skipped;
	out->refused += s->refused;
	out->sent_bytes += s->made_bytes - s->refused_bytes;
	out->failed |= s->has_failed;
}

/* What came on a lane of a share. */
static void
add_arrived(struct lk_stream_counts *out, const volatile struct lk_arrivals *a)
{
	if (a == NULL) /* a live stream that never was started */
		return;
	out->received += a->sequence.received;
	out->received_bytes += a->bytes;
	out->reordered += a->sequence.reordered;
	out->duplicated += a->sequence.duplicated;
	out->too_old += a->sequence.too_old;
}

int
lk_trial_stream_counts(const struct lk_trial *t, uint32_t index, struct lk_stream_counts *out)
{
	if (index >= t->config.streams)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	for (uint32_t lane = 0; lane < t->config.lanes; lane++) {
		uint32_t place = lk_share_place(t, lane, index);

		add_sent(out, &t->senders[lane].streams[index]);
		for (uint32_t i = 0; i < t->config.receivers; i++)
			add_arrived(out, t->receivers[i].arrivals[place]);
	}
	return 0;
}

int
lk_trial_lane_counts(const struct lk_trial *t, uint32_t lane, struct lk_lane_counts *out)
{
	struct lk_stream_counts sum = {0};

	memset(out, 0, sizeof(*out));
	if (lane >= RTE_MAX(t->config.lanes, t->config.receivers))
		return -EINVAL;
	for (uint32_t i = 0; i < t->config.streams && lane < t->config.lanes; i++)
		add_sent(&sum, &t->senders[lane].streams[i]);
	if (lane < t->config.receivers) {
		const struct lk_receiver *r = &t->receivers[lane];

		for (uint32_t i = 0; i < t->config.lanes * t->config.streams; i++)
			add_arrived(&sum, r->arrivals[i]);
		out->unsigned_frames = *(const volatile uint64_t *)&r->unsigned_frames;
		out->unsigned_bytes = *(const volatile uint64_t *)&r->unsigned_bytes;
	}
	out->made = sum.made;
	out->skipped = sum.skipped;
	out->refused = sum.refused;
	out->sent_bytes = sum.sent_bytes;
	out->received = sum.received;
	out->received_bytes = sum.received_bytes;
	out->reordered = sum.reordered;
	out->duplicated = sum.duplicated;
	out->too_old = sum.too_old;
	return 0;
}

static void
add_tick(struct lk_tick *to, const struct lk_tick *from)
{
	to->made += from->made;
	to->refused += from->refused;
	to->received += from->received;
	to->duplicated += from->duplicated;
	to->reordered += from->reordered;
	to->too_old += from->too_old;
	to->unsigned_frames += from->unsigned_frames;
	to->missing += from->missing;
	to->latency_count += from->latency_count;
	to->latency_sum_ns += from->latency_sum_ns;
	to->latency_max_ns = RTE_MAX(to->latency_max_ns, from->latency_max_ns);
}

uint32_t
lk_trial_ticks(const struct lk_trial *t, struct lk_tick *out, uint32_t room)
{
	uint32_t count = RTE_MIN(room, t->config.ticks);

	memset(out, 0, count * sizeof(*out));
	for (uint32_t at = 0; at < count; at++) {
		for (uint32_t i = 0; i < t->config.lanes; i++)
			add_tick(&out[at], &t->senders[i].sending.ticks[at]);
		for (uint32_t i = 0; i < t->config.receivers; i++)
			add_tick(&out[at], &t->receivers[i].receiving.ticks[at]);
	}
	return count;
}

static void
add_histogram(struct lk_histogram *to, const struct lk_histogram *from)
{
	if (from->count == 0)
		return;
	for (uint32_t i = 0; i < LK_HISTOGRAM_COUNTS; i++)
		to->counts[i] += from->counts[i];
	to->min = to->count == 0 ? from->min : RTE_MIN(to->min, from->min);
	to->max = RTE_MAX(to->max, from->max);
	to->count += from->count;
	to->sum += from->sum;
}

/* Latency of a stream in ns; of index -1, the jitter between departures. */
int
lk_trial_histogram(const struct lk_trial *t, int32_t index, struct lk_histogram *out)
{
	if (index >= (int32_t)t->config.streams)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	for (uint32_t lane = 0; lane < t->config.lanes; lane++) {
		if (index < 0) {
			add_histogram(out, &t->senders[lane].jitter);
			continue;
		}
		for (uint32_t i = 0; i < t->config.receivers; i++) {
			uint32_t place = lk_share_place(t, lane, (uint32_t)index);
			const struct lk_arrivals *a = t->receivers[i].arrivals[place];

			if (a == NULL)
				return -ENOENT; /* of a live stream that never was started */
			add_histogram(out, &a->latency->histogram);
		}
	}
	return 0;
}
