/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_DRIVERS_H
#define LK_DRIVERS_H

#include <rte_ethdev.h>

#include "api.h"

#define LK_XDP_RING 2048 /* frames, XSK_RING_CONS__DEFAULT_NUM_DESCS */

struct lk_port;

int lk_is_packet_socket(const struct rte_eth_dev_info *info);
int lk_is_virtual(const struct rte_eth_dev_info *info);
int lk_keeps_buffers(const struct rte_eth_dev_info *info);
int lk_is_tap(const struct rte_eth_dev_info *info);
int lk_is_xdp(const struct rte_eth_dev_info *info);
int lk_counts_no_bytes(const struct rte_eth_dev_info *info);
int lk_tells_too_little(const struct rte_eth_dev_info *info);
uint16_t lk_driver_max_mtu(const struct rte_eth_dev_info *info);
uint32_t lk_driver_slack(const struct rte_eth_dev_info *info);
int lk_interface_set_mtu(unsigned int index, uint32_t mtu);

/* net_af_xdp: before a port's pool is made, after its queues were, before and after it closed. */
int lk_xdp_make_pool(struct lk_port *port);
void lk_xdp_count_kept(struct lk_port *port);
void lk_xdp_reap_sent(uint16_t id, const struct rte_eth_dev_info *info);
void lk_xdp_closed(struct lk_port *port);

#endif
