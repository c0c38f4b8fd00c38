/* SPDX-License-Identifier: BSD-3-Clause */
/* What people see on a terminal while long work lasts: one line on stderr that is written over.
 * Nothing when stderr is no terminal. Owns that line. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli.h"
#include "doc.h"

#define PROGRESS_LARGE 100 /* documents from which on it is long work */

void progress_documents(const struct documents *all); /* after each file */
/* While they are applied: progress_tick asks the control plane how far it is, by a connection of
 * its own. */
void progress_begin(struct cli *cli, size_t documents);
void progress_tick(void *unused);
void progress_end(void); /* takes the line away */

#endif
