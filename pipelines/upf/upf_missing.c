/* SPDX-License-Identifier: BSD-3-Clause */
/* What session.c will define: until it is here the user plane has no session. Whoever brings the
 * real one takes its lines out, and the last one this file. */
#include "session_hot.h"

#define MISSING __attribute__((weak))

MISSING struct session_block **session_block;
MISSING struct exact_table teid_table, ue4_table, ue6_table;
