/* SPDX-License-Identifier: BSD-3-Clause */
/* A source whose packets differ from each other in a few fields: for a million flows, whose packets
 * in a looped pcap would be a gigabyte of cold memory to copy from and measure nothing else.
 *
 * Preloaded (LD_PRELOAD) into testpmd and into the switch alike: the device named in VARY_DEVICE, a
 * net_null that hands out empty buffers, gets a callback behind its receive function, which writes
 * into each buffer the template of VARY_FILE and the fields of the file's next record. The records
 * are in the order of sending; the file is read in a row, so that the CPU has them in time. Written
 * by bench/lib/upf.py. */
#include <dlfcn.h>
#include <fcntl.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

#define VARY_MAGIC    0x59524156 /* "VARY" */
#define VARY_TEMPLATE 192

struct record {
	uint32_t teid, address; /* as on the wire */
	uint16_t checksum, port;
	uint32_t pad;
};

/* Offsets of the fields; 0: the template's are not like that. */
struct vary_file {
	uint32_t magic, records;
	uint16_t length, at_teid, at_address, at_checksum, at_port, pad[3];
	uint8_t template[VARY_TEMPLATE];
	struct record record[];
};
_Static_assert(sizeof(struct vary_file) == 216, "upf.py writes it");

static struct source {
	const struct vary_file *file;
	uint32_t next;
} source;

int __attribute__((visibility("default"))) rte_eth_dev_start(uint16_t port);

static void fill(const struct vary_file *f, const struct record *r, uint8_t *p)
{
	memcpy(p, f->template, 128);
	if (f->length > 128)
		memcpy(p + 128, f->template + 128, VARY_TEMPLATE - 128);
	if (f->at_teid)
		*(wire32_t *)(p + f->at_teid) = r->teid;
	*(wire32_t *)(p + f->at_address) = r->address;
	*(wire16_t *)(p + f->at_checksum) = r->checksum;
	*(wire16_t *)(p + f->at_port) = r->port;
}

static uint16_t vary(
	uint16_t port, uint16_t queue, struct rte_mbuf **pkt, uint16_t n, uint16_t max, void *arg)
{
	struct source *s = arg;

	for (uint16_t i = 0; i < n; i++) {
		fill(s->file, &s->file->record[s->next], rte_pktmbuf_mtod(pkt[i], uint8_t *));
		if (++s->next == s->file->records)
			s->next = 0;
	}
	return n;
}

static int file_open(const char *path)
{
	const struct vary_file *f;
	struct stat about;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &about) != 0)
		return -1;
	f = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (f == MAP_FAILED || f->magic != VARY_MAGIC || f->length > VARY_TEMPLATE ||
		(size_t)about.st_size < sizeof(*f) + f->records * sizeof(struct record))
		return -1;
	source.file = f;
	source.next = 0;
	return 0;
}

int rte_eth_dev_start(uint16_t port)
{
	int (*real)(uint16_t) = (int (*)(uint16_t))dlsym(RTLD_NEXT, "rte_eth_dev_start");
	const char *device = getenv("VARY_DEVICE"), *path = getenv("VARY_FILE");
	char name[RTE_ETH_NAME_MAX_LEN];

	if (device != NULL && path != NULL && rte_eth_dev_get_name_by_port(port, name) == 0 &&
		strcmp(name, device) == 0) {
		if (file_open(path) != 0 ||
			rte_eth_add_rx_callback(port, 0, vary, &source) == NULL) {
			fprintf(stderr, "vary: %s is no source of packets\n", path);
			return -1;
		}
	}
	return real(port);
}
