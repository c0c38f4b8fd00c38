/* SPDX-License-Identifier: BSD-3-Clause */
/* What sluice-control is told at start: options (contract.md, "sluice-control") and, for what
 * they do not say, a JSON file. */
#ifndef CONTROL_CONFIG_H
#define CONTROL_CONFIG_H

#include "bounds.h"
#include "http.h"
#include "intent_types.h"
#include "log.h"

#define CONFIG_LIST 64 /* peers, patterns of keep */

/* One of the file's "peers", before names are looked up. */
struct config_peer {
	api_name user, group;
	uint32_t role;
	api_name tenant;
};

struct config {
	/* as the file has it; options go first */
	api_name site; /* which of the sites this box is; default: the host's name */
	char socket[LIMIT_DEVICE + 1];
	char listen[LIMIT_DEVICE + 1];	       /* "": no TCP */
	char metrics_listen[LIMIT_DEVICE + 1]; /* "": none */
	char dataplane[LIMIT_DEVICE + 1];
	char store[LIMIT_DEVICE + 1];
	struct {
		char certificate[LIMIT_DEVICE + 1], key[LIMIT_DEVICE + 1];
		char client_ca[LIMIT_DEVICE + 1];
	} tls;
	struct {
		uint32_t count;
		struct config_peer *item;
	} peers;	       /* until it was read: http_peers */
	struct api_texts keep; /* likewise: keeps */
	struct http_limits limits;
	uint32_t resync_s, metrics_slices, rescan_s;
	bool mirror; /* what the kernel says becomes objects */
	struct {
		char file[LIMIT_DEVICE + 1]; /* "": stderr */
		uint32_t level;		     /* enum log_level */
	} log;
	bool has_log;

	/* what comes of it */
	struct http_peer http_peers[CONFIG_LIST]; /* peers.count of them */
	const char *keeps[CONFIG_LIST + 1];	  /* ends with NULL */

	/* of the options alone */
	bool discard_unread; /* intents of the store that this version cannot read */
	bool check;	     /* read it, say what is wrong, and end */
};

/* 0; 1 when --help or --version was answered; -1 after saying on stderr what is wrong. */
int config_read(int argc, char **argv, struct config *config);

#endif
