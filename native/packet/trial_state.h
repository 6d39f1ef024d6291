/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TRIAL_STATE_H
#define LK_TRIAL_STATE_H

/* How far a trial is; when it is done the generator makes no more frames. */
enum lk_trial_state { LK_TRIAL_READY, LK_TRIAL_RUNS, LK_TRIAL_STOPS, LK_TRIAL_DONE };

/* What may still come after a trial's time, in ns: paced frames that were due before its end, */
#define LK_TRIAL_GRACE 100000000u
/* and frames that an impair node has held back. */
#define LK_LONGEST_HOLD 20000000u

#endif
