/* SPDX-License-Identifier: BSD-3-Clause */
/* An aligned table of text, printed to stdout a page at a time. Owns its cells. */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include <stdbool.h>

struct grid;

/* indent: spaces before every line; empty: what a cell without text shows. */
struct grid *grid_new(int indent, const char *empty);
void grid_free(struct grid *grid);

/* All columns are added before the first cell. An empty title everywhere leaves out the header
 * line. */
void grid_column(struct grid *grid, const char *title, bool right);
/* Cells fill rows from left to right; text is copied, NULL is as "". */
void grid_cell(struct grid *grid, const char *text);
void grid_cellf(struct grid *grid, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints the rows there are (and, the first time, the header) and forgets them; widths never
 * shrink, so that pages line up. */
void grid_print(struct grid *grid);

#endif
