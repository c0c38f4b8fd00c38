/* SPDX-License-Identifier: BSD-3-Clause */
/* The UDP payloads of a capture in tests/captures (pcap, little endian, Ethernet, IPv4 without
 * options: how those were taken). Of some only the first 200 bytes were kept: the rest is 0 here.
 */
#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct capture {
	FILE *file;
	uint8_t frame[2048];
	uint32_t number; /* of the frame, from 1, as tshark counts */
};

static inline void capture_open(struct capture *c, const char *name)
{
	const char *dir = getenv("CAPTURES");
	char path[512];
	uint8_t head[24];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/captures", name);
	c->file = fopen(path, "rb");
	c->number = 0;
	if (c->file == NULL || fread(head, sizeof(head), 1, c->file) != 1 ||
		memcmp(head, "\xd4\xc3\xb2\xa1", 4) != 0) {
		fprintf(stderr, "%s: not there, or no pcap file\n", path);
		exit(EXIT_FAILURE);
	}
}

/* The next UDP payload to this port; NULL at the end. */
static inline const uint8_t *capture_next(struct capture *c, uint16_t port, uint32_t *len)
{
	uint32_t head[4];

	while (fread(head, sizeof(head), 1, c->file) == 1) {
		c->number++;
		memset(c->frame, 0, sizeof(c->frame));
		if (head[2] > sizeof(c->frame) || fread(c->frame, head[2], 1, c->file) != 1)
			break;
		const uint8_t *ip = c->frame + 14, *udp = ip + 20;

		if (head[2] < 42 || ip[0] != 0x45 || ip[9] != 17 || (udp[2] << 8 | udp[3]) != port)
			continue;
		*len = (uint32_t)(udp[4] << 8 | udp[5]) - 8;
		if (*len > sizeof(c->frame) - 42)
			break;
		return udp + 8;
	}
	fclose(c->file);
	return NULL;
}

#endif
