/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and help texts of the drop reasons, from the list in drops.h. */
#include "drops.h"

#define DROP_INFO(id, text, about) [DROP_##id] = {.name = text, .help = about},
const struct drop_info drop_info[DROP_REASONS] = {
	DROP_REASONS_SLICE(DROP_INFO) DROP_REASONS_BOX(DROP_INFO)};
