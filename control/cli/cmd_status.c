/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice status: how the box does; topology: sites, WANs, tunnels, slices and hosts with their
 * state. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

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

/* A box whose site no intent describes takes nothing: most likely --site was left out or misspelt.
 */
static bool site_missing(const json_t *status)
{
	const json_t *sites = json_object_get(json_object_get(status, "intents"), "sites");
	json_int_t total = json_number(sites, "total");

	return total > 0 && total == json_number(sites, "elsewhere");
}

static void print_objects(const json_t *status)
{
	const json_t *reconciler = json_object_get(status, "reconciler");
	bool refused = json_number(reconciler, "refused") > 0;
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
			(long long)json_number(reconciler, "desired"));
		return;
	}
	printf("objects     %s: %lld wanted, %lld there, %lld differing\n",
		!json_is(reconciler, "synced") ? "NOT as wanted"
		: refused		       ? "as wanted but for what is refused"
					       : "as wanted",
		(long long)json_number(reconciler, "desired"),
		(long long)json_number(reconciler, "actual"),
		(long long)json_number(reconciler, "differing"));
}

static void print_head(const json_t *status)
{
	const json_t *dataplane = json_object_get(status, "dataplane");
	const json_t *reconciler = json_object_get(status, "reconciler");
	char text[NUMBER_BYTES], at[NUMBER_BYTES];

	printf("site        %s%s\n", json_text(status, "site"),
		site_missing(status) ? ": NO INTENT describes it; sluice-control --site says which "
				       "it is"
				     : "");
	printf("control     %s, up for %s, revision %lld\n", json_text(status, "version"),
		duration_text(json_number(status, "uptime_s"), text),
		(long long)json_number(json_object_get(status, "store"), "revision"));
	printf("dataplane   %s%s%s at %s\n", json_text(dataplane, "state"),
		*json_text(dataplane, "version") != '\0' ? ", " : "",
		json_text(dataplane, "version"), json_text(dataplane, "socket"));
	print_objects(status);
	printf("last sync   %s; the last transaction took %.1f ms\n",
		time_text(json_number(reconciler, "last_sync_us"), at),
		(double)json_number(reconciler, "last_apply_us") / 1000);
	printf("drift       %lld objects that others had changed were put right since the start\n",
		(long long)json_number(reconciler, "drift_total"));
}

static void print_intents(const json_t *intents)
{
	static const char *const states[] = {
		"total", "applied", "pending", "refused", "elsewhere", NULL};
	struct grid *grid = grid_new(0, 0, "-");
	char number[NUMBER_BYTES];
	const char *type;
	json_t *counts;
	size_t i;

	grid_column(grid, "intents", false);
	grid_columns(grid, states, true);
	json_object_foreach ((json_t *)intents, type, counts) {
		grid_cell(grid, type);
		for (i = 0; i < 5; i++)
			grid_cell(grid, number_grouped(json_number(counts, states[i]), number));
	}
	putchar('\n');
	grid_end(grid);
}

/* Where the reasons are. */
static void print_refused(const json_t *intents)
{
	const char *type;
	json_t *counts;

	json_object_foreach ((json_t *)intents, type, counts)
		if (json_number(counts, "refused") > 0)
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
	if (!json_is(kernel, "mirrored")) {
		puts("kernel      not mirrored");
		return;
	}
	printf("kernel      %s%s addresses, %s neighbors, %s routes",
		json_is(kernel, "ready") ? "" : "still being read: ",
		number_grouped(json_number(kernel, "addresses"), addresses),
		number_grouped(json_number(kernel, "neighbors"), neighbors),
		number_grouped(json_number(kernel, "routes"), routes));
	if (json_number(kernel, "routes_unusable") > 0)
		printf(" (%s more by no link of ours)",
			number_grouped(json_number(kernel, "routes_unusable"), routes));
	if (json_number(kernel, "refused") > 0)
		printf(", %s REFUSED", number_grouped(json_number(kernel, "refused"), routes));
	putchar('\n');
	if (json_number(kernel, "tunnels") + json_number(kernel, "macs") > 0)
		printf("            by EVPN: %s tunnels, %s members, %s MACs\n",
			number_grouped(json_number(kernel, "tunnels"), addresses),
			number_grouped(json_number(kernel, "members"), neighbors),
			number_grouped(json_number(kernel, "macs"), routes));
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
	json_t *answer = json_is(kernel, "mirrored") ? control_peek(cli, "/v1/kernel") : NULL;

	print_reasons(json_object_get(answer, "missing_first"),
		"what slices name and the kernel has not:");
	print_reasons(json_object_get(answer, "refused_first"),
		"of what the kernel says the dataplane refuses:");
	json_decref(answer);
}

static void print_health(const json_t *health)
{
	const json_t *note;
	size_t i;

	if (json_is(health, "well"))
		puts("well");
	else
		printf("NOT WELL: %s\n", json_text(health, "text"));
	json_array_foreach (json_object_get(health, "notes"), i, note)
		printf("note: %s %s: %s\n", json_text(note, "kind"), json_text(note, "name"),
			json_text(note, "text"));
}

/* --check: asks until it is well or wait_s has passed; a control that is not there (yet) is asked
 * again, too. */
static int check_run(const struct cli *cli, json_int_t wait_s)
{
	struct http_request request = {.method = "GET", .path = "/v1/health"};
	time_t until = time(NULL) + wait_s, left;
	struct http_answer answer = {.json = NULL};
	struct cli patient = *cli;
	int status;
	bool well;

	for (;;) {
		left = until - time(NULL);
		patient.patience_ms = (int)(left > CHECK_S ? left : CHECK_S) * 1000;
		status = http_call(&patient, &request, &answer);
		well = answer.status == 200 && json_is(answer.json, "well");
		if (well || left <= 0 || answer.status > 200)
			break;
		json_decref(answer.json);
		usleep(200000);
	}
	http_close(patient.http);
	if (status != STATUS_OK) {
		control_unreachable(cli, &answer);
		leave(STATUS_UNREACHED);
	}
	if (answer.status != 200) {
		control_refused(cli, &answer, "", NULL);
		leave_failed();
	}
	if (cli->json)
		print_json(json_incref(answer.json));
	else
		print_health(answer.json);
	json_decref(answer.json);
	return well ? STATUS_OK : STATUS_NOT_WELL;
}

enum { OPTION_CHECK, OPTION_WAIT };

static const struct option_def status_options[] = {
	{"check", .help = "for scripts: the first line alone, and a status: 0 well, 3 not well, 4 "
			  "sluice-control cannot be reached, or says nothing for 5 s"},
	{"wait", 0, OPTION_NUMBER, "SECONDS",
		.help = "with --check: until it is well, at most so long", .max = 3600},
	{.name = NULL},
};

static int status_run(struct cli *cli, const struct args *args)
{
	json_t *answer, *health;

	if (args->set[OPTION_WAIT] && !args->set[OPTION_CHECK])
		usage("--wait goes with --check");
	if (args->set[OPTION_CHECK])
		return check_run(cli, args->number[OPTION_WAIT]);
	answer = control_show(cli, xstrdup("/v1/status"));
	if (answer == NULL)
		return STATUS_OK;
	/* the first line of all; a control of before has no such thing */
	health = control_peek(cli, "/v1/health");
	if (health != NULL)
		print_health(health);
	json_decref(health);
	print_head(answer);
	print_kernel(json_object_get(answer, "kernel"));
	print_intents(json_object_get(answer, "intents"));
	print_refused(json_object_get(answer, "intents"));
	print_kernel_reasons(cli, json_object_get(answer, "kernel"));
	json_decref(answer);
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
	json_t *rows = json_array(), *row, *bandwidth;
	const json_t *node;
	size_t i;

	json_array_foreach (nodes, i, node) {
		if (strcmp(json_text(node, "kind"), kind) != 0)
			continue;
		row = json_copy((json_t *)node);
		json_object_del(row, "id");
		json_object_del(row, "kind");
		bandwidth = json_object_get(row, "bandwidth");
		if (json_is_object(bandwidth))
			json_object_set_new(row, "bandwidth", bandwidth_brief(bandwidth));
		json_array_append_new(rows, row);
	}
	if (json_array_size(rows) > 0) {
		printf("%s\n", title);
		listing_print(rows);
		putchar('\n');
	}
	json_decref(rows);
}

/* "slice:air" → "air" */
static void name_write(FILE *out, const char *id)
{
	const char *colon = strchr(id, ':');

	fputs(colon != NULL ? colon + 1 : id, out);
}

static void from_write(FILE *out, const json_t *edge)
{
	name_write(out, json_text(edge, "from"));
}

static void to_write(FILE *out, const json_t *edge)
{
	name_write(out, json_text(edge, "to"));
}

static void vlan_write(FILE *out, const json_t *edge)
{
	json_int_t vlan = json_number(edge, "vlan");

	if (vlan > 0)
		fprintf(out, "%lld", (long long)vlan);
	else
		fputs("untagged", out);
}

/* Where slices come out: an edge a line. */
static void print_endpoints(const json_t *edges)
{
	static const struct column columns[] = {
		{"slice", .write = from_write},
		{"site", .write = to_write},
		{"port", .field = "port"},
		{"vlan", .kind = COLUMN_NUMBER, .write = vlan_write},
		{"wan", .field = "wan"},
		{"state", .field = "state"},
		{.title = NULL},
	};
	json_t *endpoints = json_array(), *edge;
	size_t i;

	json_array_foreach ((json_t *)edges, i, edge)
		if (strcmp(json_text(edge, "kind"), "endpoint") == 0)
			json_array_append(endpoints, edge);
	if (json_array_size(endpoints) > 0) {
		puts("endpoints");
		table_print(columns, endpoints, "-");
	}
	json_decref(endpoints);
}

static int topology_run(struct cli *cli, const struct args *args)
{
	static const char *const kinds[][2] = {{"box", "boxes"}, {"site", "sites"}, {"wan", "WANs"},
		{"tunnel", "tunnels"}, {"slice", "slices"},
		{"network", "virtual dedicated networks"}, {"host", "hosts"}};
	json_t *graph = control_show(cli, xstrdup("/v1/topology"));
	const json_t *nodes = json_object_get(graph, "nodes");
	size_t i;

	if (graph == NULL)
		return STATUS_OK;
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
