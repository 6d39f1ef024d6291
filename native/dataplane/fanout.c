/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * net_af_packet of DPDK 22.11 joins a fanout group (packet(7)) even with one socket, which needs
 * none. The group costs: its number, the process id xor the interface's index in 16 bits, may be
 * another program's, and then the device cannot be made; and the kernel puts the fragments of an IP
 * packet together before a group sees them. The driver has no option to leave it out. So a device
 * of one queue is made on a thread for which the kernel skips that one call.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "api.h"

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define UNLESS(value, instructions)                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, instructions)

struct attachment {
	const char *bus;
	const char *device;
	const char *arguments;
	int rc;
};

/* setsockopt(socket, SOL_PACKET, PACKET_FANOUT, ...) returns 0 on this thread, and does nothing. */
static void
skip_fanout(void)
{
#ifdef __x86_64__
	struct sock_filter steps[] = {
		FIELD(arch),
		UNLESS(AUDIT_ARCH_X86_64, 7),
		FIELD(nr),
		UNLESS(SYS_setsockopt, 5),
		FIELD(args[1]),
		UNLESS(SOL_PACKET, 3),
		FIELD(args[2]),
		UNLESS(PACKET_FANOUT, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(steps) / sizeof(steps[0]), steps};

	/* Where a kernel does not take the filter, the driver joins its group as ever. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
#endif
}

static void *
attach(void *arg)
{
	struct attachment *a = arg;

	skip_fanout();
	a->rc = lk_port_attach(a->bus, a->device, a->arguments);
	return NULL;
}

int
lk_port_attach_without_fanout(const char *bus, const char *device, const char *arguments)
{
	struct attachment a = {bus, device, arguments, 0};
	pthread_t thread;
	int rc = -pthread_create(&thread, NULL, attach, &a);

	if (rc == 0)
		rc = -pthread_join(thread, NULL);
	return rc == 0 ? a.rc : rc;
}
