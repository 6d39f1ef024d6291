/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_EXPORT_H
#define LK_EXPORT_H

/* What a node that was compiled by itself, and loaded later, finds in this module. */
#define LK_EXPORT __attribute__((visibility("default")))

#endif
