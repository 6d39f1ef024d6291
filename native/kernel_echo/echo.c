/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A UDP echo service on a kernel socket, as fast as recvmmsg(2) and sendmmsg(2) make it, in a
 * network namespace of its own that goes with the process.
 *
 * kernel_echo UDP_PORT 4|6: prints "ready" when the namespace is there, waits for a line on
 * standard input (by then it has an interface), prints "listening". Each further line is answered
 * with "RECEIVED SENT UNSENT TRUNCATED"; it ends with its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST	64
#define LONGEST 9600 /* the largest MTU of a lab */

static atomic_ullong received, sent, unsent, truncated;
static uint8_t buffers[BURST][LONGEST];
static struct sockaddr_storage senders[BURST];
static struct iovec vectors[BURST];
static struct mmsghdr messages[BURST];

static void
fail(const char *what)
{
	fprintf(stderr, "kernel_echo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
set_ipv6(const char *name, const char *value)
{
	char file[64];
	int descriptor;

	snprintf(file, sizeof(file), "/proc/sys/net/ipv6/conf/%s", name);
	descriptor = open(file, O_WRONLY);
	if (descriptor < 0)
		return; /* the kernel has no IPv6 */
	if (write(descriptor, value, 1) != 1)
		fail(file);
	close(descriptor);
}

/* No router solicitations and the like among the frames that are measured */
static void
silence_ipv6(int version)
{
	if (version == 4) {
		set_ipv6("all/disable_ipv6", "1");
		set_ipv6("default/disable_ipv6", "1");
		return;
	}
	set_ipv6("default/disable_ipv6", "0");
	set_ipv6("default/router_solicitations", "0");
	set_ipv6("all/accept_dad", "0");
	set_ipv6("default/accept_dad", "0");	/* no detection of duplicate addresses */
	set_ipv6("default/addr_gen_mode", "1"); /* no link-local address */
}

static int
open_socket(int version, int port)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr *here = version == 4 ? (struct sockaddr *)&ipv4 : (struct sockaddr *)&ipv6;
	socklen_t length = version == 4 ? sizeof(ipv4) : sizeof(ipv6);
	int descriptor = socket(version == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

	if (descriptor < 0)
		fail("socket");
	if (bind(descriptor, here, length) != 0)
		fail("bind");
	return descriptor;
}

/* What did not fit, such as a datagram that came in fragments, is counted and not answered. */
static int
keep_whole(int count)
{
	int kept = 0;

	for (int i = 0; i < count; i++) {
		struct mmsghdr message = messages[i];

		if (message.msg_hdr.msg_flags & MSG_TRUNC)
			continue;
		message.msg_hdr.msg_iov->iov_len = message.msg_len;
		messages[i] = messages[kept];
		messages[kept++] = message;
	}
	atomic_fetch_add_explicit(&truncated, (unsigned)(count - kept), memory_order_relaxed);
	return kept;
}

/* Sends what it can; a datagram that the kernel refuses is counted and passed over. */
static void
answer(int descriptor, int count)
{
	int done = 0;

	while (done < count) {
		int n = sendmmsg(descriptor, messages + done, (unsigned)(count - done), 0);

		if (n > 0) {
			atomic_fetch_add_explicit(&sent, (unsigned)n, memory_order_relaxed);
			done += n;
		} else if (n < 0 && errno != EINTR) {
			atomic_fetch_add_explicit(&unsent, 1, memory_order_relaxed);
			done++;
		}
	}
}

static void *
echo(void *argument)
{
	int descriptor = *(int *)argument;

	for (int i = 0; i < BURST; i++) {
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		messages[i].msg_hdr.msg_name = &senders[i];
		vectors[i].iov_base = buffers[i];
	}
	for (;;) {
		int count;

		for (int i = 0; i < BURST; i++) {
			vectors[i].iov_len = LONGEST;
			messages[i].msg_hdr.msg_namelen = sizeof(senders[i]);
		}
		count = recvmmsg(descriptor, messages, BURST, MSG_WAITFORONE, NULL);
		if (count < 0) {
			if (errno == EINTR)
				continue;
			fail("recvmmsg");
		}
		atomic_fetch_add_explicit(&received, (unsigned)count, memory_order_relaxed);
		answer(descriptor, keep_whole(count));
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	int port = argc == 3 ? atoi(argv[1]) : 0;
	int version = argc == 3 ? atoi(argv[2]) : 0;
	char line[64];
	pthread_t thread;
	int descriptor;

	if (port < 1 || port > 65535 || (version != 4 && version != 6)) {
		fprintf(stderr, "usage: kernel_echo UDP_PORT 4|6\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) != 0)
		fail("a network namespace");
	silence_ipv6(version);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	if (fgets(line, sizeof(line), stdin) == NULL)
		return 0;
	descriptor = open_socket(version, port);
	if (pthread_create(&thread, NULL, echo, &descriptor) != 0)
		fail("pthread_create");
	puts("listening");
	while (fgets(line, sizeof(line), stdin) != NULL)
		printf("%llu %llu %llu %llu\n", atomic_load(&received), atomic_load(&sent),
		       atomic_load(&unsent), atomic_load(&truncated));
	return 0;
}
