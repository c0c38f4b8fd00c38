/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice topology: sites, WANs, tunnels, slices and hosts with their state. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "grid.h"
#include "show.h"
#include "text.h"

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
