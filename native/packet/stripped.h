/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_STRIPPED_H
#define LK_STRIPPED_H

#include <stdint.h>

/* What became of a frame whose tunnels were taken off. */
struct lk_stripped {
	uint32_t vni;	  /* of the outermost tunnel */
	uint16_t verdict; /* enum lk_verdict; other: it is in no tunnel */
	uint8_t has_vni;
	uint8_t depth;	/* tunnels that were taken off */
	uint8_t is_cut; /* the capture kept too little to tell */
};

#endif
