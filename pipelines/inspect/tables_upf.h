/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane's tables, for tables.c. Main thread only. */
#ifndef PIPELINES_TABLES_UPF_H
#define PIPELINES_TABLES_UPF_H

#include "tables.h"

extern const struct table_decl interfaces_decl, sessions_uplink_decl, sessions_downlink_decl,
	classifier_decl, forwarding_decl, tunnel_peers_decl, session_meters_decl;

#endif
