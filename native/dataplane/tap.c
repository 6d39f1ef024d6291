/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "capture.h"
#include "port.h"
#include "tap.h"

void
lk_tap_frames(const struct lk_port *port, void *const *objs, uint16_t count, uint32_t way)
{
	if (count == 0)
		return;
	for (struct lk_tap *t = port->taps; t != NULL; t = t->next) {
		rte_spinlock_lock(&t->capture->writing);
		/* The time is taken under the lock: those of a file never go back. */
		lk_capture_take(t->capture, objs, count, lk_clock_realtime_ns(rte_rdtsc()), way);
		rte_spinlock_unlock(&t->capture->writing);
	}
}

void
lk_tap_unsent(const struct lk_port *port, void *const *objs, uint16_t count)
{
	for (struct lk_tap *t = port->taps; t != NULL; t = t->next)
		if (t->capture->ended == LK_CAPTURE_GOES_ON)
			atomic_fetch_add(&t->capture->unsent,
					 lk_capture_wanted(t->capture, objs, count));
}

int
lk_tap_add(uint16_t port, struct lk_capture *capture)
{
	struct lk_tap *t = malloc(sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->capture = capture;
	lk_workers_pause();
	t->next = lk_ports[port].taps;
	lk_ports[port].taps = t;
	lk_workers_resume();
	return 0;
}

void
lk_tap_remove(uint16_t port, struct lk_capture *capture)
{
	struct lk_tap *found = NULL;

	lk_workers_pause();
	for (struct lk_tap **at = &lk_ports[port].taps; *at != NULL; at = &(*at)->next)
		if ((*at)->capture == capture) {
			found = *at;
			*at = found->next;
			break;
		}
	lk_workers_resume();
	free(found);
}
