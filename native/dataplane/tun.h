/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TUN_H
#define LK_TUN_H

/*
 * An interface of /dev/net/tun may be moved to another network namespace, where nobody here knows
 * its number, and goes on. The kernel tells of the descriptor that holds it whether it still does
 * (proc_pid_fdinfo(5), "iff:").
 */

/* A descriptor that holds the interface of this name; -1: this process has none. */
int lk_tun_find(const char *interface);
/* Whether a descriptor of lk_tun_find() holds an interface, wherever and under whatever name. */
int lk_tun_holds(int descriptor);

#endif
