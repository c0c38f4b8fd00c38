/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice status: how the box does. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "grid.h"
#include "text.h"

#define CHECK_S 5 /* --check is called by cron and the like, again and again */

/* "3 d 04:05:06" */
static const char *duration_text(json_int_t seconds, char *out)
{
	int at = 0;

	if (seconds >= 86400)
		at = snprintf(out, NUMBER_BYTES, "%lld d ", (long long)(seconds / 86400));
	snprintf(out + at, NUMBER_BYTES - (size_t)at, "%02d:%02d:%02d", (int)(seconds / 3600 % 24),
		(int)(seconds / 60 % 60), (int)(seconds % 60));
	return out;
}

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* A box whose site no intent describes takes nothing: most likely --site was left out or misspelt.
 */
static bool site_missing(const json_t *status)
{
	const json_t *sites = json_object_get(json_object_get(status, "intents"), "sites");
	json_int_t total = number_of(sites, "total");

	return total > 0 && total == number_of(sites, "elsewhere");
}

static void print_objects(const json_t *status)
{
	const json_t *reconciler = json_object_get(status, "reconciler");
	bool refused = number_of(reconciler, "refused") > 0;
	const json_t *revision = json_object_get(json_object_get(status, "store"), "revision");
	const char *dataplane = json_text(json_object_get(status, "dataplane"), "state");

	if (json_is_integer(revision) && json_integer_value(revision) == 0) {
		puts("objects     left as they are: there are no intents yet");
		return;
	}
	if (*dataplane != '\0' && strcmp(dataplane, "up") != 0) {
		printf("objects     %lld wanted; what is there is not known: the dataplane does "
		       "not "
		       "answer\n",
			(long long)number_of(reconciler, "desired"));
		return;
	}
	printf("objects     %s: %lld wanted, %lld there, %lld differing\n",
		!json_is_true(json_object_get(reconciler, "synced")) ? "NOT as wanted"
		: refused ? "as wanted but for what is refused"
			  : "as wanted",
		(long long)number_of(reconciler, "desired"),
		(long long)number_of(reconciler, "actual"),
		(long long)number_of(reconciler, "differing"));
}

static void print_head(const json_t *status)
{
	const json_t *dataplane = json_object_get(status, "dataplane");
	const json_t *reconciler = json_object_get(status, "reconciler");
	char text[NUMBER_BYTES], at[40];

	printf("site        %s%s\n", json_text(status, "site"),
		site_missing(status) ? ": NO INTENT describes it; sluice-control --site says which "
				       "it is"
				     : "");
	printf("control     %s, up for %s, revision %lld\n", json_text(status, "version"),
		duration_text(number_of(status, "uptime_s"), text),
		(long long)number_of(json_object_get(status, "store"), "revision"));
	printf("dataplane   %s%s%s at %s\n", json_text(dataplane, "state"),
		*json_text(dataplane, "version") != '\0' ? ", " : "",
		json_text(dataplane, "version"), json_text(dataplane, "socket"));
	print_objects(status);
	printf("last sync   %s; the last transaction took %.1f ms\n",
		time_text(json_object_get(reconciler, "last_sync_us"), at),
		(double)number_of(reconciler, "last_apply_us") / 1000);
	printf("drift       %lld objects that others had changed were put right since the start\n",
		(long long)number_of(reconciler, "drift_total"));
}

static void print_intents(const json_t *intents)
{
	static const char *const states[] = {"total", "applied", "pending", "refused", "elsewhere"};
	struct grid *grid = grid_new(0, "-");
	char number[NUMBER_BYTES];
	const char *type;
	json_t *counts;
	size_t i;

	grid_column(grid, "intents", false);
	for (i = 0; i < 5; i++)
		grid_column(grid, states[i], true);
	json_object_foreach ((json_t *)intents, type, counts) {
		grid_cell(grid, type);
		for (i = 0; i < 5; i++)
			grid_cell(grid, number_grouped(number_of(counts, states[i]), number));
	}
	putchar('\n');
	grid_print(grid);
	grid_free(grid);
}

/* Where the reasons are. */
static void print_refused(const json_t *intents)
{
	const char *type;
	json_t *counts;

	json_object_foreach ((json_t *)intents, type, counts)
		if (number_of(counts, "refused") > 0)
			printf("\nrefused, and why: sluice %s list state=refused; sluice %s show "
			       "NAME\n",
				type, type);
}

/* What the kernel says of the box: one line, unless a control of before mirrors does not know. */
static void print_kernel(const json_t *kernel)
{
	char addresses[NUMBER_BYTES], neighbors[NUMBER_BYTES], routes[NUMBER_BYTES];

	if (!json_is_object(kernel))
		return;
	if (!json_is_true(json_object_get(kernel, "mirrored"))) {
		puts("kernel      not mirrored");
		return;
	}
	printf("kernel      %s%s addresses, %s neighbors, %s routes",
		json_is_true(json_object_get(kernel, "ready")) ? "" : "still being read: ",
		number_grouped(number_of(kernel, "addresses"), addresses),
		number_grouped(number_of(kernel, "neighbors"), neighbors),
		number_grouped(number_of(kernel, "routes"), routes));
	if (number_of(kernel, "routes_unusable") > 0)
		printf(" (%s more by no link of ours)",
			number_grouped(number_of(kernel, "routes_unusable"), routes));
	if (number_of(kernel, "refused") > 0)
		printf(", %s REFUSED", number_grouped(number_of(kernel, "refused"), routes));
	putchar('\n');
	if (number_of(kernel, "tunnels") + number_of(kernel, "macs") > 0)
		printf("            by EVPN: %s tunnels, %s members, %s MACs\n",
			number_grouped(number_of(kernel, "tunnels"), addresses),
			number_grouped(number_of(kernel, "members"), neighbors),
			number_grouped(number_of(kernel, "macs"), routes));
}

static void print_reasons(const json_t *list, const char *title)
{
	const char *type;
	const json_t *one;
	size_t i;

	if (json_array_size(list) > 0)
		printf("\n%s\n", title);
	json_array_foreach (list, i, one) {
		type = json_text(one, "type");
		printf("  %s %s: %s\n", type[0] ? type : "slice",
			json_text(one, type[0] ? "key" : "slice"), json_text(one, "reason"));
	}
}

/* What of the kernel is refused or missing, and why: for those who may see it. */
static void print_kernel_reasons(struct cli *cli, const json_t *kernel)
{
	struct http_request request = {.method = "GET", .path = "/v1/kernel"};
	struct http_answer answer = {.json = NULL};

	if (!json_is_true(json_object_get(kernel, "mirrored")) ||
		control_try(cli, &request, &answer) != STATUS_OK)
		return;
	if (answer.status == 200) {
		print_reasons(json_object_get(answer.json, "missing_first"),
			"what slices name and the kernel has not:");
		print_reasons(json_object_get(answer.json, "refused_first"),
			"of what the kernel says the dataplane refuses:");
	}
	json_decref(answer.json);
}

/* GET /v1/health into *health, which the caller owns: STATUS_OK, STATUS_UNREACHED or STATUS_FAILED
 * after saying why. */
static int health_get(struct cli *cli, double timeout_s, json_t **health)
{
	struct http_request request = {
		.method = "GET", .path = "/v1/health", .timeout_s = timeout_s};
	struct http_answer answer = {.json = NULL};

	if (control_try(cli, &request, &answer) != STATUS_OK)
		return STATUS_UNREACHED;
	if (answer.status != 200)
		return control_refused(cli, &answer, NULL);
	*health = answer.json;
	return STATUS_OK;
}

static bool is_well(const json_t *health)
{
	return json_is_true(json_object_get(health, "well"));
}

static void print_health(const json_t *health)
{
	const json_t *note;
	size_t i;

	if (is_well(health))
		puts("well");
	else
		printf("NOT WELL: %s\n", json_text(health, "text"));
	json_array_foreach (json_object_get(health, "notes"), i, note)
		printf("note: %s %s: %s\n", json_text(note, "kind"), json_text(note, "name"),
			json_text(note, "text"));
}

/* The first line of all; a control of before has no such thing. */
static void show_health(struct cli *cli)
{
	struct http_request request = {.method = "GET", .path = "/v1/health"};
	struct http_answer answer = {.json = NULL};

	if (control_try(cli, &request, &answer) == STATUS_OK && answer.status == 200)
		print_health(answer.json);
	json_decref(answer.json);
}

/* --check: asks until it is well or wait_s has passed. */
static int check_run(struct cli *cli, json_int_t wait_s)
{
	time_t until = time(NULL) + wait_s;
	json_t *health = NULL;
	int status;

	while ((status = health_get(cli, wait_s > CHECK_S ? wait_s : CHECK_S, &health)) ==
			STATUS_OK &&
		!is_well(health) && time(NULL) < until) {
		json_decref(health);
		usleep(200000);
	}
	if (status != STATUS_OK)
		return status;
	status = is_well(health) ? STATUS_OK : STATUS_NOT_WELL;
	if (cli->json)
		return print_json(health) ? STATUS_FAILED : status;
	print_health(health);
	json_decref(health);
	return status;
}

enum { OPTION_CHECK, OPTION_WAIT };

static const struct option_def status_options[] = {
	{"check", 0, OPTION_FLAG, NULL,
		"for scripts: the first line alone, and a status: 0 well, 3 not well, 4 "
		"sluice-control cannot be reached, or says nothing for 5 s",
		WORD_NONE},
	{"wait", 0, OPTION_VALUE, "SECONDS", "with --check: until it is well, at most so long",
		WORD_NONE},
	{.name = NULL},
};

static int status_run(struct cli *cli, const struct args *args)
{
	json_t *status;
	json_int_t wait_s = 0;

	if (args->count > 0)
		return usage(args->command, "status takes no words");
	if (args_number(args, OPTION_WAIT, 0, 3600, &wait_s) != STATUS_OK)
		return STATUS_USAGE;
	if (args->set[OPTION_WAIT] && !args->set[OPTION_CHECK])
		return usage(args->command, "--wait goes with --check");
	if (args->set[OPTION_CHECK])
		return check_run(cli, wait_s);
	status = control_get(cli, xstrdup("/v1/status"));
	if (status == NULL)
		return STATUS_FAILED;
	if (!cli->json)
		show_health(cli);
	if (cli->json)
		return print_json(status);
	print_head(status);
	print_kernel(json_object_get(status, "kernel"));
	print_intents(json_object_get(status, "intents"));
	print_refused(json_object_get(status, "intents"));
	print_kernel_reasons(cli, json_object_get(status, "kernel"));
	json_decref(status);
	return STATUS_OK;
}

const struct command command_status = {
	.name = "status",
	.synopsis = "[--check [--wait SECONDS]]",
	.options = status_options,
	.summary = "how the box does: would a packet pass, dataplane, what is wanted and there, "
		   "the kernel, intents by "
		   "state",
	.details =
		"The first line is \"well\", or says what is not and why: a packet would not "
		"pass.\n"
		"What is refused, and why: sluice TYPE list state=refused; sluice TYPE show NAME\n",
	.run = status_run,
};
