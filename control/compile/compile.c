/* SPDX-License-Identifier: BSD-3-Clause */
/* The compiler's entry (compile.h). */
#include <stdlib.h>

#include "emit.h"

static int nothing_of_its_own(struct compile *c, const struct intent *intent)
{
	return 0;
}

static int (*const compile_type[INTENT_TYPES])(struct compile *c, const struct intent *intent) = {
	[INTENT_SITE] = compile_site,
	[INTENT_WAN] = compile_wan,
	[INTENT_SLICE] = compile_slice,
	[INTENT_HOST] = compile_host,
	[INTENT_NETWORK] = compile_network,
	[INTENT_LOCAL_NETWORK] = nothing_of_its_own,
	[INTENT_SESSION] = compile_session,
	[INTENT_TENANT] = nothing_of_its_own,
};

int compile_intent(const struct world *world, const char *site, const struct intent *intent,
	struct compiled_list *out, struct rpc_error *err)
{
	struct compile c = {world, site, out, err};
	size_t before = out->count;
	int rc = compile_type[intent->type](&c, intent);

	if (rc)
		while (out->count > before)
			free(out->item[--out->count].text);
	return rc;
}
