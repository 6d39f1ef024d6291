/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CLOCK_H
#define LK_CLOCK_H

void lk_clock_start(void);
void lk_clock_refine(void);

#endif
