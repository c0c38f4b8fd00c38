/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables: aligned text a page at a time, with columns that are given one by one, by a list of
 * columns, or by the fields that objects have (in the order of their type's description; what a
 * newer server adds comes behind it); and values as text for people. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

struct title {
	char *text;
	bool right;
	int width;
};

struct grid {
	struct title *columns;
	uint32_t column_count, column_room;
	char **cells;
	uint32_t cell_count, cell_room;
	FILE *out; /* of the cell that is being written, into text */
	char *text;
	size_t text_len;
	int indent;
	const char *empty;
	bool headed; /* the header is out */
};

struct grid *grid_new(int columns, int indent, const char *empty)
{
	struct grid *grid = xcalloc(1, sizeof(*grid));

	grid->indent = indent;
	grid->empty = empty;
	grid->out = open_memstream(&grid->text, &grid->text_len);
	while (columns-- > 0)
		grid_column(grid, "", false);
	return grid;
}

void grid_free(struct grid *grid)
{
	uint32_t i;

	if (grid == NULL)
		return;
	for (i = 0; i < grid->cell_count; i++)
		free(grid->cells[i]);
	for (i = 0; i < grid->column_count; i++)
		free(grid->columns[i].text);
	fclose(grid->out);
	free(grid->text);
	free(grid->columns);
	free(grid->cells);
	free(grid);
}

/* Columns on the screen: bytes of UTF-8 that do not continue a character. */
static int text_width(const char *text)
{
	int width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void grid_column(struct grid *grid, const char *title, bool right)
{
	struct title *column = xarray_add(
		&grid->columns, &grid->column_room, &grid->column_count, sizeof(*grid->columns));

	*column = (struct title){xstrdup(title), right, text_width(title)};
}

void grid_columns(struct grid *grid, const char *const *titles, bool right)
{
	for (; *titles != NULL; titles++)
		grid_column(grid, *titles, right);
}

FILE *grid_cell_open(struct grid *grid)
{
	rewind(grid->out);
	return grid->out;
}

void grid_cell_end(struct grid *grid)
{
	struct title *column = &grid->columns[grid->cell_count % grid->column_count];
	char **cell = xarray_add(
		     &grid->cells, &grid->cell_room, &grid->cell_count, sizeof(*grid->cells)),
	     *c;
	int width;

	fflush(grid->out);
	*cell = grid->text_len > 0 ? xstrndup(grid->text, grid->text_len) : xstrdup(grid->empty);
	width = text_width(*cell);
	/* what comes over the socket must not drive the terminal */
	for (c = *cell; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (width > column->width)
		column->width = width;
}

void grid_cell(struct grid *grid, const char *text)
{
	fputs(text != NULL ? text : "", grid_cell_open(grid));
	grid_cell_end(grid);
}

void grid_cellf(struct grid *grid, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(grid_cell_open(grid), fmt, ap);
	va_end(ap);
	grid_cell_end(grid);
}

/* last: nothing stands behind it in its line. */
static void print_text(const struct grid *grid, uint32_t column, const char *text, bool last)
{
	const struct title *c = &grid->columns[column];
	int pad = c->width - text_width(text);

	if (column > 0)
		fputs("  ", stdout);
	if (c->right)
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : pad, "");
}

static void print_header(struct grid *grid)
{
	bool bold = isatty(STDOUT_FILENO);
	uint32_t i, titled = 0;

	for (i = 0; i < grid->column_count; i++)
		titled = grid->columns[i].text[0] != '\0' ? i + 1 : titled;
	if (grid->headed || titled == 0)
		return;
	grid->headed = true;
	printf("%*s%s", grid->indent, "", bold ? "\033[1m" : "");
	for (i = 0; i < titled; i++)
		print_text(grid, i, grid->columns[i].text, i + 1 == titled);
	puts(bold ? "\033[0m" : "");
}

void grid_print(struct grid *grid)
{
	uint32_t columns = grid->column_count, row, i, last;

	print_header(grid);
	for (row = 0; row + columns <= grid->cell_count; row += columns) {
		/* no blanks at the end of a line */
		for (last = columns - 1; last > 0 && grid->cells[row + last][0] == '\0'; last--)
			;
		printf("%*s", grid->indent, "");
		for (i = 0; i <= last; i++)
			print_text(grid, i, grid->cells[row + i], i == last);
		putchar('\n');
	}
	while (grid->cell_count > 0)
		free(grid->cells[--grid->cell_count]);
}

void grid_end(struct grid *grid)
{
	grid_print(grid);
	grid_free(grid);
}

/* ---- by a list of columns ---- */

static void column_cell(struct grid *grid, const struct column *column, const json_t *item)
{
	const json_t *value = json_object_get(item, column->field);
	char text[NUMBER_BYTES];

	if (column->write != NULL) {
		column->write(grid_cell_open(grid), item);
		grid_cell_end(grid);
	} else if (column->kind == COLUMN_NUMBER) {
		grid_cellf(grid, "%lld", (long long)json_integer_value(value));
	} else if (column->kind == COLUMN_GROUPED) {
		grid_cell(grid, number_json(value, text));
	} else if (column->kind == COLUMN_TIME) {
		grid_cell(grid, time_text(json_integer_value(value), text));
	} else {
		grid_cell(grid, json_string_value(value));
	}
}

void table_print(const struct column *columns, const json_t *items, const char *empty)
{
	struct grid *grid = grid_new(0, 0, empty);
	const struct column *c;
	const json_t *item;
	size_t i;

	for (c = columns; c->title != NULL; c++)
		grid_column(grid, c->title, c->kind == COLUMN_NUMBER || c->kind == COLUMN_GROUPED);
	json_array_foreach (items, i, item)
		for (c = columns; c->title != NULL; c++)
			column_cell(grid, c, item);
	grid_end(grid);
}

/* ---- values ---- */

static void object_write(FILE *out, const json_t *object);

static void plain_write(FILE *out, const json_t *value)
{
	if (json_is_string(value))
		fputs(json_string_value(value), out);
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
	else
		json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* What stands inside a field of an object: {teid=7 peer=198.18.0.2}; "1,2", or for texts with
 * blanks in them "a b","c d". */
static void nested_write(FILE *out, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (json_is_object(value)) {
		fputc('{', out);
		object_write(out, value);
		fputc('}', out);
	} else if (!json_is_array(value)) {
		plain_write(out, value);
	}
	json_array_foreach (value, i, item) {
		bool quoted = json_is_string(item) && strchr(json_string_value(item), ' ') != NULL;

		fprintf(out, "%s%s", i > 0 ? "," : "", quoted ? "\"" : "");
		nested_write(out, item);
		fputs(quoted ? "\"" : "", out);
	}
}

/* "id=1 precedence=255 filters=…" */
static void object_write(FILE *out, const json_t *object)
{
	const char *name, *blank = "";
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		fprintf(out, "%s%s=", blank, name);
		nested_write(out, value);
		blank = " ";
	}
}

/* As fields.c takes it. */
static void via_write(FILE *out, const json_t *via)
{
	static const char *const kinds[] = {"tunnel", "attachment", "port"};
	const char *address = json_text(via, "address"), *mac = json_text(via, "mac");
	json_int_t weight = json_number(via, "weight");
	int kind = 0;

	while (kind < 2 && json_object_get(via, kinds[kind]) == NULL)
		kind++;
	fputs(address, out);
	if (json_object_get(via, kinds[kind]) != NULL)
		fprintf(out, "%s%s%s%s", *address != '\0' || kind == 2 ? "@" : "",
			kind < 2 ? kinds[kind] : "", kind < 2 ? ":" : "",
			json_text(via, kinds[kind]));
	if (*mac != '\0')
		fprintf(out, ",mac=%s", mac);
	if (weight > 1)
		fprintf(out, ",weight=%lld", (long long)weight);
}

void value_write(FILE *out, const char *field, const json_t *value)
{
	char number[NUMBER_BYTES];
	const json_t *item;
	size_t i;

	if (json_is_integer(value) &&
		(ends_with(field, "_bps") || ends_with(field, "_bytes") ||
			ends_with(field, "_pps") || ends_with(field, "_macs")))
		fputs(number_grouped(json_integer_value(value), number), out);
	else if (!json_is_array(value))
		plain_write(out, value);
	json_array_foreach (value, i, item) {
		fputs(i > 0 ? " " : "", out);
		if (strcmp(field, "via") == 0)
			via_write(out, item);
		else if (json_is_object(item))
			object_write(out, item);
		else
			plain_write(out, item);
	}
}

void pairs_write(FILE *out, const json_t *object)
{
	const char *name, *blank = "";
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		fprintf(out, "%s%s=", blank, name);
		value_write(out, name, value);
		blank = " ";
	}
}

/* In a table there is room for the ids of rules, and for the values of a small object. */
static void brief_write(FILE *out, const char *field, const json_t *value)
{
	bool rules = json_object_get(json_array_get(value, 0), "id") != NULL;
	const char *name, *blank = "";
	json_t *item;
	size_t i;

	if (!rules && !json_is_object(value))
		value_write(out, field, value);
	for (i = 0; rules && i < json_array_size(value); i++) {
		fputs(i > 0 ? " " : "", out);
		nested_write(out, json_object_get(json_array_get(value, i), "id"));
	}
	json_object_foreach ((json_t *)value, name, item) {
		fputs(blank, out);
		nested_write(out, item);
		blank = " ";
	}
}

json_t *bandwidth_brief(const json_t *bandwidth)
{
	json_int_t committed = json_number(bandwidth, "committed_bps");
	json_int_t peak = json_number(bandwidth, "peak_bps");
	char a[NUMBER_BYTES], b[NUMBER_BYTES];

	number_scaled((double)committed, a);
	number_scaled((double)peak, b);
	return json_sprintf(peak != 0 && peak != committed ? "%s/%s" : "%s", a, b);
}

/* ---- by the fields that objects have ---- */

struct listing {
	const struct api_type *type;
	json_t *columns; /* names of fields in order: a set */
	struct grid *grid;
};

/* The fields that any of the objects has, or that had a column before, in the type's order. */
static json_t *columns_of(const struct api_type *type, const json_t *objects, json_t *before)
{
	json_t *seen = before != NULL ? json_copy(before) : json_object(), *columns = json_object();
	const struct api_field *f;
	const json_t *object;
	size_t i;

	json_array_foreach (objects, i, object)
		json_object_update_missing(seen, (json_t *)object);
	for (f = type != NULL ? type->fields : NULL; f != NULL && f->name != NULL; f++)
		if (json_object_get(seen, f->name) != NULL)
			json_object_set_new(columns, f->name, json_true());
	json_object_update_missing(columns, seen);
	json_decref(seen);
	return columns;
}

static bool is_right(const char *column, const json_t *objects)
{
	const json_t *object;
	size_t i;

	json_array_foreach (objects, i, object)
		if (json_object_get(object, column) != NULL)
			return json_is_number(json_object_get(object, column));
	return false;
}

static struct listing *listing_new(const struct api_type *type)
{
	struct listing *listing = xcalloc(1, sizeof(*listing));

	listing->type = type;
	return listing;
}

static void listing_free(struct listing *listing)
{
	grid_free(listing->grid);
	json_decref(listing->columns);
	free(listing);
}

/* Prints one page. When a page brings a field that had no column, the table starts anew with it. */
static void listing_page(struct listing *listing, const json_t *objects)
{
	json_t *columns = columns_of(listing->type, objects, listing->columns), *yes;
	bool anew = json_object_size(columns) > json_object_size(listing->columns);
	const json_t *object;
	const char *name;
	size_t i;

	if (anew && listing->grid != NULL)
		putchar('\n');
	json_decref(listing->columns);
	listing->columns = columns;
	if (anew) {
		grid_free(listing->grid);
		listing->grid = grid_new(0, 0, "-");
		json_object_foreach (columns, name, yes)
			grid_column(listing->grid, name, is_right(name, objects));
	}
	if (listing->grid == NULL)
		return;
	json_array_foreach (objects, i, object) {
		json_object_foreach (columns, name, yes) {
			const json_t *value = json_object_get(object, name);

			grid_cell_open(listing->grid);
			if (value != NULL)
				brief_write(listing->grid->out, name, value);
			grid_cell_end(listing->grid);
		}
	}
	grid_print(listing->grid);
}

void pages_print(struct pages *p, const json_t *items)
{
	json_t *rows = json_array(), *item;
	size_t i;

	if (p->cli->json && !p->opened)
		printf("{\"%s\": [", p->name);
	p->opened = true;
	json_array_foreach ((json_t *)items, i, item) {
		if ((p->wanted != NULL && !p->wanted(item, p->arg)) ||
			(p->limit >= 0 && p->count >= p->limit))
			continue;
		if (p->cli->json) {
			fputs(p->count == 0 ? "\n" : ",\n", stdout);
			json_dumpf(item, stdout, JSON_COMPACT);
		} else if (p->row != NULL) {
			json_array_append_new(rows, p->row(item));
		} else {
			json_array_append(rows, item);
		}
		p->count++;
	}
	if (p->listing == NULL)
		p->listing = listing_new(p->type);
	listing_page(p->listing, rows);
	json_decref(rows);
}

void pages_end(struct pages *p, const char *fmt, ...)
{
	va_list ap;

	listing_free(p->listing);
	if (p->cli->json)
		puts("\n]}");
	if (p->cli->json || p->count > 0)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

void listing_print(const json_t *objects)
{
	struct listing *listing = listing_new(NULL);

	listing_page(listing, objects);
	listing_free(listing);
}

/* A line of a field, or of one item of it. */
static void show_field(struct grid *grid, const char *title, const char *field, json_t *value)
{
	FILE *out;

	grid_cell(grid, title);
	out = grid_cell_open(grid);
	if (json_is_object(value))
		object_write(out, value);
	else
		value_write(out, field, value);
	grid_cell_end(grid);
}

void show_object(const struct api_type *type, const json_t *object)
{
	json_t *objects = json_pack("[O]", object), *names = columns_of(type, objects, NULL);
	struct grid *grid = grid_new(2, 0, "-");
	const char *field;
	json_t *yes;
	size_t i;

	json_object_foreach (names, field, yes) {
		json_t *value = json_object_get(object, field);

		if (!json_is_array(value))
			show_field(grid, field, field, value);
		/* a list gets a line for each of its items */
		for (i = 0; i < json_array_size(value); i++) {
			json_t *one = json_pack("[O]", json_array_get(value, i));

			show_field(grid, i == 0 ? field : " ", field, one);
			json_decref(one);
		}
	}
	grid_end(grid);
	json_decref(names);
	json_decref(objects);
}
