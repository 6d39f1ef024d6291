/* SPDX-License-Identifier: BSD-3-Clause */

/* Receive side scaling: by which fields a driver hashes frames, and which queue a hash leads to. */
#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>

#include "api.h"

_Static_assert(LK_RSS_MOST_ENTRIES == RTE_ETH_RSS_RETA_SIZE_512, "the largest table of ethdev");

#define USUAL_KEY 40 /* bytes */

/* As testpmd calls them. */
static const struct {
	const char *name;
	uint64_t bit;
} fields[] = {
	{"ipv4", RTE_ETH_RSS_IPV4},
	{"ipv4-frag", RTE_ETH_RSS_FRAG_IPV4},
	{"ipv4-tcp", RTE_ETH_RSS_NONFRAG_IPV4_TCP},
	{"ipv4-udp", RTE_ETH_RSS_NONFRAG_IPV4_UDP},
	{"ipv4-sctp", RTE_ETH_RSS_NONFRAG_IPV4_SCTP},
	{"ipv4-other", RTE_ETH_RSS_NONFRAG_IPV4_OTHER},
	{"ipv6", RTE_ETH_RSS_IPV6},
	{"ipv6-frag", RTE_ETH_RSS_FRAG_IPV6},
	{"ipv6-tcp", RTE_ETH_RSS_NONFRAG_IPV6_TCP},
	{"ipv6-udp", RTE_ETH_RSS_NONFRAG_IPV6_UDP},
	{"ipv6-sctp", RTE_ETH_RSS_NONFRAG_IPV6_SCTP},
	{"ipv6-other", RTE_ETH_RSS_NONFRAG_IPV6_OTHER},
	{"ipv6-ex", RTE_ETH_RSS_IPV6_EX},
	{"ipv6-tcp-ex", RTE_ETH_RSS_IPV6_TCP_EX},
	{"ipv6-udp-ex", RTE_ETH_RSS_IPV6_UDP_EX},
	{"l2-payload", RTE_ETH_RSS_L2_PAYLOAD},
	{"eth", RTE_ETH_RSS_ETH},
	{"port", RTE_ETH_RSS_PORT},
	{"s-vlan", RTE_ETH_RSS_S_VLAN},
	{"c-vlan", RTE_ETH_RSS_C_VLAN},
	{"vxlan", RTE_ETH_RSS_VXLAN},
	{"geneve", RTE_ETH_RSS_GENEVE},
	{"nvgre", RTE_ETH_RSS_NVGRE},
	{"gtpu", RTE_ETH_RSS_GTPU},
	{"esp", RTE_ETH_RSS_ESP},
	{"ah", RTE_ETH_RSS_AH},
	{"mpls", RTE_ETH_RSS_MPLS},
	{"l3-src-only", RTE_ETH_RSS_L3_SRC_ONLY},
	{"l3-dst-only", RTE_ETH_RSS_L3_DST_ONLY},
	{"l4-src-only", RTE_ETH_RSS_L4_SRC_ONLY},
	{"l4-dst-only", RTE_ETH_RSS_L4_DST_ONLY},
};

/* What is called so, and its bit; NULL: there are no more. */
const char *
lk_rss_field(unsigned int index, uint64_t *bit)
{
	if (index >= RTE_DIM(fields))
		return NULL;
	*bit = fields[index].bit;
	return fields[index].name;
}

static int
is_zero(const uint8_t *bytes, uint8_t length)
{
	uint8_t any = 0;

	for (uint8_t i = 0; i < length; i++)
		any |= bytes[i];
	return any == 0;
}

/* -ENOTSUP: the driver has none, or does not tell. */
int
lk_rss_get(uint16_t id, struct lk_rss *rss)
{
	struct rte_eth_rss_conf conf = {.rss_key = rss->key};
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);

	memset(rss, 0, sizeof(*rss));
	if (rc != 0)
		return rc;
	rss->offered = info.flow_type_rss_offloads;
	rss->entries = info.reta_size;
	rss->key_length = RTE_MIN(info.hash_key_size, (uint8_t)sizeof(rss->key));
	if (rss->key_length == 0) /* net_null for one has a key, and does not tell its length */
		rss->key_length = USUAL_KEY;
	conf.rss_key_len = rss->key_length;
	rc = rte_eth_dev_rss_hash_conf_get(id, &conf);
	rss->fields = conf.rss_hf;
	if (is_zero(rss->key, rss->key_length))
		rss->key_length = 0;
	return rc;
}

/* key: NULL or `length` bytes */
int
lk_rss_set(uint16_t id, const uint8_t *key, uint8_t length, uint64_t fields_wanted)
{
	uint8_t copy[LK_RSS_LONGEST_KEY];
	struct rte_eth_rss_conf conf = {.rss_hf = fields_wanted};

	if (length > sizeof(copy))
		return -EINVAL;
	if (key != NULL) {
		memcpy(copy, key, length);
		conf.rss_key = copy;
		conf.rss_key_len = length;
	}
	return rte_eth_dev_rss_hash_update(id, &conf);
}

int
lk_rss_table_get(uint16_t id, uint16_t *queues, uint16_t entries)
{
	struct rte_eth_rss_reta_entry64 table[LK_RSS_MOST_ENTRIES / RTE_ETH_RETA_GROUP_SIZE];
	int rc;

	if (entries == 0 || entries > LK_RSS_MOST_ENTRIES)
		return -ENOTSUP;
	memset(table, 0, sizeof(table));
	for (uint16_t i = 0; i < entries; i++)
		table[i / RTE_ETH_RETA_GROUP_SIZE].mask |= RTE_BIT64(i % RTE_ETH_RETA_GROUP_SIZE);
	rc = rte_eth_dev_rss_reta_query(id, table, entries);
	for (uint16_t i = 0; rc == 0 && i < entries; i++)
		queues[i] = table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	return rc;
}

int
lk_rss_table_set(uint16_t id, const uint16_t *queues, uint16_t entries)
{
	struct rte_eth_rss_reta_entry64 table[LK_RSS_MOST_ENTRIES / RTE_ETH_RETA_GROUP_SIZE];

	if (entries == 0 || entries > LK_RSS_MOST_ENTRIES)
		return -ENOTSUP;
	memset(table, 0, sizeof(table));
	for (uint16_t i = 0; i < entries; i++) {
		struct rte_eth_rss_reta_entry64 *group = &table[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= RTE_BIT64(i % RTE_ETH_RETA_GROUP_SIZE);
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = queues[i];
	}
	return rte_eth_dev_rss_reta_update(id, table, entries);
}
