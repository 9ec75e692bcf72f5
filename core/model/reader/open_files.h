/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_files.h - files of the mount that are open, and the processes that opened them. */
#ifndef SNAPFS_MODEL_READER_OPEN_FILES_H
#define SNAPFS_MODEL_READER_OPEN_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* The process that opens an image. */
struct image_opener {
    const char *file; /* the name of the file as it was opened: "vda.raw", "vda-part1.raw" */
    uint64_t ino;     /* its st_ino */
    pid_t pid;
};

/* One file that is open. */
struct open_file {
    char *file; /* owned by the list */
    uint64_t ino;
    pid_t pid;   /* of the opener */
    time_t when; /* when it opened the file last; seconds since 1970 */
};

struct open_files {
    size_t n;
    struct open_file *items; /* each file once */
};

void open_files_drop(struct open_files *f);
#define autofiles __attribute__((cleanup(open_files_drop)))

#endif
