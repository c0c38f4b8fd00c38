/* SPDX-License-Identifier: BSD-3-Clause */
/* IPFilterRule: what parses is written as text that parses to the same bytes and is its own
 * canonical form; what does not says what was wanted, and where. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const char *text)
{
	fprintf(stderr, "%s: %s\n", what, text);
	abort();
}

static void check_end(const struct filter_end *e, const char *text)
{
	if (e->n_ports > FILTER_PORTS)
		wrong("too many ports", text);
	for (uint32_t i = 0; i < e->n_ports; i++)
		if (e->ports[i].low > e->ports[i].high ||
			(i > 0 && e->ports[i].low <= e->ports[i - 1].high + 1))
			wrong("ports that are not sorted and merged", text);
	if (e->family != 0 && (e->assigned || e->len > (e->family == 4 ? 32 : 128)))
		wrong("an end that cannot be", text);
	if (e->family == 0 && (e->negated || e->len != 0))
		wrong("any, with an address", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter first, second;
	char text[2048], again[2048];
	const char *want = NULL;
	size_t at = SIZE_MAX;

	if (filter_parse((const char *)data, size, &first, &want, &at) != 0) {
		if (want == NULL || want[0] == '\0' || at > size)
			wrong("an error without words or place", want ? want : "");
		return 0;
	}
	if (filter_format(&first, text, sizeof(text)) >= (int)sizeof(text))
		wrong("longer than any", text);
	check_end(&first.remote, text);
	check_end(&first.local, text);
	if (filter_parse(text, strlen(text), &second, &want, &at) != 0)
		wrong(want, text);
	if (memcmp(&first, &second, sizeof(first)) != 0)
		wrong("comes back different", text);
	filter_format(&second, again, sizeof(again));
	if (strcmp(text, again) != 0)
		wrong("not its own form", text);
	return 0;
}
