/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_H
#define LK_CAPTURE_H

#include <stdatomic.h>

#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include "api.h"
#include "capture_files.h"
#include "capture_record.h"
#include "filter.h"

/* A journal that workers write, and the thread that takes it to files. */
struct lk_capture {
	struct lk_frame_ring *ring;
	struct lk_filter *filter; /* NULL: every frame */
	uint32_t snaplen;

	/* The workers'. */
	_Alignas(64) rte_spinlock_t writing; /* of several workers that write one journal */
	_Atomic uint64_t late;		     /* frames that came after the end */
	_Atomic uint64_t unsent; /* that are in it though the driver did not take them */

	/* Its thread's. */
	_Alignas(64) _Atomic uint64_t written;
	_Atomic uint64_t missed;
	_Atomic uint64_t passed_over; /* frames of the journal that came after the end */
	_Atomic uint64_t bytes;
	_Atomic int32_t ended; /* enum lk_capture_end */
	_Atomic int32_t error;
	_Atomic uint64_t drained; /* the journal is read up to here, and written */
	_Atomic uint32_t passes;  /* how often; who flushes waits on it */
	struct lk_frame_reader reader;
	struct lk_capture_files files;
	uint64_t taken;	      /* frames for the files */
	uint64_t taken_bytes; /* of these files */
	uint64_t taken_of_file;
	uint64_t places[LK_CAPTURE_NEWEST]; /* of the last ones, in the file */
	uint64_t lost_by_error;		    /* frames that could not be written */
	uint64_t begun_ns;
	uint8_t *batch;
	pthread_t thread;

	_Atomic uint32_t bell; /* the thread rests on it */
	_Atomic int stops;
};

/* How many of these frames the filter takes. */
static inline uint16_t
lk_capture_wanted(const struct lk_capture *c, void *const *objs, uint16_t count)
{
	uint16_t wanted = 0;

	if (c->filter == NULL)
		return count;
	for (uint16_t i = 0; i < count; i++)
		wanted += lk_filter_takes(c->filter, objs[i]) != 0;
	return wanted;
}

/* Copies frames into the journal; of one worker, or under the lock. way: LK_WAY_IN, _OUT or 0 */
static __rte_always_inline void
lk_capture_take(struct lk_capture *c, void *const *objs, uint16_t count, uint64_t now, uint32_t way)
{
	if (unlikely(atomic_load_explicit(&c->ended, memory_order_relaxed) != LK_CAPTURE_GOES_ON)) {
		uint64_t late = atomic_load_explicit(&c->late, memory_order_relaxed);

		late += lk_capture_wanted(c, objs, count);
		atomic_store_explicit(&c->late, late, memory_order_relaxed);
		return;
	}
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];
		uint32_t kept = m->data_len;

		if (c->filter != NULL && !lk_filter_takes(c->filter, m))
			continue;
		if (c->snaplen != 0 && kept > c->snaplen)
			kept = c->snaplen;
		lk_ring_write(c->ring, rte_pktmbuf_mtod(m, const uint8_t *), kept, m->pkt_len | way,
			      now, 0);
	}
}

#endif
