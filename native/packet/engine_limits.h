/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ENGINE_LIMITS_H
#define LK_ENGINE_LIMITS_H

/* What the engine takes at most, for Python to say before it asks. */
#define LK_MAX_RING_QUEUES 16	 /* of a cable, in each direction */
#define LK_MAX_OWN_DROPS   32	 /* of a node that its user wrote: reasons with names of its own */
#define LK_OWN_DROP_NODES  64	 /* of all such nodes that an engine has had */
#define LK_MAX_TRACED	   1024u /* frames of one trace */
#define LK_SICK_MOST_HELD  4096	 /* frames of a queue that a sick port does not send */
#define LK_SICK_MOST_TOLD  192	 /* counters of its driver */
#define LK_SICK_MOST_PARTS 64	 /* counters of nodes that it tells */
#define LK_FIRST_WIRE	   64	 /* number of a wire's end in m->port, beyond those of ports */
#define LK_PORT_NUMBERS	   512	 /* below which all these numbers are */
#define LK_MAX_OUTPUTS	   32	 /* of a node, that have names of their own */

#endif
