/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep_later.h - records that a model keeps of its domains (journal/keep.h), written by a thread of
 * its own.
 *
 * They are for results of listing and reading files. The thread writes the records that have come
 * together within KEEP_LATER_MS, so that a first listing of 1,000 snapshots is one write.
 */
#ifndef SNAPFS_MODEL_JOURNAL_KEEP_LATER_H
#define SNAPFS_MODEL_JOURNAL_KEEP_LATER_H

struct model;

enum {
    KEEP_LATER_MS = 1000,
    KEEP_LATER_MAX = 4096 /* records under way; those past it are found out again later */
};

struct keep_later;

struct keep_later *keep_later_new(struct model *m); /* NULL without memory */
void keep_later_free(struct keep_later *l);         /* writes what is left; NULL allowed */

/* Keeps one record of the domain; `kind` is a literal. Keeps nothing for a read-only model, nor
 * again what was kept a short while ago. */
void keep_later(struct keep_later *l, const char *uuid, const char *kind, const char *key,
                const char *value);

#endif
