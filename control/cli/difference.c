/* SPDX-License-Identifier: BSD-3-Clause */
/* What a change would do, as people read differences: lines of YAML with - and + before them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "intent.h"
#include "yaml_json.h"

#define CONTEXT 3	   /* lines around a change */
#define CELLS	(1u << 24) /* of the table of common lines; beyond it all is said to have changed */

struct lines {
	char *text;
	char **line;
	uint32_t count, room;
};

static struct lines lines_of(const char *kind, const json_t *json)
{
	struct lines lines = {.count = 0};
	char *at, *end;
	json_t *document;

	if (!json_is_object(json))
		return lines;
	document = intent_document(intent_type_of_kind(kind), json);
	json_object_del(document, "kind");
	lines.text = yaml_text(document);
	json_decref(document);
	for (at = lines.text; *at != '\0'; at = end + 1) {
		end = strchr(at, '\n');
		*end = '\0'; /* yaml_text ends with a newline */
		*(char **)xarray_add(&lines.line, &lines.room, &lines.count, sizeof(at)) = at;
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
	unsigned *table = xcalloc((a_count + 1) * width, sizeof(*table));

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

	edits.item = xcalloc(a->count + b->count + 1, sizeof(*edits.item));
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
	for (i = from; i < end; i++) {
		char sign = edits->item[i].sign;
		const char *code = sign == '-' ? "\033[31m" : sign == '+' ? "\033[32m" : "";

		printf("%s%c%s%s\n", colour ? code : "", sign, edits->item[i].text,
			colour && *code != '\0' ? "\033[0m" : "");
	}
	*a_line += a;
	*b_line += b;
	return end;
}

void difference_print(const json_t *change, const char *from, const char *to)
{
	const char *kind = json_text(change, "kind"), *name = json_text(change, "name");
	struct lines a = lines_of(kind, json_object_get(change, "before")),
		     b = lines_of(kind, json_object_get(change, "after"));
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
