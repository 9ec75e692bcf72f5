/* SPDX-License-Identifier: GPL-3.0-or-later */
/* banned.h - functions that have no safe use here are compile errors. Included before every file.
 */
#ifndef SNAPFS_BASE_BANNED_H
#define SNAPFS_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol system popen

#endif
