/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines → the socket's methods, before fakes of core and pipelines (tests/unit/fakes.c). An input
 * is several lines, so that state builds up. After each line the model and what it has reserved
 * agree, and the answer is one of JSON-RPC. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "budget.h"
#include "claims.h"
#include "device_allow.h"
#include "dispatch.h"
#include "fakes.h"
#include "fdb.h"
#include "fib.h"
#include "model.h"
#include "networks.h"
#include "nouns.h"
#include "sync_pending.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AGREE(what, a, b)                                                                          \
	do {                                                                                       \
		long long x = (a), y = (b);                                                        \
		if (x != y) {                                                                      \
			fprintf(stderr, "%s: %lld, in the model %lld\n", what, x, y);              \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void check_state(void)
{
	AGREE("ports open", fakes.ports_open, model_count(OBJECT_PORT));
	AGREE("slices held", fakes.slices_held, model_count(OBJECT_SLICE));
	AGREE("slices set", fakes.slices_set, model_count(OBJECT_SLICE));
	AGREE("attachments held", fakes.attachments_held, model_count(OBJECT_ATTACHMENT));
	AGREE("attachments set", fakes.attachments_set, model_count(OBJECT_ATTACHMENT));
	AGREE("tunnels held", fakes.tunnels_held, model_count(OBJECT_TUNNEL));
	AGREE("tunnels set", fakes.tunnels_set, model_count(OBJECT_TUNNEL));
	AGREE("members set", fakes.members_set, model_count(OBJECT_MEMBER));
	AGREE("gateways reserved", fakes.gateways_reserved, 0);
	AGREE("neighbours reserved", fakes.hosts_reserved, 0);
	AGREE("routes reserved", fakes.fib_reserved, 0);
	/* those of the underlay are objects of the model */
	AGREE("next hops used", fakes.nexthops_used, fib_routes() + model_count(OBJECT_ROUTE));
}

static void check_answer(const char *text)
{
	json_t *answer = json_loads(text, 0, NULL);

	if (!json_is_object(answer) || !json_object_get(answer, "id") ||
		!json_object_get(answer, "result") == !json_object_get(answer, "error")) {
		fprintf(stderr, "not an answer: %s\n", text);
		abort();
	}
	json_decref(answer);
}

static void one_line(const char *line, size_t len)
{
	uint32_t before[OBJECT_TYPES], macs = fdb_count(), routes = fib_routes();
	char *answer;

	for (int t = 0; t < OBJECT_TYPES; t++)
		before[t] = t == OBJECT_MAC ? 0 : model_count(t);
	answer = dispatch_line(NULL, line, len);
	check_state();
	if (answer == NULL)
		return;
	check_answer(answer);
	/* an error never changes state */
	if (strstr(answer, "\"error\":{") == answer + strlen("{\"jsonrpc\":\"2.0\",\"id\":1,")) {
		for (int t = 0; t < OBJECT_TYPES; t++)
			if (t != OBJECT_MAC)
				AGREE("objects after an error", before[t], model_count(t));
		AGREE("MACs after an error", macs, fdb_count());
		AGREE("routes after an error", routes, fib_routes());
	}
	budget_free_text(answer, 0, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	budget_install();
	nouns_start();
	device_allow("any");
	fakes_reset();
	fakes.fail_port_open = data[0] & 0x80;
	fakes.fail_tap_address = data[0] & 0x40;
	if (data[0] & 0x20)
		fakes.fdb_limit = 2;
	if (data[0] & 0x10) {
		fakes.fib_limit = 3;
		fakes.gateway_limit = fakes.host_limit = fakes.nexthop_limit = 2;
	}
	data++;
	size--;
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end != NULL ? (size_t)(end - data) : size;

		/* bytes of its own, so that reading past them is seen */
		char *line = malloc(len + 1);

		memcpy(line, data, len);
		one_line(line, len);
		free(line);
		for (int i = 0; i < 10 && pending_run(); i++)
			check_state();
		len += end != NULL;
		data += len;
		size -= len;
	}
	pending_stop(); /* as rpc_stop() */
	model_free();
	networks_free();
	claims_free();
	fakes_reset();
	return 0;
}
