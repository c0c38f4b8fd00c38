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

struct config {
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
	struct http_peer peers[CONFIG_LIST];
	uint32_t peer_count;
	struct http_limits limits;
	char keep_text[CONFIG_LIST][INTENT_TEXT + 1];
	const char *keep[CONFIG_LIST + 1]; /* ends with NULL */
	uint32_t resync_s;
	uint32_t metrics_slices;
	bool mirror; /* what the kernel says becomes objects */
	uint32_t rescan_s;
	char log_file[LIMIT_DEVICE + 1]; /* "": stderr */
	uint32_t log_level;		 /* enum log_level */
	bool discard_unread;		 /* intents of the store that this version cannot read */
	bool check;			 /* read it, say what is wrong, and end */
};

/* 0; 1 when --help or --version was answered; -1 after saying on stderr what is wrong. */
int config_read(int argc, char **argv, struct config *config);

#endif
