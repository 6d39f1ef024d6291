/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Links of ports, and what became of them over time. A thread of their own looks at them: a driver
 * that is asked to tell of changes by interrupt answers from memory when no interrupt comes.
 * net_af_packet and net_af_xdp say of every link that it is up, so their interfaces are asked. A
 * device may be gone altogether: an interface that was deleted, a NIC that was unplugged. Nothing
 * is sent on it any more.
 */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_dev.h>

#include "api.h"
#include "drivers.h"
#include "link.h"
#include "port.h"
#include "tun.h"

#define REST_NS 50000000

struct followed {
	int is_followed;
	int state; /* enum lk_link_state, as it was seen last */
	unsigned int interface;
	int tun;	    /* descriptor of a TAP's interface; -1 of others */
	int asks_interface; /* its driver does not know the link */
	char sysfs[64];	    /* of a PCI device; "" of others */
	char device[RTE_DEV_NAME_MAX_LEN];
	uint64_t changes;
	struct lk_link_change kept[LK_LINK_CHANGES];
};

static struct followed ports[RTE_MAX_ETHPORTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what is followed */
static pthread_t thread;
static atomic_int running;
static int asking; /* a socket for questions */

/* Whether the interface is there, and then its flags (netdevice(7)). */
static int
interface_flags(unsigned int index, short *flags)
{
	struct ifreq request = {0};

	if (if_indextoname(index, request.ifr_name) == NULL)
		return errno != ENXIO;
	if (ioctl(asking, SIOCGIFFLAGS, &request) != 0)
		return errno != ENODEV;
	*flags = request.ifr_flags;
	return 1;
}

/* Of a TAP that was moved to another network namespace the flags are not known here. */
static int
is_there(const struct followed *f, short *flags)
{
	if (f->interface != 0)
		return interface_flags(f->interface, flags) ||
		       (f->tun >= 0 && lk_tun_holds(f->tun));
	return f->sysfs[0] == '\0' || access(f->sysfs, F_OK) == 0;
}

int
lk_link_read(uint16_t id, struct rte_eth_link *link)
{
	const struct followed *f = &ports[id];
	short flags = IFF_UP | IFF_RUNNING;

	memset(link, 0, sizeof(*link));
	if (f->state == LK_LINK_GONE || !is_there(f, &flags))
		return LK_LINK_GONE;
	if (rte_eth_link_get_nowait(id, link) != 0)
		return LK_LINK_DOWN;
	if (f->asks_interface || f->tun >= 0)
		link->link_status = (flags & IFF_UP) && (flags & IFF_RUNNING);
	return link->link_status == RTE_ETH_LINK_UP ? LK_LINK_UP : LK_LINK_DOWN;
}

/* Called with the lock held. */
static void
note(uint16_t id, int state, uint32_t speed)
{
	struct followed *f = &ports[id];

	if (!f->is_followed || f->state == state || f->state == LK_LINK_GONE)
		return;
	f->state = state;
	f->kept[f->changes % LK_LINK_CHANGES] = (struct lk_link_change){
		.time_ns = lk_clock_realtime_ns(lk_clock_tsc()), .state = state, .speed = speed};
	f->changes++;
	if (state != LK_LINK_GONE)
		return;
	lk_ports[id].is_link_down = 1;
	printf("labkit: port %u: the device %s is gone\n", id, f->device);
	fflush(stdout);
}

static void
look(uint16_t id)
{
	struct rte_eth_link link;
	int state;

	if (!ports[id].is_followed)
		return;
	state = lk_link_read(id, &link);
	note(id, state, link.link_speed);
}

void
lk_link_look(uint16_t id)
{
	pthread_mutex_lock(&lock);
	look(id);
	pthread_mutex_unlock(&lock);
}

void
lk_links_look(void)
{
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++)
		lk_link_look(id);
}

/* By a driver, on the thread of DPDK's interrupts. */
static int
on_device_removal(uint16_t id, enum rte_eth_event_type event, void *unused, void *unused_too)
{
	(void)event;
	(void)unused;
	(void)unused_too;
	pthread_mutex_lock(&lock);
	note(id, LK_LINK_GONE, 0);
	pthread_mutex_unlock(&lock);
	return 0;
}

/* By a bus: vfio asks for a device back before it goes. */
static void
on_removal(const char *device, enum rte_dev_event_type event, void *unused)
{
	(void)unused;
	if (event != RTE_DEV_EVENT_REMOVE)
		return;
	pthread_mutex_lock(&lock);
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++)
		if (ports[id].is_followed && strcmp(ports[id].device, device) == 0)
			note(id, LK_LINK_GONE, 0);
	pthread_mutex_unlock(&lock);
}

static void *
look_now_and_then(void *unused)
{
	const struct timespec rest = {0, REST_NS};

	(void)unused;
	while (running) {
		lk_links_look();
		nanosleep(&rest, NULL);
	}
	return NULL;
}

int
lk_links_start(void)
{
	int rc;

	asking = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (asking < 0)
		return -errno;
	running = 1;
	rc = -pthread_create(&thread, NULL, look_now_and_then, NULL);
	if (rc == 0)
		pthread_setname_np(thread, "lk-links");
	return rc;
}

void
lk_links_stop(void)
{
	if (atomic_exchange(&running, 0))
		pthread_join(thread, NULL);
}

void
lk_links_hold(void)
{
	pthread_mutex_lock(&lock);
}

void
lk_links_release(void)
{
	pthread_mutex_unlock(&lock);
}

void
lk_link_follow(uint16_t id, const struct rte_eth_dev_info *info)
{
	struct followed *f = &ports[id];
	const char *device = rte_dev_name(info->device);
	char name[IF_NAMESIZE];
	struct rte_eth_link link;
	int state;

	pthread_mutex_lock(&lock);
	*f = (struct followed){.is_followed = 1, .state = -1, .interface = info->if_index};
	f->asks_interface = lk_is_packet_socket(info) || lk_is_xdp(info);
	f->tun = lk_is_tap(info) && if_indextoname(info->if_index, name) != NULL ? lk_tun_find(name)
										 : -1;
	snprintf(f->device, sizeof(f->device), "%s", device);
	if (strcmp(rte_bus_name(rte_dev_bus(info->device)), "pci") == 0)
		snprintf(f->sysfs, sizeof(f->sysfs), "/sys/bus/pci/devices/%s", device);
	state = lk_link_read(id, &link);
	note(id, state, link.link_speed);
	pthread_mutex_unlock(&lock);
	rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_RMV, on_device_removal, NULL);
	if (f->sysfs[0] != '\0')
		rte_dev_event_callback_register(device, on_removal, NULL);
}

/* What became of it is kept until another port has its number. */
void
lk_link_leave(uint16_t id)
{
	struct followed *f = &ports[id];

	if (!f->is_followed)
		return;
	rte_eth_dev_callback_unregister(id, RTE_ETH_EVENT_INTR_RMV, on_device_removal, NULL);
	if (f->sysfs[0] != '\0')
		rte_dev_event_callback_unregister(f->device, on_removal, NULL);
	pthread_mutex_lock(&lock);
	f->is_followed = 0;
	f->state = -1;
	pthread_mutex_unlock(&lock);
}

void
lk_link_record(uint16_t id, struct lk_recorded_link *out)
{
	const struct followed *f = &ports[id];

	pthread_mutex_lock(&lock);
	*out = (struct lk_recorded_link){
		.link_up = f->state == LK_LINK_UP,
		.link_changes = f->changes == 0 ? 0 : f->changes - 1,
	};
	pthread_mutex_unlock(&lock);
}

/* The newest changes, the oldest of them first; how many there were in all. */
uint64_t
lk_link_changes(uint16_t id, struct lk_link_change *out, uint32_t room)
{
	const struct followed *f = &ports[id];
	uint64_t changes, kept;

	pthread_mutex_lock(&lock);
	changes = f->changes;
	kept = RTE_MIN(changes, RTE_MIN((uint64_t)room, (uint64_t)LK_LINK_CHANGES));
	for (uint64_t i = 0; i < kept; i++)
		out[i] = f->kept[(changes - kept + i) % LK_LINK_CHANGES];
	pthread_mutex_unlock(&lock);
	return changes;
}
