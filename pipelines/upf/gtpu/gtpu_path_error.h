/* SPDX-License-Identifier: BSD-3-Clause */
/* Between gtpu_path.c and gtpu_path_error.c. */
#ifndef UPF_GTPU_PATH_ERROR_H
#define UPF_GTPU_PATH_ERROR_H

#include "upf_worker.h"

/* A peer does not know a TEID. */
void gtpu_error_report(const struct upf_report *report, uint64_t now_tsc);
/* Looks on; how many sessions it has looked at. */
uint32_t gtpu_error_poll(void);
void gtpu_error_reset(void);

#endif
