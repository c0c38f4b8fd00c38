/* SPDX-License-Identifier: BSD-3-Clause */
/* Could a file be made? For those who say before the start what the start would refuse. */
#ifndef API_FOLDER_H
#define API_FOLDER_H

/* 0, or the -errno that making path, a file or a folder, would give: of the folder it would be in,
 * which must be there and be writable. Whether path itself is there already is not looked at;
 * nothing is made. */
int folder_takes(const char *path);

#endif
