/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rules become two tries of rte_acl, one for each version of IP. A rule of several states stands
 * there once for each, with the same number.
 */
#include <errno.h>
#include <stdio.h>

#include <rte_acl.h>

#include "firewall.h"

#define FIELDS4 6
#define FIELDS6 12

RTE_ACL_RULE_DEF(rule4, FIELDS4);
RTE_ACL_RULE_DEF(rule6, FIELDS6);

#define FIELD(key, member, kind, bytes, number, input)                                             \
	{                                                                                          \
		.type = RTE_ACL_FIELD_TYPE_##kind, .size = (bytes), .field_index = (number),       \
		.input_index = (input), .offset = offsetof(struct key, member),                    \
	}

static const struct rte_acl_field_def fields4[FIELDS4] = {
	FIELD(lk_firewall_key4, protocol, BITMASK, 1, 0, 0),
	FIELD(lk_firewall_key4, addresses[0], MASK, 4, 1, 1),
	FIELD(lk_firewall_key4, addresses[1], MASK, 4, 2, 2),
	FIELD(lk_firewall_key4, ports[0], RANGE, 2, 3, 3),
	FIELD(lk_firewall_key4, ports[1], RANGE, 2, 4, 3),
	FIELD(lk_firewall_key4, states, BITMASK, 4, 5, 4),
};
static const struct rte_acl_field_def fields6[FIELDS6] = {
	FIELD(lk_firewall_key6, protocol, BITMASK, 1, 0, 0),
	FIELD(lk_firewall_key6, addresses[0][0], MASK, 4, 1, 1),
	FIELD(lk_firewall_key6, addresses[0][4], MASK, 4, 2, 2),
	FIELD(lk_firewall_key6, addresses[0][8], MASK, 4, 3, 3),
	FIELD(lk_firewall_key6, addresses[0][12], MASK, 4, 4, 4),
	FIELD(lk_firewall_key6, addresses[1][0], MASK, 4, 5, 5),
	FIELD(lk_firewall_key6, addresses[1][4], MASK, 4, 6, 6),
	FIELD(lk_firewall_key6, addresses[1][8], MASK, 4, 7, 7),
	FIELD(lk_firewall_key6, addresses[1][12], MASK, 4, 8, 8),
	FIELD(lk_firewall_key6, ports[0], RANGE, 2, 9, 9),
	FIELD(lk_firewall_key6, ports[1], RANGE, 2, 10, 9),
	FIELD(lk_firewall_key6, states, BITMASK, 4, 11, 10),
};

/* The fields from the addresses on, each part of four bytes a prefix of its own. */
static void
set_fields(struct rte_acl_field *fields, const struct lk_firewall_rule *rule, uint8_t version,
	   uint32_t states)
{
	unsigned int parts = version == 4 ? 1 : 4, at = 0;
	uint16_t protocol = rule->protocol;

	if (protocol == LK_ICMP_OF_VERSION)
		protocol = version == 4 ? LK_PROTO_ICMP : LK_PROTO_ICMPV6;
	fields[at].value.u8 = (uint8_t)protocol;
	fields[at++].mask_range.u8 = protocol == 0 ? 0 : 0xff;
	for (unsigned int end = 0; end < 2; end++) {
		for (unsigned int part = 0; part < parts; part++) {
			int left = rule->bits[end] - (int)(32 * part);

			fields[at].value.u32 = lk_get32(rule->prefixes[end] + 4 * part);
			fields[at++].mask_range.u32 = (uint32_t)RTE_MAX(0, RTE_MIN(32, left));
		}
	}
	for (unsigned int end = 0; end < 2; end++) {
		fields[at].value.u16 = rule->ports[end][0];
		fields[at++].mask_range.u16 = rule->ports[end][1];
	}
	if (rule->names_ports)
		states |= LK_FIREWALL_HAS_PORTS;
	fields[at].value.u32 = fields[at].mask_range.u32 = states;
}

static int
add_rule(struct rte_acl_ctx *acl, const struct lk_firewall_rule *rule, uint32_t number,
	 uint32_t count, uint8_t version)
{
	uint32_t left = rule->states;

	do { /* at least once */
		uint32_t state = left & -left;
		struct rule6 all = {.data = {
					    .userdata = number + 1,
					    .category_mask = 1,
					    .priority = (int32_t)(count - number),
				    }};
		int rc;

		set_fields(all.field, rule, version, state);
		rc = rte_acl_add_rules(acl, (const struct rte_acl_rule *)&all, 1);
		if (rc != 0)
			return rc;
		left &= left - 1;
	} while (left != 0 && rule->states != 0);
	return 0;
}

static int
build(struct rte_acl_ctx **out, const struct lk_firewall_rule *rules, uint32_t count,
      uint8_t version)
{
	static unsigned int made;
	char name[RTE_ACL_NAMESIZE];
	struct rte_acl_config config = {.num_categories = 1};
	struct rte_acl_param param = {
		.name = name,
		.socket_id = SOCKET_ID_ANY,
		.rule_size = version == 4 ? sizeof(struct rule4) : sizeof(struct rule6),
		.max_rule_num = count * 5, /* of each state one */
	};
	uint32_t added = 0;
	int rc;

	for (uint32_t i = 0; i < count; i++)
		added += rules[i].version == 0 || rules[i].version == version;
	if (added == 0)
		return 0;
	snprintf(name, sizeof(name), "lk_firewall_%u", made++);
	*out = rte_acl_create(&param);
	if (*out == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		if (rules[i].version != 0 && rules[i].version != version)
			continue;
		rc = add_rule(*out, &rules[i], i, count, version);
		if (rc != 0)
			return rc;
	}
	config.num_fields = version == 4 ? FIELDS4 : FIELDS6;
	if (version == 4)
		memcpy(config.defs, fields4, sizeof(fields4));
	else
		memcpy(config.defs, fields6, sizeof(fields6));
	return rte_acl_build(*out, &config);
}

int
lk_firewall_open(struct lk_node *self)
{
	const struct lk_firewall_rule *rules = (const void *)self->config.data[0].bytes;
	struct lk_firewall *f = self->state;
	int rc;

	f->count = (uint32_t)(self->config.data[0].length / sizeof(*rules));
	f->permits = calloc(f->count + 1, sizeof(*f->permits));
	f->hits = calloc(f->count + 1, sizeof(*f->hits));
	if (f->permits == NULL || f->hits == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->count; i++)
		f->permits[i] = rules[i].permits;
	f->permits[f->count] = self->config.values[0].whole != 0;
	rc = build(&f->rules4, rules, f->count, 4);
	return rc != 0 ? rc : build(&f->rules6, rules, f->count, 6);
}

void
lk_firewall_close(struct lk_node *self)
{
	struct lk_firewall *f = self->state;

	rte_acl_free(f->rules4);
	rte_acl_free(f->rules6);
	free(f->permits);
	free(f->hits);
}

uint32_t
lk_firewall_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_firewall *f = self->state;
	uint32_t count = 0;

	for (; *cursor <= f->count && count < room; ++*cursor, ++count) {
		uint64_t *cells = rows[count].cells, rule = *cursor;

		cells[0] = rule < f->count ? rule + 1 : UINT64_MAX;
		cells[1] = rule;
		cells[2] = f->permits[rule];
		cells[3] = f->hits[rule].packets;
		cells[4] = f->hits[rule].bytes;
	}
	return count;
}
