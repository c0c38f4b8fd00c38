/* SPDX-License-Identifier: BSD-3-Clause */
/* See show.h. Columns follow the type's description; what a newer dataplane adds comes behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "show.h"
#include "text.h"

struct listing {
	const struct api_type *type;
	json_t *columns; /* names of fields in order */
	struct grid *grid;
};

static char *object_text(const json_t *object);

static char *append(char *text, const char *more)
{
	char *both = text != NULL ? xprintf("%s %s", text, more) : xstrdup(more);

	free(text);
	return both;
}

static char *plain_text(const json_t *value)
{
	char *dump, *text;

	if (json_is_string(value))
		return xstrdup(json_string_value(value));
	if (json_is_boolean(value))
		return xstrdup(json_is_true(value) ? "yes" : "no");
	dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	text = xstrdup(dump != NULL ? dump : "?");
	free(dump);
	return text;
}

static char *nested_text(const json_t *value);

/* "1,2", or for texts with blanks in them "a b","c d". */
static char *nested_list(const json_t *list)
{
	char *text = xstrdup(""), *one, *longer;
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		bool quoted = json_is_string(item) && strchr(json_string_value(item), ' ') != NULL;

		one = nested_text(item);
		longer = xprintf("%s%s%s%s%s", text, i > 0 ? "," : "", quoted ? "\"" : "", one,
			quoted ? "\"" : "");
		free(one);
		free(text);
		text = longer;
	}
	return text;
}

/* What stands inside a field of an object: {teid=7 peer=198.18.0.2}. */
static char *nested_text(const json_t *value)
{
	char *pairs, *text;

	if (json_is_array(value))
		return nested_list(value);
	if (!json_is_object(value))
		return plain_text(value);
	pairs = object_text(value);
	text = xprintf("{%s}", pairs);
	free(pairs);
	return text;
}

/* "id=1 precedence=255 filters=…" */
static char *object_text(const json_t *object)
{
	char *text = NULL, *one, *pair;
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		one = nested_text(value);
		pair = xprintf("%s=%s", name, one);
		text = append(text, pair);
		free(pair);
		free(one);
	}
	return text != NULL ? text : xstrdup("");
}

/* In a table there is room for the ids of rules, and for the values of a small object. */
static char *brief_text(const char *field, const json_t *value)
{
	const json_t *first = json_array_get(value, 0), *item;
	char *text = NULL, *one;
	const char *name;
	size_t i;

	if (json_object_get(first, "id") != NULL) {
		json_array_foreach (value, i, item) {
			one = nested_text(json_object_get(item, "id"));
			text = append(text, one);
			free(one);
		}
		return text;
	}
	if (!json_is_object(value))
		return value_text(field, value);
	json_object_foreach ((json_t *)value, name, item) {
		one = nested_text(item);
		text = append(text, one);
		free(one);
	}
	return text != NULL ? text : xstrdup("");
}

/* As words.c takes it. */
static char *via_text(const json_t *via)
{
	const char *address = json_string_value(json_object_get(via, "address"));
	const char *port = json_string_value(json_object_get(via, "port"));
	const char *tunnel = json_string_value(json_object_get(via, "tunnel"));
	const char *attachment = json_string_value(json_object_get(via, "attachment"));
	const char *mac = json_string_value(json_object_get(via, "mac"));
	const char *place = tunnel != NULL ? tunnel : attachment != NULL ? attachment : port;
	const char *kind = tunnel != NULL ? "tunnel:" : attachment != NULL ? "attachment:" : "";
	bool at = place != NULL && (address != NULL || *kind == '\0');
	json_int_t weight = json_integer_value(json_object_get(via, "weight"));
	char *text, *longer;

	text = xprintf("%s%s%s%s", address != NULL ? address : "", at ? "@" : "", kind,
		place != NULL ? place : "");
	if (mac != NULL) {
		longer = xprintf("%s,mac=%s", text, mac);
		free(text);
		text = longer;
	}
	if (weight <= 1)
		return text;
	longer = xprintf("%s,weight=%lld", text, (long long)weight);
	free(text);
	return longer;
}

char *value_text(const char *field, const json_t *value)
{
	char number[NUMBER_BYTES], *text = NULL, *one;
	const json_t *item;
	size_t i;

	if (json_is_integer(value) &&
		(ends_with(field, "_bps") || ends_with(field, "_bytes") ||
			ends_with(field, "_pps") || ends_with(field, "_macs")))
		return xstrdup(number_grouped(json_integer_value(value), number));
	if (!json_is_array(value))
		return plain_text(value);
	json_array_foreach (value, i, item) {
		if (strcmp(field, "via") == 0)
			one = via_text(item);
		else
			one = json_is_object(item) ? object_text(item) : plain_text(item);
		text = append(text, one);
		free(one);
	}
	return text != NULL ? text : xstrdup("");
}

char *pairs_text(const json_t *object)
{
	char *text = NULL, *value, *pair;
	const char *name;
	json_t *item;

	json_object_foreach ((json_t *)object, name, item) {
		value = value_text(name, item);
		pair = xprintf("%s=%s", name, value);
		text = append(text, pair);
		free(pair);
		free(value);
	}
	return text != NULL ? text : xstrdup("");
}

/* The fields that any of the objects has, or that had a column before, in the type's order. */
static json_t *columns_of(const struct api_type *type, const json_t *objects, const json_t *before)
{
	json_t *seen = json_object(), *columns = json_array(), *object;
	const struct api_field *f;
	const char *name;
	json_t *value;
	size_t i;

	json_array_foreach (before, i, value)
		json_object_set_new(seen, json_string_value(value), json_true());
	json_array_foreach (objects, i, object)
		json_object_foreach (object, name, value)
			if (json_object_get(seen, name) == NULL)
				json_object_set_new(seen, name, json_true());
	for (f = type != NULL ? type->fields : NULL; f != NULL && f->name != NULL; f++) {
		if (json_object_get(seen, f->name) != NULL)
			json_array_append_new(columns, json_string(f->name));
		json_object_del(seen, f->name);
	}
	json_object_foreach (seen, name, value)
		json_array_append_new(columns, json_string(name));
	json_decref(seen);
	return columns;
}

static bool is_right(const struct listing *listing, const char *column, const json_t *objects)
{
	const json_t *object;
	size_t i;

	json_array_foreach (objects, i, object)
		if (json_object_get(object, column) != NULL)
			return json_is_number(json_object_get(object, column));
	return false;
}

static void listing_columns(struct listing *listing, json_t *columns, const json_t *objects)
{
	const json_t *name;
	size_t i;

	if (listing->grid != NULL)
		putchar('\n');
	grid_free(listing->grid);
	json_decref(listing->columns);
	listing->columns = columns;
	listing->grid = grid_new(0, "-");
	json_array_foreach (columns, i, name)
		grid_column(listing->grid, json_string_value(name),
			is_right(listing, json_string_value(name), objects));
}

struct listing *listing_new(const struct api_type *type)
{
	struct listing *listing = xrealloc(NULL, sizeof(*listing));

	listing->type = type;
	listing->columns = NULL;
	listing->grid = NULL;
	return listing;
}

void listing_free(struct listing *listing)
{
	grid_free(listing->grid);
	json_decref(listing->columns);
	free(listing);
}

void listing_page(struct listing *listing, const json_t *objects)
{
	json_t *columns = columns_of(listing->type, objects, listing->columns), *object, *column;
	size_t i, c;

	if (json_array_size(columns) == 0) {
		json_decref(columns);
		return;
	}
	if (listing->grid == NULL || !json_equal(columns, listing->columns))
		listing_columns(listing, columns, objects);
	else
		json_decref(columns);
	json_array_foreach (objects, i, object) {
		json_array_foreach (listing->columns, c, column) {
			const char *name = json_string_value(column);
			const json_t *value = json_object_get(object, name);
			char *text = value != NULL ? brief_text(name, value) : NULL;

			grid_cell(listing->grid, text);
			free(text);
		}
	}
	grid_print(listing->grid);
}

void show_object(const struct api_type *type, const json_t *object)
{
	json_t *objects = json_pack("[O]", object);
	json_t *names = columns_of(type, objects, NULL), *name, *item;
	struct grid *grid = grid_new(0, "-");
	size_t i, v;

	grid_column(grid, "", false);
	grid_column(grid, "", false);
	json_array_foreach (names, i, name) {
		const char *field = json_string_value(name);
		json_t *value = json_object_get(object, field);
		/* a list gets a line for each of its items */
		json_t *items = json_is_array(value) ? json_incref(value) : json_pack("[O]", value);

		json_array_foreach (items, v, item) {
			json_t *one =
				json_is_array(value) ? json_pack("[O]", item) : json_incref(item);
			char *text =
				json_is_object(one) ? object_text(one) : value_text(field, one);

			grid_cell(grid, v == 0 ? field : " ");
			grid_cell(grid, text);
			free(text);
			json_decref(one);
		}
		json_decref(items);
	}
	grid_print(grid);
	grid_free(grid);
	json_decref(names);
	json_decref(objects);
}
