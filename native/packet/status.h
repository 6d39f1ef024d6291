/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_STATUS_H
#define LK_STATUS_H

#include <stdint.h>

#define LK_BELLS	64u    /* lcores that can be woken (bell.h) */
#define LK_STATUS_ROOM	16384u /* bytes in front of the bells */
#define LK_STATUS_BYTES 20480u
#define LK_DRIVER_CALLS 8u  /* threads that can be in a driver at once */
#define LK_NAMED_PORTS	64u /* ports whose names are known here */
#define LK_LCORES	64u

/* A call into a driver, which may not return. */
struct lk_driver_call {
	_Atomic uint64_t since_ns; /* when it began (CLOCK_MONOTONIC); 0: nobody calls */
	_Atomic uint32_t taken;
	int32_t port;	   /* -1: of a device that is no port yet */
	int32_t thread;	   /* its number in the kernel (gettid) */
	char function[36]; /* of DPDK */
	char device[64];   /* of one that is no port yet */
};

/* A port by its number in DPDK. */
struct lk_named_port {
	char name[32]; /* the lab's */
	char driver[32];
	char device[64];
};

/* A worker that does not come to the end of its walk. */
struct lk_standstill {
	_Atomic uint64_t since_ns; /* CLOCK_MONOTONIC; 0: it walks, or has nothing to do */
	char node[64];		   /* that it is in */
};

/*
 * Memory of the notebook in which the engine leaves what it is doing, for when it dies or does not
 * answer; bells follow.
 */
struct lk_status {
	int32_t fault_signal;
	int32_t fault_lcore; /* -1: not a worker */
	char fault_node[64];
	char fault_library[64]; /* kind of a node from a cell whose code was at work; "": none */
	uint64_t fault_at;	/* offset in its library */
	/* Of the worker that was last seen to stand still, in the code of such a node. */
	int32_t hung_lcore;
	char hung_library[64];
	uint64_t hung_at;
	char command[128]; /* what the command thread is doing */
	struct lk_driver_call calls[LK_DRIVER_CALLS];
	struct lk_named_port ports[LK_NAMED_PORTS];
	struct lk_standstill workers[LK_LCORES];
};

#endif
