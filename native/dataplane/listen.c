/* SPDX-License-Identifier: BSD-3-Clause */

/* The descriptors by which the notebook learns that frames have arrived: eventfds of its own. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api.h"
#include "port.h"

/* The engine owns the descriptor from here on. */
int
lk_port_listen(uint16_t id, uint32_t slot, int descriptor)
{
	int before;

	if (slot >= LK_RING_LISTENERS)
		return -EINVAL;
	before = atomic_exchange(&lk_ports[id].listeners[slot], descriptor);
	if (before != 0)
		close(before);
	return 0;
}

void
lk_port_signal(const struct lk_port *port, uint64_t listeners)
{
	for (uint32_t slot = 0; slot < LK_RING_LISTENERS; slot++)
		if ((listeners >> slot & 1) != 0 && port->listeners[slot] != 0)
			eventfd_write(port->listeners[slot], 1);
}

/* No path has the port any more. */
void
lk_port_silence(struct lk_port *port)
{
	for (uint32_t slot = 0; slot < LK_RING_LISTENERS; slot++)
		if (port->listeners[slot] != 0)
			close(port->listeners[slot]);
}
