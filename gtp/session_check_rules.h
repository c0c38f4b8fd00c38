/* SPDX-License-Identifier: BSD-3-Clause */
/* Between session_check.c and session_check_rules.c. */
#ifndef GTP_SESSION_CHECK_RULES_H
#define GTP_SESSION_CHECK_RULES_H

#include <stddef.h>

#include "session_check.h"

/* Ids of all lists, and what FARs, QERs and URRs say: 0, or -1 with err. */
int check_rules(const struct api_session *s, struct rpc_error *err);

/* Is one of `count` items of `size` bytes, which begin with their id, that one? */
bool check_find(const void *item, size_t size, uint32_t count, uint32_t id);

/* An address (or a prefix's) that one host can have: nothing that begins with 0, 127, 224 and up;
 * unspecified, loopback, link-local and multicast of IPv6. */
bool check_unicast(const struct api_ip *ip);

/* Refusals with the path made; -1. */
int check_fail(struct rpc_error *err, const char *list, uint32_t i, const char *field,
	const char *want, const char *got);
int check_fail_ip(struct rpc_error *err, const char *path, const char *want,
	const struct api_ip *got, bool prefix);

#endif
