/* SPDX-License-Identifier: BSD-3-Clause */
#include "tsc.h"

uint64_t tsc_stopped;
