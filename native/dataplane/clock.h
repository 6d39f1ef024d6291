/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CLOCK_H
#define LK_CLOCK_H

/* Before the EAL starts, which takes long enough for the frequency to be known well behind it: a
 * path that is made at once counts on it for its whole life. */
void lk_clock_begin(void);
void lk_clock_start(void);
void lk_clock_refine(void);

#endif
