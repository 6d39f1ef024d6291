/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Meters frames by rate and burst; those that exceed both leave by `other`, or are dropped where
 * nothing is behind it, unless their colour has a mark. The frames of a burst came at one time,
 * that of the burst.
 */
#include <math.h>

#include <rte_cycles.h>
#include <rte_meter.h>

#include "dscp.h"
#include "due.h"
#include "node.h"

enum { RATE, BURST, EXCESS_BURST, PEAK, PEAK_BURST, OVERHEAD, MARKS, COLOR_AWARE = MARKS + 3 };
#define NO_MARK	   64
#define MOST_SHIFT 12
#define AT_ONCE	   256

struct police {
	uint64_t green, yellow, red; /* frames, */
	uint64_t green_bytes, yellow_bytes, red_bytes;
	uint64_t marked, unmarked; /* frames that were to be marked; unmarked: without IP */
	uint8_t marks[3];	   /* DSCP by colour, or NO_MARK */
	int counts_frames, has_peak, is_aware, marks_any;
	uint32_t overhead;
	int time_shift, size_shift;
	uint64_t last; /* TSC */
	struct rte_meter_srtcm single;
	struct rte_meter_srtcm_profile single_profile;
	struct rte_meter_trtcm dual;
	struct rte_meter_trtcm_profile dual_profile;
};

/*
 * rte_meter adds a whole number of bytes each whole number of cycles, and takes whole rates: finer
 * units of time for high rates, and of bytes for low ones, keep both rounding errors below 1e-4.
 */
static void
choose_units(struct police *p, double rate)
{
	int shift = (int)round(log2(rate / sqrt((double)rte_get_tsc_hz())));

	p->time_shift = RTE_MAX(0, RTE_MIN(shift, MOST_SHIFT));
	p->size_shift = RTE_MAX(0, RTE_MIN(-shift, MOST_SHIFT));
}

/* A rate in these units, and by the clock that was measured. */
static uint64_t
in_units(const struct police *p, double rate)
{
	double hz = (double)rte_get_tsc_hz() / lk_clock_tsc_hz();

	return (uint64_t)ldexp(rate * hz, p->size_shift - p->time_shift);
}

static int
open_police(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct police *p = self->state;
	int rc;

	p->counts_frames = (int)values[RATE].whole;
	p->overhead = (uint32_t)values[OVERHEAD].whole;
	p->has_peak = values[PEAK].real > 0;
	p->is_aware = (int)values[COLOR_AWARE].whole;
	for (int i = 0; i < 3; i++) {
		const struct lk_node_value *mark = &values[MARKS + i]; /* real: there is one */

		p->marks[i] = mark->real > 0 ? (uint8_t)mark->whole : NO_MARK;
		p->marks_any |= p->marks[i] != NO_MARK;
	}
	choose_units(p, values[RATE].real);
	p->last = rte_rdtsc();
	if (p->has_peak) {
		struct rte_meter_trtcm_params params = {
			.cir = in_units(p, values[RATE].real),
			.pir = in_units(p, values[PEAK].real),
			.cbs = (uint64_t)values[BURST].real << p->size_shift,
			.pbs = (uint64_t)values[PEAK_BURST].real << p->size_shift,
		};

		rc = rte_meter_trtcm_profile_config(&p->dual_profile, &params);
		rc = rc != 0 ? rc : rte_meter_trtcm_config(&p->dual, &p->dual_profile);
		p->dual.time_tc = p->dual.time_tp = p->last << p->time_shift;
	} else {
		struct rte_meter_srtcm_params params = {
			.cir = in_units(p, values[RATE].real),
			.cbs = (uint64_t)values[BURST].real << p->size_shift,
			.ebs = (uint64_t)values[EXCESS_BURST].real << p->size_shift,
		};

		rc = rte_meter_srtcm_profile_config(&p->single_profile, &params);
		rc = rc != 0 ? rc : rte_meter_srtcm_config(&p->single, &p->single_profile);
		p->single.time = p->last << p->time_shift;
	}
	return rc;
}

/* What it came with: the drop precedence of its DSCP (RFC 2597), green without one. */
static enum rte_color
color_before(const uint8_t *ip)
{
	uint32_t precedence = ip == NULL ? 0 : lk_drop_precedence(lk_dscp(ip));

	return precedence <= 1	 ? RTE_COLOR_GREEN
	       : precedence == 2 ? RTE_COLOR_YELLOW
				 : RTE_COLOR_RED;
}

static enum rte_color
color_of(struct police *p, uint64_t time, uint32_t size, const uint8_t *ip)
{
	if (!p->is_aware)
		return p->has_peak ? rte_meter_trtcm_color_blind_check(&p->dual, &p->dual_profile,
								       time, size)
				   : rte_meter_srtcm_color_blind_check(
					     &p->single, &p->single_profile, time, size);
	return p->has_peak ? rte_meter_trtcm_color_aware_check(&p->dual, &p->dual_profile, time,
							       size, color_before(ip))
			   : rte_meter_srtcm_color_aware_check(&p->single, &p->single_profile, time,
							       size, color_before(ip));
}

/* Whether the frame goes on, as it conforms, in green or yellow, or is marked; counts it. */
static int
goes_on(struct police *p, uint64_t time, struct rte_mbuf *m)
{
	uint8_t *ip = p->is_aware || p->marks_any
			      ? lk_ip_of(rte_pktmbuf_mtod(m, uint8_t *), m->data_len)
			      : NULL;
	uint32_t bytes = m->pkt_len + p->overhead;
	uint32_t size = (p->counts_frames ? 1 : bytes) << p->size_shift;
	enum rte_color color = color_of(p, time, size, ip);
	uint8_t mark = p->marks[color];

	if (color == RTE_COLOR_GREEN) {
		p->green++;
		p->green_bytes += bytes;
	} else if (color == RTE_COLOR_YELLOW) {
		p->yellow++;
		p->yellow_bytes += bytes;
	} else {
		p->red++;
		p->red_bytes += bytes;
	}
	if (mark == NO_MARK)
		return color != RTE_COLOR_RED;
	if (ip != NULL)
		lk_set_dscp(ip, mark);
	p->marked += ip != NULL;
	p->unmarked += ip == NULL;
	return 1;
}

/* As a meter has it, whose time does not go back. */
static uint64_t
time_of(struct police *p, uint64_t came)
{
	if ((int64_t)(came - p->last) > 0)
		p->last = came;
	return p->last << p->time_shift;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_node *self = lk_node_of(node);
	enum lk_verdict otherwise = self->config.other < 0 ? LK_police_exceeded : LK_other;
	struct police *p = self->state;
	uint64_t now = rte_rdtsc();
	void *others[AT_ONCE];
	uint16_t kept = 0;

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count;) {
		uint16_t other_count = 0;

		for (; i < count && other_count < AT_ONCE; i++) {
			if (likely(goes_on(p, time_of(p, lk_came(self, objs[i], now)), objs[i])))
				objs[kept++] = objs[i];
			else
				others[other_count++] = objs[i];
		}
		if (other_count > 0)
			lk_pass(graph, node, otherwise, others, other_count);
	}
	if (likely(kept == count))
		lk_pass_all(graph, node, LK_next);
	else if (kept > 0)
		lk_pass(graph, node, LK_next, objs, kept);
	return count;
}

static uint32_t
rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct police *p = self->state;
	const uint64_t frames[] = {p->green, p->yellow, p->red};
	const uint64_t bytes[] = {p->green_bytes, p->yellow_bytes, p->red_bytes};
	uint32_t count = 0;

	for (; *cursor < 3 && count < room; ++*cursor) {
		uint64_t *cells = rows[count++].cells;
		uint8_t mark = p->marks[*cursor];

		cells[0] = *cursor;
		cells[1] = frames[*cursor];
		cells[2] = bytes[*cursor];
		cells[3] = mark == NO_MARK ? UINT64_MAX : mark;
	}
	return count;
}

LK_NODE(police, process, .state_bytes = sizeof(struct police), .open = open_police, .rows = rows)
