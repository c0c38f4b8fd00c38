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

static void print_text(const struct grid *grid, int column, const char *text)
{
	const struct column *c = &grid->columns[column];
	int pad = c->width - text_width(text);

	if (column > 0)
		fputs("  ", stdout);
	if (c->right)
		printf("%*s%s", pad, "", text);
	else if (column + 1 < grid->column_count)
		printf("%s%*s", text, pad, "");
	else
		fputs(text, stdout); /* no blanks at the end of a line */
}

static void print_header(struct grid *grid)
{
	bool bold = isatty(STDOUT_FILENO), titled = false;
	int i;

	if (grid->headed)
		return;
	grid->headed = true;
	for (i = 0; i < grid->column_count; i++)
		titled = titled || grid->columns[i].title[0] != '\0';
	if (!titled)
		return;
	printf("%*s%s", grid->indent, "", bold ? "\033[1m" : "");
	for (i = 0; i < grid->column_count; i++)
		print_text(grid, i, grid->columns[i].title);
	puts(bold ? "\033[0m" : "");
}

void grid_print(struct grid *grid)
{
	size_t i;

	print_header(grid);
	for (i = 0; i < grid->cell_count; i++) {
		int column = (int)(i % (size_t)grid->column_count);

		if (column == 0)
			printf("%*s", grid->indent, "");
		print_text(grid, column, grid->cells[i]);
		if (column + 1 == grid->column_count)
			putchar('\n');
	}
	grid_forget_cells(grid);
}
