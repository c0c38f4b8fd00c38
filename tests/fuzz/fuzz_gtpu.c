/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U headers and IEs: nothing is read beyond the bytes, offsets lie inside, and what was read
 * writes to what reads the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gtpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_error_indication(const uint8_t *payload, size_t len)
{
	struct gtpu_error_indication first, second;
	uint8_t bytes[64];
	struct gtpu_header h;

	if (gtpu_read_error_indication(payload, len, &first) != 0)
		return;
	if (first.address_len != 4 && first.address_len != 16)
		wrong("an address of no family");
	size_t n = gtpu_write_error_indication(
		bytes, sizeof(bytes), first.teid_be, first.address, first.address_len, 0);

	if (gtpu_read(bytes, n, &h) != GTPU_OK || h.type != GTPU_ERROR_INDICATION ||
		gtpu_read_error_indication(bytes + h.payload, h.payload_len, &second) != 0 ||
		memcmp(&first, &second, sizeof(first)) != 0)
		wrong("an error indication comes back different");
}

static void check_again(const struct gtpu_header *h)
{
	uint8_t *bytes = malloc(32 + h->payload_len);
	struct gtpu_header again;
	size_t n = gtpu_write(bytes, 32, h->type, h->teid_be, h->flags & GTPU_FLAG_S, h->sequence,
		h->has_psc ? &h->psc : NULL, h->payload_len);

	/* without what is not written any more a header is no longer than it was */
	if (n == 0 && h->payload_len < 65000)
		wrong("does not write");
	if (n != 0) {
		if (gtpu_read(bytes, n + h->payload_len, &again) != GTPU_OK)
			wrong("what was written does not read");
		if (again.type != h->type || again.teid_be != h->teid_be ||
			again.sequence != h->sequence || again.has_psc != h->has_psc ||
			memcmp(&again.psc, &h->psc, sizeof(h->psc)) != 0 ||
			again.payload_len != h->payload_len)
			wrong("comes back different");
	}
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gtpu_header h;
	enum gtpu_error error = gtpu_read(data, size, &h);

	check_error_indication(data, size);
	if (error != GTPU_OK && error != GTPU_UNKNOWN_EXTENSION)
		return 0;
	if ((h.unknown_extension != 0) != (error == GTPU_UNKNOWN_EXTENSION))
		wrong("an unknown extension that is none");
	if (h.payload < GTPU_HEADER || h.payload > size || h.payload_len > size - h.payload ||
		h.payload + h.payload_len != GTPU_HEADER + (uint32_t)(data[2] << 8 | data[3]))
		wrong("the payload is not where the length says");
	if (error == GTPU_OK) {
		check_again(&h);
		check_error_indication(data + h.payload, h.payload_len);
	}
	return 0;
}
