/* SPDX-License-Identifier: GPL-3.0-or-later */
/* content_time.h - when the content of a file was made, as snapshots see it.
 *
 * The *content time* of a file is its modification time, but for what was written here: a merge or
 * the removal of a tag leaves all snapshots' bytes as they are, and the file keeps the content time
 * that it had, or takes the later one of what was merged into it. That stands in the file's
 * attribute (storage/file_marks.h), else in what is kept of the domain, with the time and size that
 * it holds for, so that what somebody else writes later is seen.
 */
#ifndef SNAPFS_MODEL_READER_CONTENT_TIME_H
#define SNAPFS_MODEL_READER_CONTENT_TIME_H

#include "image/image.h"

struct kept;
struct model;

/* A change made here is about to write to the file, and, if `top` is not NULL, to merge that into
 * it; no snapshot's bytes change by it. Also when the change is gone on with after a crash. Fails if
 * that cannot be noted for all who use the daemon: then the change must not be made. */
int evidence_writing(struct model *m, const char *uuid, const char *path, const char *top,
                     struct err *e);
/* Is one about to, or was it cut off? */
bool evidence_is_written(const struct kept *kept, const char *path, const struct image_id *file);
/* It has. */
void evidence_written(struct model *m, const char *uuid, const char *path);

/* Fills the identity of the plain file of that path; false: there is none. */
bool evidence_file(const char *path, struct image_id *ret);

/* The content time of the file, ns; *ret_marked: it is not just the file's time. `kept` may be
 * NULL. */
uint64_t evidence_time(const struct kept *kept, const char *path, const struct image_id *file,
                       bool *ret_marked);

/* The content time of the file as it is now; 0 if it is no plain file. */
uint64_t evidence_content(const struct kept *kept, const char *path);

#endif
