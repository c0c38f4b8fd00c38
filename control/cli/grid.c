/* SPDX-License-Identifier: BSD-3-Clause */
/* See grid.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grid.h"
#include "text.h"

struct column {
	char *title;
	bool right;
	int width;
};

struct grid {
	struct column *columns;
	int column_count;
	char **cells;
	size_t cell_count, cell_size;
	int indent;
	const char *empty;
	bool headed; /* the header is out */
};

struct grid *grid_new(int indent, const char *empty)
{
	struct grid *grid = xrealloc(NULL, sizeof(*grid));

	memset(grid, 0, sizeof(*grid));
	grid->indent = indent;
	grid->empty = empty;
	return grid;
}

static void grid_forget_cells(struct grid *grid)
{
	size_t i;

	for (i = 0; i < grid->cell_count; i++)
		free(grid->cells[i]);
	grid->cell_count = 0;
}

void grid_free(struct grid *grid)
{
	int i;

	if (grid == NULL)
		return;
	grid_forget_cells(grid);
	for (i = 0; i < grid->column_count; i++)
		free(grid->columns[i].title);
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
	struct column *column;

	grid->columns =
		xrealloc(grid->columns, (size_t)(grid->column_count + 1) * sizeof(*grid->columns));
	column = &grid->columns[grid->column_count++];
	column->title = xstrdup(title);
	column->right = right;
	column->width = text_width(title);
}

void grid_cell(struct grid *grid, const char *text)
{
	struct column *column = &grid->columns[grid->cell_count % (size_t)grid->column_count];
	char *copy = xstrdup(text != NULL && *text != '\0' ? text : grid->empty), *c;
	int width = text_width(copy);

	/* what comes over the socket must not drive the terminal */
	for (c = copy; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (grid->cell_count == grid->cell_size) {
		grid->cell_size = grid->cell_size ? grid->cell_size * 2 : 256;
		grid->cells = xrealloc(grid->cells, grid->cell_size * sizeof(*grid->cells));
	}
	grid->cells[grid->cell_count++] = copy;
	if (width > column->width)
		column->width = width;
}

void grid_cellf(struct grid *grid, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	grid_cell(grid, text);
	free(text);
}

/* last: nothing stands behind it in its line. */
static void print_text(const struct grid *grid, int column, const char *text, bool last)
{
	const struct column *c = &grid->columns[column];
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
	int i, last = -1;

	if (grid->headed)
		return;
	grid->headed = true;
	for (i = 0; i < grid->column_count; i++)
		last = grid->columns[i].title[0] != '\0' ? i : last;
	if (last < 0)
		return;
	printf("%*s%s", grid->indent, "", bold ? "\033[1m" : "");
	for (i = 0; i <= last; i++)
		print_text(grid, i, grid->columns[i].title, i == last);
	puts(bold ? "\033[0m" : "");
}

void grid_print(struct grid *grid)
{
	int columns = grid->column_count, i, last;
	size_t row;

	print_header(grid);
	for (row = 0; row + (size_t)columns <= grid->cell_count; row += (size_t)columns) {
		/* no blanks at the end of a line */
		for (last = columns - 1; last > 0 && grid->cells[row + (size_t)last][0] == '\0';
			last--)
			;
		printf("%*s", grid->indent, "");
		for (i = 0; i <= last; i++)
			print_text(grid, i, grid->cells[row + (size_t)i], i == last);
		putchar('\n');
	}
	grid_forget_cells(grid);
}
