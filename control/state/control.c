/* SPDX-License-Identifier: BSD-3-Clause */
/* What the handlers of requests work with (control.h). Owns the one there is. */
#include "control.h"

struct control control;
