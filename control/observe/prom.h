/* SPDX-License-Identifier: BSD-3-Clause */
/* Prometheus text format 0.0.4, written into memory. Knows nothing of what is measured. */
#ifndef OBSERVE_PROM_H
#define OBSERVE_PROM_H

#include <stdint.h>

#include "text.h"

#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum prom_kind { PROM_COUNTER, PROM_GAUGE };

/* HELP and TYPE. All samples of a family come right behind it. */
void prom_family(struct text *p, const char *name, enum prom_kind kind, const char *help);
/* Labels: name, value, …, NULL; a pair whose value is NULL is left out. */
void prom_u64(struct text *p, const char *name, uint64_t value, ...) __attribute__((sentinel));
void prom_f64(struct text *p, const char *name, double value, ...) __attribute__((sentinel));

#endif
