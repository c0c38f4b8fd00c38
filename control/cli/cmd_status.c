/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice status: how the box does; topology: sites, WANs, tunnels, slices and hosts with their
 * state; top: who uses how much, now, from /v1/counters. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "grid.h"
#include "show.h"
#include "text.h"
#include "watch.h"

/* ---- sluice status ---- */

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
 * after saying why; quiet: not why it is not reached. */
static int health_get(struct cli *cli, double timeout_s, bool quiet, json_t **health)
{
	struct http_request request = {
		.method = "GET", .path = "/v1/health", .timeout_s = timeout_s};
	struct http_answer answer = {.json = NULL};

	if ((quiet ? control_ask : control_try)(cli, &request, &answer) != STATUS_OK)
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

/* --check: asks until it is well or wait_s has passed; a control that is not there (yet) is asked
 * again, too. */
static int check_run(struct cli *cli, json_int_t wait_s)
{
	time_t until = time(NULL) + wait_s, left;
	json_t *health = NULL;
	bool again = true;
	int status;

	while (again) {
		json_decref(health);
		health = NULL;
		left = until - time(NULL);
		status = health_get(cli, left > CHECK_S ? left : CHECK_S, left > 0, &health);
		again = left > 0 &&
			(status == STATUS_OK ? !is_well(health) : status == STATUS_UNREACHED);
		if (again)
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

/* ---- sluice topology ---- */

/* Nodes of one kind, a table: name, state, and the rest as it is. */
static void print_kind(const json_t *nodes, const char *kind, const char *title)
{
	static const char *const told[] = {"id", "kind"};
	struct listing *listing = NULL;
	json_t *rows = json_array(), *row;
	const json_t *node;
	size_t i, t;

	json_array_foreach (nodes, i, node) {
		if (strcmp(json_text(node, "kind"), kind) != 0)
			continue;
		row = json_copy((json_t *)node);
		for (t = 0; t < 2; t++)
			json_object_del(row, told[t]);
		if (json_is_object(json_object_get(row, "bandwidth")))
			json_object_set_new(row, "bandwidth",
				bandwidth_brief(json_object_get(row, "bandwidth")));
		json_array_append_new(rows, row);
	}
	if (json_array_size(rows) > 0) {
		printf("%s\n", title);
		listing = listing_new(NULL);
		listing_page(listing, rows);
		listing_free(listing);
		putchar('\n');
	}
	json_decref(rows);
}

/* "slice:air" → "air" */
static const char *id_name(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon != NULL ? colon + 1 : id;
}

/* Where slices come out: an edge a line. */
static void print_endpoints(const json_t *edges)
{
	struct grid *grid = grid_new(0, "-");
	const json_t *edge;
	json_int_t vlan;
	size_t i, count = 0;

	grid_column(grid, "slice", false);
	grid_column(grid, "site", false);
	grid_column(grid, "port", false);
	grid_column(grid, "vlan", true);
	grid_column(grid, "wan", false);
	grid_column(grid, "state", false);
	json_array_foreach (edges, i, edge) {
		if (strcmp(json_text(edge, "kind"), "endpoint") != 0)
			continue;
		count++;
		vlan = json_integer_value(json_object_get(edge, "vlan"));
		grid_cell(grid, id_name(json_text(edge, "from")));
		grid_cell(grid, id_name(json_text(edge, "to")));
		grid_cell(grid, json_text(edge, "port"));
		if (vlan > 0)
			grid_cellf(grid, "%lld", (long long)vlan);
		else
			grid_cell(grid, "untagged");
		grid_cell(grid, json_text(edge, "wan"));
		grid_cell(grid, json_text(edge, "state"));
	}
	if (count > 0) {
		puts("endpoints");
		grid_print(grid);
	}
	grid_free(grid);
}

static int topology_run(struct cli *cli, const struct args *args)
{
	static const char *const kinds[][2] = {{"box", "boxes"}, {"site", "sites"}, {"wan", "WANs"},
		{"tunnel", "tunnels"}, {"slice", "slices"},
		{"network", "virtual dedicated networks"}, {"host", "hosts"}};
	const json_t *nodes;
	json_t *graph;
	size_t i;

	if (args->count > 0)
		return usage(args->command, "topology takes no words");
	graph = control_get(cli, xstrdup("/v1/topology"));
	if (graph == NULL)
		return STATUS_FAILED;
	if (cli->json)
		return print_json(graph);
	nodes = json_object_get(graph, "nodes");
	printf("as %s sees it\n\n", json_text(graph, "site"));
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		print_kind(nodes, kinds[i][0], kinds[i][1]);
	print_endpoints(json_object_get(graph, "edges"));
	json_decref(graph);
	return STATUS_OK;
}

const struct command command_topology = {
	.name = "topology",
	.synopsis = "",
	.summary = "boxes, sites, WANs, tunnels, slices and hosts with their state",
	.details =
		"State of what belongs to another site is not known here. The graph itself, nodes\n"
		"and edges: sluice topology --json\n",
	.run = topology_run,
};

/* ---- sluice top ---- */

enum { TOP_LIMIT = WATCH_OPTIONS };

#define LIMIT_PRESET 40
#define PAGE	     10000 /* objects that are looked at */

static const struct option_def top_options[] = {
	WATCH_OPTION_DEFS,
	{"limit", 'n', OPTION_VALUE, "N", "the N busiest; else what the terminal holds", WORD_NONE},
	{.name = NULL},
};

static const char *const choices[] = {"slices", "ports", "tunnels", NULL};

/* What is shown of a type: counters and their titles; bytes are shown as bits. */
struct view {
	const char *word, *type;
	const char *counters[5], *titles[5];
};

static const struct view views[] = {
	{"slices", "slice", {"in_bytes", "in_packets", "out_bytes", "out_packets", "dropped"},
		{"in bit/s", "pkt/s", "out bit/s", "pkt/s", "drops/s"}},
	{"ports", "port", {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets", "rx_missed"},
		{"rx bit/s", "pkt/s", "tx bit/s", "pkt/s", "missed/s"}},
	{"tunnels", "tunnel", {"in_bytes", "in_packets", "out_bytes", "out_packets", "dropped"},
		{"in bit/s", "pkt/s", "out bit/s", "pkt/s", "drops/s"}},
};

struct row {
	const char *key;
	double rate[5];
};

struct top {
	const struct view *view;
	json_int_t limit; /* 0: the terminal's height */
};

static double rate_of(const json_t *counters, const char *name)
{
	double rate = json_number_value(json_object_get(json_object_get(counters, name), "rate"));

	return ends_with(name, "bytes") ? rate * 8 : rate;
}

static int by_use(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double xs = x->rate[0] + x->rate[2], ys = y->rate[0] + y->rate[2];

	return xs != ys ? (xs < ys ? 1 : -1) : strcmp(x->key, y->key);
}

static size_t rows_of(const json_t *objects, const struct view *view, struct row **rows)
{
	size_t count = 0, i;
	const char *key;
	json_t *counters;

	*rows = xrealloc(NULL, (json_object_size(objects) + 1) * sizeof(**rows));
	json_object_foreach ((json_t *)objects, key, counters) {
		(*rows)[count].key = key;
		for (i = 0; i < 5; i++)
			(*rows)[count].rate[i] = rate_of(counters, view->counters[i]);
		count++;
	}
	qsort(*rows, count, sizeof(**rows), by_use);
	return count;
}

static size_t rows_shown(const struct top *top)
{
	struct winsize size;

	if (top->limit > 0)
		return (size_t)top->limit;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 8)
		return size.ws_row - 5u;
	return LIMIT_PRESET;
}

static void print_rows(const struct top *top, const struct row *rows, size_t count)
{
	struct grid *grid = grid_new(0, "-");
	size_t shown = rows_shown(top), i, c;
	char number[NUMBER_BYTES];

	grid_column(grid, top->view->type, false);
	for (c = 0; c < 5; c++)
		grid_column(grid, top->view->titles[c], true);
	for (i = 0; i < count && i < shown; i++) {
		grid_cell(grid, rows[i].key);
		for (c = 0; c < 5; c++)
			grid_cell(grid, number_scaled(rows[i].rate[c], number));
	}
	grid_print(grid);
	grid_free(grid);
	if (count > shown)
		printf("… and %zu more\n", count - shown);
	if (count == 0)
		printf("no %s\n", top->view->type);
}

static int paint(struct cli *cli, void *arg, double since)
{
	const struct top *top = arg;
	json_t *answer =
		control_get(cli, xprintf("/v1/counters?type=%s&limit=%d", top->view->type, PAGE));
	struct row *rows;
	size_t count;

	(void)since; /* the rates are the collector's */
	if (answer == NULL)
		return STATUS_FAILED;
	if (cli->json) {
		print_json_line(answer);
		json_decref(answer);
		return STATUS_OK;
	}
	if (strcmp(json_text(answer, "dataplane"), "up") != 0)
		printf("the dataplane is %s: this is its last\n", json_text(answer, "dataplane"));
	count = rows_of(json_object_get(json_object_get(answer, "counters"), top->view->type),
		top->view, &rows);
	print_rows(top, rows, count);
	free(rows);
	json_decref(answer);
	return STATUS_OK;
}

static int top_run(struct cli *cli, const struct args *args)
{
	struct top top = {.view = &views[0], .limit = 0};
	struct args live = *args;
	size_t i;

	if (args->count > 1)
		return usage(args->command, "one of slices, ports, tunnels");
	for (i = 0; args->count > 0 && i < 3; i++)
		if (strcmp(args->words[0], views[i].word) == 0 ||
			strcmp(args->words[0], views[i].type) == 0)
			break;
	if (args->count > 0 && i == 3)
		return usage(
			args->command, "want slices, ports or tunnels, not \"%s\"", args->words[0]);
	if (args->count > 0)
		top.view = &views[i];
	if (args_number(args, TOP_LIMIT, 1, PAGE, &top.limit) != STATUS_OK)
		return STATUS_USAGE;
	/* people look on; a file or a pipe gets one picture unless it asks for more */
	if ((isatty(STDOUT_FILENO) && !cli->json) || args->set[WATCH_COUNT])
		live.set[WATCH_OPTION] = true;
	return watch_run(cli, &live, paint, &top);
}

const struct command command_top = {
	.name = "top",
	.synopsis = "[slices|ports|tunnels] [--watch [SECONDS]] [--count N] [--limit N]",
	.summary = "live rates, the busiest first",
	.details = "On a terminal again every second; into a file or pipe once, or --count times.\n"
		   "The rates are those that sluice-control measured last.\n",
	.options = top_options,
	.words = WORD_CHOICE,
	.choices = choices,
	.run = top_run,
};
