/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_SERVICE_H
#define LK_SERVICE_H

int lk_service_start(void);
void lk_service_stop(void);

#endif
