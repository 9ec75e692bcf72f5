/* SPDX-License-Identifier: GPL-3.0-or-later */
/* words.h - the words by which a snapshot is asked for: those of virsh snapshot-create-as, with
 * their meaning. Pure.
 *
 * Words are separated by blanks, or, in the mount option, by colons. What stands between two '"' is
 * taken as it is, with '\"' and '\\' for these two; quotes may begin within a word.
 */
#ifndef SNAPFS_MODEL_CREATE_WORDS_H
#define SNAPFS_MODEL_CREATE_WORDS_H

#include "virt/virt.h"
#include "virt/xml_request.h"

enum wish_flag {
    WISH_QUIESCE = 1 << 16, /* beside VIRT_CREATE_* */
};

enum wish_kind { WISH_DEFAULT, WISH_INTERNAL, WISH_EXTERNAL };

struct wish {
    unsigned flags; /* VIRT_CREATE_*, WISH_* */
    enum wish_kind kind;
    struct xml_request request; /* its name as it was written, NULL unless asked for */
};

/* Reads "NAME WORDS". EINVAL: no name, a word that is unknown (quoted back), said twice, without
 * its value, or at odds with another. wish_drop in any case. */
int words_parse(const char *text, struct wish *ret, struct err *e);

/* Reads the mount option's "WORDS", which may be empty: no name, and nothing that mkdir could not
 * do. */
int words_parse_option(const char *text, struct wish *ret, struct err *e);

/* Reads the words of the line before a document, which may be empty: those that say how it is made.
 * EINVAL for what the document itself says. */
int words_parse_document(const char *text, struct wish *ret, struct err *e);

void wish_drop(struct wish *w);

/* Does it leave the kind of snapshot to libvirt? */
bool wish_is_default(const struct wish *w);

#endif
