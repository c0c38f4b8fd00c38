/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of UEs' addresses (ue.h). The user plane allocates and fills them. */
#include "ue.h"

struct exact_table ue4_table, ue6_table;
uint64_t ue4_filter[UE4_FILTER_BITS / 64];
