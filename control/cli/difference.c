/* SPDX-License-Identifier: BSD-3-Clause */
/* See difference.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "difference.h"
#include "fields.h"
#include "intent.h"
#include "text.h"
#include "yaml_json.h"

#define CONTEXT 3	   /* lines around a change */
#define CELLS	(1u << 24) /* of the table of common lines; beyond it all is said to have changed */

struct lines {
	char *text;
	char **line;
	size_t count;
};

static struct lines lines_of(const char *kind, const json_t *json)
{
	int type = intent_type_of_kind(kind);
	struct lines lines = {xstrdup(""), NULL, 0};
	json_t *copy, *ordered;
	char *at, *end;

	if (!json_is_object(json))
		return lines;
	copy = json_copy((json_t *)json);
	json_object_del(copy, "status");
	json_object_del(copy, "meta");
	json_object_del(copy, "kind");
	ordered = intent_ordered(type >= 0 ? intent_types[type].fields : NULL, copy);
	free(lines.text);
	lines.text = yaml_text(ordered);
	json_decref(ordered);
	json_decref(copy);
	for (at = lines.text; *at != '\0'; at = end + 1) {
		end = strchr(at, '\n');
		*end = '\0'; /* yaml_text ends with a newline */
		lines.line = xrealloc(lines.line, (lines.count + 1) * sizeof(*lines.line));
		lines.line[lines.count++] = at;
	}
	return lines;
}

static void lines_free(struct lines *lines)
{
	free(lines->text);
	free(lines->line);
}

struct edit {
	char sign; /* ' ', '-', '+' */
	const char *text;
};

struct edits {
	struct edit *item;
	size_t count;
};

static void add(struct edits *edits, char sign, const char *text)
{
	edits->item[edits->count++] = (struct edit){sign, text};
}

/* Length of the longest common lines of a[i..] and b[j..], for all i and j. */
static unsigned *common_table(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	size_t width = b_count + 1, i, j;
	unsigned *table = xrealloc(NULL, (a_count + 1) * width * sizeof(*table));

	memset(table, 0, (a_count + 1) * width * sizeof(*table));
	for (i = a_count; i-- > 0;) {
		for (j = b_count; j-- > 0;) {
			unsigned down = table[(i + 1) * width + j],
				 right = table[i * width + j + 1];

			if (strcmp(a[i], b[j]) == 0)
				table[i * width + j] = table[(i + 1) * width + j + 1] + 1;
			else
				table[i * width + j] = down > right ? down : right;
		}
	}
	return table;
}

static void compare_middle(
	struct edits *edits, char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	size_t width = b_count + 1, i = 0, j = 0;
	unsigned *table = NULL;

	if ((a_count + 1) * width <= CELLS)
		table = common_table(a, a_count, b, b_count);
	while (table != NULL && i < a_count && j < b_count) {
		if (strcmp(a[i], b[j]) == 0) {
			add(edits, ' ', a[i++]);
			j++;
		} else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) {
			add(edits, '-', a[i++]);
		} else {
			add(edits, '+', b[j++]);
		}
	}
	while (i < a_count)
		add(edits, '-', a[i++]);
	while (j < b_count)
		add(edits, '+', b[j++]);
	free(table);
}

static struct edits compare(const struct lines *a, const struct lines *b)
{
	size_t least = a->count < b->count ? a->count : b->count, head = 0, tail = 0, i;
	struct edits edits = {.count = 0};

	edits.item = xrealloc(NULL, (a->count + b->count + 1) * sizeof(*edits.item));
	while (head < least && strcmp(a->line[head], b->line[head]) == 0)
		head++;
	while (tail < least - head &&
		strcmp(a->line[a->count - 1 - tail], b->line[b->count - 1 - tail]) == 0)
		tail++;
	for (i = 0; i < head; i++)
		add(&edits, ' ', a->line[i]);
	compare_middle(&edits, a->line + head, a->count - head - tail, b->line + head,
		b->count - head - tail);
	for (i = a->count - tail; i < a->count; i++)
		add(&edits, ' ', a->line[i]);
	return edits;
}

static void print_line(bool colour, char sign, const char *text)
{
	const char *code = sign == '-' ? "\033[31m" : sign == '+' ? "\033[32m" : "";

	printf("%s%c%s%s\n", colour ? code : "", sign, text,
		colour && *code != '\0' ? "\033[0m" : "");
}

static bool is_near(const struct edits *edits, size_t at)
{
	size_t from = at > CONTEXT ? at - CONTEXT : 0, i;

	for (i = from; i < edits->count && i <= at + CONTEXT; i++)
		if (edits->item[i].sign != ' ')
			return true;
	return false;
}

/* "@@ -1,5 +1,6 @@" and the lines of one hunk that begins at `from`; returns where it ends. */
static size_t print_hunk(
	const struct edits *edits, size_t from, size_t *a_line, size_t *b_line, bool colour)
{
	size_t end = from, a = 0, b = 0, i;

	for (; end < edits->count && is_near(edits, end); end++) {
		a += edits->item[end].sign != '+';
		b += edits->item[end].sign != '-';
	}
	printf("%s@@ -%zu,%zu +%zu,%zu @@%s\n", colour ? "\033[36m" : "", *a_line + (a > 0), a,
		*b_line + (b > 0), b, colour ? "\033[0m" : "");
	for (i = from; i < end; i++)
		print_line(colour, edits->item[i].sign, edits->item[i].text);
	*a_line += a;
	*b_line += b;
	return end;
}

void difference_print(const char *kind, const char *name, const json_t *before, const json_t *after,
	const char *from, const char *to)
{
	struct lines a = lines_of(kind, before), b = lines_of(kind, after);
	struct edits edits = compare(&a, &b);
	size_t i = 0, a_line = 0, b_line = 0;
	bool colour = isatty(STDOUT_FILENO);

	printf("%s--- %s %s (%s)\n+++ %s %s (%s)%s\n", colour ? "\033[1m" : "", kind, name,
		a.count > 0 ? from : "not there", kind, name, b.count > 0 ? to : "deleted",
		colour ? "\033[0m" : "");
	while (i < edits.count) {
		if (is_near(&edits, i)) {
			i = print_hunk(&edits, i, &a_line, &b_line, colour);
			continue;
		}
		a_line++;
		b_line++;
		i++;
	}
	free(edits.item);
	lines_free(&a);
	lines_free(&b);
}

void differences_print(const json_t *changes)
{
	const json_t *one;
	size_t i;

	json_array_foreach (changes, i, one)
		difference_print(json_text(one, "kind"), json_text(one, "name"),
			json_object_get(one, "before"), json_object_get(one, "after"), "now",
			"wanted");
	if (json_array_size(changes) == 0)
		puts("nothing would change");
}
