/* SPDX-License-Identifier: GPL-3.0-or-later */
/* words.h - the words by which a snapshot is asked for: those of virsh snapshot-create-as, with
 * their meaning. Pure.
 *
 * Words are separated by blanks, or, in the mount option, by colons. Text between two '"' is taken
 * as it is, with '\"' and '\\' for these two; quotes may begin within a word.
 */
#ifndef SNAPFS_MODEL_CREATE_WORDS_H
#define SNAPFS_MODEL_CREATE_WORDS_H

#include "base/text.h"
#include "virt/virt.h"
#include "virt/xml_request.h"

#define WORD_DOCUMENT "document" /* the first word of the line before a document */
#define WORD_REDEFINE "redefine"

enum wish_flag {
    WISH_QUIESCE = 1 << 16, /* beside VIRT_CREATE_* */
};

enum wish_kind { WISH_DEFAULT, WISH_INTERNAL, WISH_EXTERNAL };

struct wish {
    unsigned flags; /* VIRT_CREATE_*, WISH_* */
    enum wish_kind kind;
    struct xml_request request; /* its name as it was written; NULL unless asked for */
};

/* Reads "NAME WORDS". EINVAL: there is no name, or a word is unknown (the message quotes it), said
 * twice, without its value, or at odds with another. Call wish_drop in any case. */
int words_parse(const char *text, struct wish *ret, struct err *e);

/* Reads the mount option's "WORDS", which may be empty: without a name, and only words that mkdir
 * can follow. */
int words_parse_option(const char *text, struct wish *ret, struct err *e);

/* Reads the words of the line before a document, which may be empty: those that say how it is made.
 * EINVAL for words whose meaning the document itself has. */
int words_parse_document(const char *text, struct wish *ret, struct err *e);

/* Lists all words, with `between` between them. */
void words_list(const char *between, struct text *out);

void wish_drop(struct wish *w);

/* Returns whether the wish leaves the kind of snapshot to libvirt. */
bool wish_is_default(const struct wish *w);

#endif
