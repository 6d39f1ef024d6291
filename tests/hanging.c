/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Drivers that hang, for tests: loaded in front of DPDK (LD_PRELOAD), functions do not return while
 * the folder LABKIT_TEST_HANGS has a file of their name.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
hang(const char *function)
{
	const char *folder = getenv("LABKIT_TEST_HANGS");
	char file[4096];

	if (folder == NULL)
		return;
	snprintf(file, sizeof(file), "%s/%s", folder, function);
	while (access(file, F_OK) == 0)
		usleep(2000);
}

/* Python loads DPDK for itself, so that dlsym(RTLD_NEXT) does not see it. */
static int
look(struct dl_phdr_info *info, size_t size, void *wanted)
{
	const char **library = wanted;

	(void)size;
	if (strstr(info->dlpi_name, *library) == NULL)
		return 0;
	*library = info->dlpi_name;
	return 1;
}

static void *
found(const char *library, const char *function)
{
	if (dl_iterate_phdr(look, &library) == 0)
		abort();
	return dlsym(dlopen(library, RTLD_LAZY | RTLD_NOLOAD), function);
}

#define MAY_HANG(library, function, parameters, arguments)                                         \
	int function parameters;                                                                   \
	int function parameters                                                                    \
	{                                                                                          \
		int(*real) parameters = (int(*) parameters)found(library, #function);              \
                                                                                                   \
		hang(#function);                                                                   \
		return real arguments;                                                             \
	}

MAY_HANG("librte_ethdev", rte_eth_dev_start, (uint16_t id), (id))
MAY_HANG("librte_ethdev", rte_eth_dev_stop, (uint16_t id), (id))
MAY_HANG("librte_ethdev", rte_eth_dev_close, (uint16_t id), (id))
MAY_HANG("librte_eal", rte_eal_init, (int argc, char **argv), (argc, argv))
MAY_HANG("librte_ethdev", rte_eth_xstats_get_by_id,
	 (uint16_t id, const uint64_t *ids, uint64_t *values, unsigned int room),
	 (id, ids, values, room))
