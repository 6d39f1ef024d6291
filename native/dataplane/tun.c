/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tun.h"

#define NAME 16 /* IFNAMSIZ */

/* The name of the interface that a descriptor of /dev/net/tun holds; "": none. */
static void
interface_of(int descriptor, char name[NAME])
{
	char path[64], line[128];
	FILE *told;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", descriptor);
	told = fopen(path, "re");
	if (told == NULL)
		return;
	while (fgets(line, sizeof(line), told) != NULL)
		if (sscanf(line, "iff:\t%15s", name) == 1)
			break;
	fclose(told);
}

int
lk_tun_find(const char *interface)
{
	DIR *descriptors = opendir("/proc/self/fdinfo");
	const struct dirent *entry;
	int found = -1;

	if (descriptors == NULL)
		return -1;
	while (found < 0 && (entry = readdir(descriptors)) != NULL) {
		int descriptor = atoi(entry->d_name); /* 0 of "." and ".." is no tun */
		char name[NAME];

		interface_of(descriptor, name);
		if (name[0] != '\0' && strcmp(name, interface) == 0)
			found = descriptor;
	}
	closedir(descriptors);
	return found;
}

int
lk_tun_holds(int descriptor)
{
	char name[NAME];

	interface_of(descriptor, name);
	return name[0] != '\0';
}
