/* draft.h - what was written to `create`, until it is a whole command.
 *
 * Words are one write each. A document begins with '<', or with a line of words that holds
 * `redefine`, and comes in any number of writes. One thread at a time.
 */
#ifndef SNAPFS_MODEL_DRAFT_H
#define SNAPFS_MODEL_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum { DRAFT_MAX = 1048576 }; /* bytes of a document in all */

struct draft {
    struct text text; /* of a document that is not whole yet */
    uint64_t counted; /* in the budget */
    bool after;       /* the last command was a document, whose last newline may still come */
};

/* Adds one write. *ret_whole: all that was written is a command now, which draft_take gives.
 * EINVAL: the document is malformed or past DRAFT_MAX; it is forgotten then, as for want of
 * memory. */
int draft_add(struct draft *d, const void *data, size_t len, bool *ret_whole, struct err *e);

/* The command, owned by the caller; the draft is empty then. NULL without memory. */
char *draft_take(struct draft *d, size_t *ret_len);

void draft_drop(struct draft *d);

/* Is this a document, or the beginning of one, rather than words? */
bool draft_is_document(const char *text);

/* Does a line of words stand before it, one of which is `redefine`? */
bool draft_is_redefine(const char *text);

#endif
