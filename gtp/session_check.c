/* SPDX-License-Identifier: BSD-3-Clause */
#include "session_check.h"

int session_check(const struct api_session *s, struct rpc_error *err)
{
	return 0;
}
