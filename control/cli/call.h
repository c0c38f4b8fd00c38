/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls to sluice-control, and how their errors are told. The connection belongs to the
 * invocation (main.c closes it). */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include "cli.h"
#include "http.h"

#define CONTROL_DEFAULT "/run/sluice/control.sock"
#define WAIT_PRESET_S	5
#define WAIT_MAX_S	60

/* Where $SLUICE_CONTROL and $SLUICE_TOKEN_FILE point to; the options override. */
void control_defaults(struct cli *cli);
/* The target of cli, for http_open. */
struct http_target control_target(const struct cli *cli);

/* The invocation's connection; NULL after saying why. */
struct http *control_http(struct cli *cli);

/* An answer of any status into *answer; STATUS_FAILED after saying that none came. */
int control_ask(struct cli *cli, const struct http_request *request, struct http_answer *answer);
/* The same, and says why it was not reached. */
int control_try(struct cli *cli, const struct http_request *request, struct http_answer *answer);
/* The answer's JSON (owned by the caller; may be NULL after 204) into *json: STATUS_OK, or
 * STATUS_FAILED after saying why it was refused. */
int control_call(struct cli *cli, const struct http_request *request, json_t **json);
/* GET of a path, which is freed. NULL after saying why. */
json_t *control_get(struct cli *cli, char *path);

/* Says that nothing answered. Returns STATUS_FAILED. */
int control_unreachable(const struct cli *cli, const struct http_answer *answer);
/* Says what an answer of 400 and more says; where, when not NULL, stands before it. Gives the
 * answer's JSON back. Returns STATUS_FAILED. */
int control_refused(const struct cli *cli, struct http_answer *answer, const char *where);

/* "the dataplane would refuse slice x: …" of each in the answer's `refused`: STATUS_FAILED when
 * there are any. */
int tell_would_refuse(const json_t *answer);
/* Says so when a dry run could not ask the dataplane. */
void tell_unasked(const json_t *answer);
#define NO_CHECK_HELP                                                                              \
	"change it though the dataplane would refuse it: it is tried again when what it needs "    \
	"changes"
#define NO_CHECK_HINT                                                                              \
	"nothing was changed; with --no-check it is kept all the same, and tried again when what " \
	"it needs changes"

/* Calls each with every item of a list that comes in pages; path has a "?" already and is freed. */
typedef int (*control_each)(const json_t *items, void *arg);
int control_pages(struct cli *cli, char *path, control_each each, void *arg);

/* "&wait=5" as the options --wait and --no-wait (at these places) say; STATUS_USAGE after saying
 * why. */
int wait_seconds(const struct args *args, int wait, int no_wait, json_int_t *seconds);

/* A time of the API, microseconds since 1970, as people read it here. out has 40 bytes. */
const char *time_text(const json_t *us, char *out);

#endif
