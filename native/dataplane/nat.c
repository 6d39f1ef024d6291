/* SPDX-License-Identifier: BSD-3-Clause */

/* Addresses and ports that connections are translated to: from parameters, and as a table. */
#include <sys/random.h>

#include <rte_cycles.h>

#include "nat.h"

static int
copy_data(const struct lk_node_data *data, size_t each, void *out, uint32_t *count)
{
	void *copy = malloc(data->length + 1);

	if (copy == NULL)
		return -ENOMEM;
	if (data->length > 0)
		memcpy(copy, data->bytes, data->length);
	memcpy(out, &copy, sizeof(copy));
	*count = (uint32_t)(data->length / each);
	return 0;
}

static size_t
ports_bytes(const struct lk_nat *nat)
{
	return (size_t)nat->pool_count * LK_NAT_SORTS * LK_NAT_PORTS * sizeof(*nat->by_port);
}

int
lk_nat_open(struct lk_node *self)
{
	const struct lk_node_config *config = &self->config;
	struct lk_nat *nat = self->state;
	int rc;

	rc = copy_data(&config->data[LK_NAT_POOL], sizeof(*nat->pool), &nat->pool,
		       &nat->pool_count);
	if (rc == 0)
		rc = copy_data(&config->data[LK_NAT_RULES], sizeof(*nat->rules), &nat->rules,
			       &nat->rule_count);
	if (rc != 0)
		return rc;
	nat->first_port = (uint16_t)config->values[LK_NAT_FIRST_PORT].whole;
	nat->last_port = (uint16_t)config->values[LK_NAT_LAST_PORT].whole;
	nat->is_independent = config->values[LK_NAT_FILTERING].whole == LK_NAT_INDEPENDENT;
	if (getrandom(&nat->seed, sizeof(nat->seed), GRND_NONBLOCK) != sizeof(nat->seed))
		nat->seed = rte_rdtsc();
	if (nat->pool_count == 0)
		return 0;
	nat->place_count =
		RTE_MIN(nat->pool_count * LK_NAT_SORTS * LK_NAT_PORTS, (uint32_t)LK_NAT_MOST);
	nat->places = lk_pages_new(nat->place_count * sizeof(*nat->places));
	nat->by_port = lk_pages_new(ports_bytes(nat));
	nat->taken = calloc((size_t)nat->pool_count * LK_NAT_SORTS * 2, sizeof(*nat->taken));
	if (nat->places == NULL || nat->by_port == NULL || nat->taken == NULL)
		return -ENOMEM;
	return lk_index_table_new(&nat->keys, nat->place_count);
}

void
lk_nat_close(struct lk_node *self)
{
	struct lk_nat *nat = self->state;

	if (nat->places != NULL)
		munmap(nat->places, nat->place_count * sizeof(*nat->places));
	if (nat->by_port != NULL)
		munmap(nat->by_port, ports_bytes(nat));
	lk_index_table_free(&nat->keys);
	free(nat->taken);
	free(nat->pool);
	free(nat->rules);
}

static const uint8_t protocols[LK_NAT_SORTS] = {LK_PROTO_TCP, LK_PROTO_UDP, LK_PROTO_ICMP,
						LK_PROTO_SCTP};

uint32_t
lk_nat_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_nat *nat = self->state;
	uint32_t count = 0;

	for (; *cursor < nat->used && count < room; ++*cursor) {
		const struct lk_binding *b = &nat->places[*cursor];
		uint64_t *cells = rows[count].cells;

		if (b->uses == 0)
			continue;
		cells[0] = b->version == 6 && b->sort == LK_NAT_QUERY ? LK_PROTO_ICMPV6
								      : protocols[b->sort];
		lk_put_address_cells(cells + 1, b->inside, b->version);
		cells[4] = b->inside_port;
		lk_put_address_cells(cells + 5, nat->pool[b->address].address, b->version);
		cells[8] = b->port;
		cells[9] = b->uses;
		count++;
	}
	return count;
}
