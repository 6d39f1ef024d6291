/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_LINK_H
#define LK_LINK_H

#include <rte_ethdev.h>

#include "recorder_memory.h"

int lk_links_start(void);
void lk_links_stop(void);
/* Nobody looks meanwhile: a driver is told something about a link. */
void lk_links_hold(void);
void lk_links_release(void);

/* The link of a port that has started is followed until it is about to close. */
void lk_link_follow(uint16_t id, const struct rte_eth_dev_info *info);
void lk_link_leave(uint16_t id);
void lk_link_look(uint16_t id);
void lk_links_look(void);					/* at all that are followed */
void lk_link_record(uint16_t id, struct lk_recorded_link *out); /* as it was seen last */

/* Its state now, an enum lk_link_state; what else there is to tell in *link. */
int lk_link_read(uint16_t id, struct rte_eth_link *link);

#endif
