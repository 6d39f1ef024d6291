/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_NODES_H
#define LK_NODES_H

#include "node.h"

extern struct lk_node_kind lk_rx;
extern struct lk_node_kind lk_tx;
extern struct lk_node_kind lk_inject;
extern struct lk_node_kind lk_collect;
extern struct lk_node_kind lk_capture_node;
extern struct lk_node_kind lk_arp_node;
extern struct lk_node_kind lk_nd_node;
extern struct lk_node_kind lk_icmp_node;
extern struct lk_node_kind lk_udp_echo_node;
extern struct lk_node_kind lk_refuse_node;
extern struct lk_node_kind lk_reflect_node;
extern struct lk_node_kind lk_encap_node;
extern struct lk_node_kind lk_decap_node;
extern struct lk_node_kind lk_sink;
extern struct lk_node_kind lk_probe_send;
extern struct lk_node_kind lk_probe_receive;

#endif
