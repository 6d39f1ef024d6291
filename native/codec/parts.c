/* SPDX-License-Identifier: BSD-3-Clause */

/* Which layers of a walk are those of the outer packet, of tunnels, and of the innermost packet. */
#include <stddef.h>

#include "parts.h"

enum role {
	ROLE_NONE, /* data, and what stands behind packets */
	ROLE_LINK,
	ROLE_ETHERNET,
	ROLE_IP,
	ROLE_EXTENSION,
	ROLE_TRANSPORT,
	ROLE_TUNNEL,
};

static const uint8_t roles[LK_LAYER_COUNT] = {
	[LK_LAYER_eth] = ROLE_ETHERNET,
	[LK_LAYER_dot3] = ROLE_ETHERNET,
	[LK_LAYER_llc] = ROLE_LINK,
	[LK_LAYER_snap] = ROLE_LINK,
	[LK_LAYER_sll] = ROLE_LINK,
	[LK_LAYER_sll2] = ROLE_LINK,
	[LK_LAYER_loop] = ROLE_LINK,
	[LK_LAYER_vlan] = ROLE_LINK,
	[LK_LAYER_itag] = ROLE_LINK,
	[LK_LAYER_mpls] = ROLE_LINK,
	[LK_LAYER_pw] = ROLE_LINK,
	[LK_LAYER_pppoed] = ROLE_LINK,
	[LK_LAYER_pppoe] = ROLE_LINK,
	[LK_LAYER_ppp] = ROLE_LINK,
	[LK_LAYER_nsh] = ROLE_LINK,
	[LK_LAYER_arp] = ROLE_LINK,
	[LK_LAYER_ip] = ROLE_IP,
	[LK_LAYER_ipv6] = ROLE_IP,
	[LK_LAYER_hop_by_hop] = ROLE_EXTENSION,
	[LK_LAYER_routing] = ROLE_EXTENSION,
	[LK_LAYER_fragment] = ROLE_EXTENSION,
	[LK_LAYER_destination] = ROLE_EXTENSION,
	[LK_LAYER_ah] = ROLE_EXTENSION,
	[LK_LAYER_mobility] = ROLE_EXTENSION,
	[LK_LAYER_hip] = ROLE_EXTENSION,
	[LK_LAYER_shim6] = ROLE_EXTENSION,
	[LK_LAYER_esp] = ROLE_TRANSPORT,
	[LK_LAYER_icmp] = ROLE_TRANSPORT,
	[LK_LAYER_icmpv6] = ROLE_TRANSPORT,
	[LK_LAYER_igmp] = ROLE_TRANSPORT,
	[LK_LAYER_tcp] = ROLE_TRANSPORT,
	[LK_LAYER_udp] = ROLE_TRANSPORT,
	[LK_LAYER_udplite] = ROLE_TRANSPORT,
	[LK_LAYER_sctp] = ROLE_TRANSPORT,
	[LK_LAYER_gre] = ROLE_TUNNEL,
	[LK_LAYER_erspan] = ROLE_TUNNEL,
	[LK_LAYER_etherip] = ROLE_TUNNEL,
	[LK_LAYER_vxlan] = ROLE_TUNNEL,
	[LK_LAYER_vxlan_gpe] = ROLE_TUNNEL,
	[LK_LAYER_geneve] = ROLE_TUNNEL,
	[LK_LAYER_gue] = ROLE_TUNNEL,
	[LK_LAYER_gtp] = ROLE_TUNNEL,
	[LK_LAYER_teredo] = ROLE_TUNNEL,
	[LK_LAYER_l2tp] = ROLE_TUNNEL,
	[LK_LAYER_l2tpv3] = ROLE_TUNNEL,
};

/* Which tunnel leads from the IP header at `ip` to the layer that begins anew: the first header of
 * one between them (ERSPAN has GRE in front), else MPLS, or what the port says of one without a
 * header. */
static void
find_tunnel(const uint8_t *frame, const struct lk_walk *w, const struct lk_layer *ip,
	    const struct lk_layer *inner, struct lk_parts *parts)
{
	const struct lk_layer *labels = NULL, *udp = NULL;

	parts->tunnel = NULL;
	parts->tunnel_kind = LK_LAYER_ip;
	for (const struct lk_layer *l = ip; l < inner; l++) {
		if (roles[l->kind] == ROLE_TUNNEL &&
		    (parts->tunnel == NULL || l->kind == LK_LAYER_erspan))
			parts->tunnel = l;
		if (l->kind == LK_LAYER_mpls && labels == NULL)
			labels = l;
		if (l->kind == LK_LAYER_udp)
			udp = l;
	}
	if (parts->tunnel == NULL)
		parts->tunnel = labels;
	if (parts->tunnel != NULL)
		parts->tunnel_kind = parts->tunnel->kind;
	else if (lk_layer_has(w, udp, LK_UDP_LENGTH))
		parts->tunnel_kind = lk_get16(frame + udp->offset + 2) == LK_GUE_PORT
					     ? LK_LAYER_gue
					     : LK_LAYER_teredo;
}

static void
take_link(struct lk_packet_parts *p, const struct lk_layer *l)
{
	if (l->kind == LK_LAYER_vlan && p->vlan == NULL)
		p->vlan = l;
	else if (l->kind == LK_LAYER_vlan && p->vlan_second == NULL)
		p->vlan_second = l;
	else if (l->kind == LK_LAYER_mpls && p->mpls == NULL)
		p->mpls = l;
}

static void
take_ip(const uint8_t *frame, const struct lk_walk *w, struct lk_packet_parts *p,
	const struct lk_layer *l)
{
	p->ip = l;
	p->protocol = -1;
	if (l->kind == LK_LAYER_ip && lk_layer_has(w, l, LK_IPV4_LENGTH))
		p->protocol = frame[l->offset + 9];
	else if (l->kind == LK_LAYER_ipv6 && lk_layer_has(w, l, LK_IPV6_LENGTH))
		p->protocol = frame[l->offset + 6];
}

void
lk_parts_of(const uint8_t *frame, const struct lk_walk *walk, struct lk_parts *parts)
{
	struct lk_packet_parts *p = &parts->outer;

	*parts = (struct lk_parts){.outer.protocol = -1, .inner.protocol = -1};
	for (uint32_t i = 0; i < walk->count; i++) {
		const struct lk_layer *l = &walk->layers[i];
		uint8_t role = roles[l->kind];

		if (parts->problem == LK_PROBLEM_NONE)
			parts->problem = l->problem;
		if (role == ROLE_NONE || l->is_quoted)
			continue;
		if (p->ip != NULL && (role == ROLE_ETHERNET || role == ROLE_IP)) {
			if (parts->depth++ == 0)
				find_tunnel(frame, walk, p->ip, l, parts);
			parts->innermost = l;
			p = &parts->inner;
			*p = (struct lk_packet_parts){.protocol = -1};
		}
		p->last = l;
		if (role == ROLE_ETHERNET && p->eth == NULL) {
			p->eth = l;
		} else if (role == ROLE_LINK && p->ip == NULL) {
			take_link(p, l);
		} else if (role == ROLE_IP) {
			take_ip(frame, walk, p, l);
		} else if (role == ROLE_EXTENSION) {
			if (l->kind == LK_LAYER_fragment)
				p->fragment = l;
			p->protocol = lk_layer_has(walk, l, 8) ? frame[l->offset] : -1;
		} else if (p->ip != NULL && p->l4 == NULL) {
			p->l4 = l;
		}
	}
}
