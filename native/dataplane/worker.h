/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_WORKER_H
#define LK_WORKER_H

#include "bell.h"

/* Shared with the notebook, and behind it the bells of all lcores (fault.c). */
extern struct lk_status *lk_status;

/* Returns when no worker walks anything, and none does until lk_workers_resume(). */
void lk_workers_pause(void);
void lk_workers_resume(void); /* returns when all walk again */
void lk_workers_wake(void);   /* those that rest */

#endif
