/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the route of a method and a path (router.c). Used by the files of control/http alone. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "http.h"

#define ROUTE_SEGMENTS 8

/* A path, cut at "/", each segment percent-decoded once. */
struct path {
	char *text; /* owns the segments that needed no decoding */
	const char *segment[ROUTE_SEGMENTS];
	char *decoded[ROUTE_SEGMENTS]; /* owned */
	int count;
};

/* 0; -EINVAL: no path of ours can look like this (why says it for a person); -ENOENT: an empty or
 * one segment too many; -ENOMEM. path_free in any case. */
int path_split(const char *raw, struct path *path, const char **why);
void path_free(struct path *path);

/* 0, or -errno with why: a table that cannot be served. */
int router_build(const struct route *const *tables, char *why, size_t why_size);
void router_free(void);

/* NULL: none of that method. allow (in that case): the methods there are, "" when none is. HEAD is
 * answered where GET is. */
const struct route *router_find(
	const char *method, const struct path *path, char *allow, size_t allow_size);

/* The path's parameter; NULL: the route has none of that name. */
const char *router_param(const struct route *route, const struct path *path, const char *name);

#endif
