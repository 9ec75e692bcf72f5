/* SPDX-License-Identifier: GPL-3.0-or-later */
/* content_time.h - when the content of a file was made, as snapshots see it.
 *
 * The *content time* of a file is its modification time, except if snapfs itself wrote to the file.
 * A merge or the removal of a tag leaves the bytes of all snapshots as they are. The file then
 * keeps the content time that it had, or takes the later one of a file that was merged into it.
 *
 * snapfs stores that time in the file's attribute (storage/file_marks.h), or else among the
 * domain's kept records. The modification time and size for which it holds are stored with it, so
 * that snapfs notices a later write by another program.
 */
#ifndef SNAPFS_MODEL_READER_CONTENT_TIME_H
#define SNAPFS_MODEL_READER_CONTENT_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "image/id.h"

struct kept;
struct model;

/* Notes that a change by snapfs is about to write to the file, and to merge `top` into the file if
 * `top` is not NULL. The bytes of no snapshot change by this. Call it also before a change is
 * continued after a crash. Fails if the note cannot be stored for all users of the daemon; then the
 * caller must not make the change. */
int evidence_writing(struct model *m, const char *uuid, const char *path, const char *top,
                     struct err *e);
/* Returns whether such a change is about to write to the file, or was cut off. */
bool evidence_is_written(const struct kept *kept, const char *path, const struct image_id *file);
/* Notes that the change has written to the file. */
void evidence_written(struct model *m, const char *uuid, const char *path);

/* Fills in the identity of the plain file at that path. Returns false if there is none. */
bool evidence_file(const char *path, struct image_id *ret);

/* Returns the content time of the file in ns. *ret_marked: snapfs has recorded it, so it is not
 * just the file's time. `kept` may be NULL. */
uint64_t evidence_time(const struct kept *kept, const char *path, const struct image_id *file,
                       bool *ret_marked);

/* Returns the content time of the file as it is now, or 0 if it is not a plain file. */
uint64_t evidence_content(const struct kept *kept, const char *path);

#endif
