/* SPDX-License-Identifier: BSD-3-Clause */
/* What compile_slice.c tells compile_host.c and compile_session.c about a slice at this site. */
#ifndef COMPILE_SLICE_PARTS_H
#define COMPILE_SLICE_PARTS_H

#include "stretch.h"

/* Where it comes out and by which WANs; free() it. NULL: no memory. */
struct spot *slice_spots(const struct intent_slice *slice);

/* Has it an endpoint at this site? Without one it is not in this box. */
bool slice_is_here(const struct intent_slice *slice, const char *site);

#endif
