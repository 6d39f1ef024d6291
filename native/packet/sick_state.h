/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_SICK_STATE_H
#define LK_SICK_STATE_H

/* What the device of a sick port does with frames to be sent, and with those that arrive. */
enum lk_sick_tx {
	LK_SICK_TX_SOUND,
	LK_SICK_TX_HELD,       /* the device sends nothing */
	LK_SICK_TX_UNRETURNED, /* it sends, and gives no descriptor back */
	LK_SICK_TX_SHORT,      /* longer frames vanish */
	LK_SICK_TX_RESUMED,    /* what was held first */
};
enum lk_sick_rx {
	LK_SICK_RX_SOUND,
	LK_SICK_RX_DEAD,     /* what arrives is lost */
	LK_SICK_RX_UNPOLLED, /* nobody takes what arrives */
};

/* What a counter of a sick port's driver is made of. */
enum lk_told_of {
	LK_TOLD_VALUE,
	LK_TOLD_XSTAT, /* of the port */
	LK_TOLD_IN_RING,
	LK_TOLD_RING_BYTES,
	LK_TOLD_QUEUED, /* handed to the driver: sent, or in its ring */
	LK_TOLD_QUEUED_BYTES,
	LK_TOLD_BACKLOG,
	LK_TOLD_BACKLOG_BYTES,
	LK_TOLD_REFUSED,
	LK_TOLD_FREE_DESCRIPTORS,
	LK_TOLD_IS_SICK, /* 1 while it is, else 0 */
};

#endif
