/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verb.c - see revert/verb.h. Locks: those of change/operation.h, for the whole of a verb. */
#include "model/revert/verb.h"

#include <errno.h>

#include "model/change/flag_words.h"
#include "model/change/operation.h"
#include "model/revert/check.h"
#include "model/revert/copy.h"
#include "model/revert/native.h"
#include "model/revert/overlays.h"

static const struct flag_word revert_words[] = {
    {"running", VIRT_REVERT_RUNNING},
    {"paused", VIRT_REVERT_PAUSED},
    {"force", VIRT_REVERT_FORCE},
    {"reset-nvram", VIRT_REVERT_RESET_NVRAM},
};

static int parse_revert(const char *words, unsigned *ret, struct err *e)
{
    int r = flags_parse("revert", revert_words, sizeof(revert_words) / sizeof(*revert_words), words,
                        ret, e);
    if (r == 0 && (*ret & VIRT_REVERT_RUNNING) && (*ret & VIRT_REVERT_PAUSED))
        return err_fail(e, EINVAL, "'running' and 'paused' exclude each other");
    return r;
}

void verb_revert_words(struct text *out)
{
    flags_list(revert_words, sizeof(revert_words) / sizeof(*revert_words), " ", out);
}

int verb_revert(struct model *m, const char *uuid, uint64_t ident, const char *words,
                struct text *remark, struct err *e)
{
    autooperation struct operation t = {0};
    autofindings struct revert_findings found = {0};
    const struct snapshot *s = NULL;
    unsigned flags = 0;
    int r = parse_revert(words, &flags, e);
    if (r == 0)
        r = operation_begin_on(&t, m, uuid, ident, &s, e);
    if (r == 0)
        r = guard_revert(m, t.domain, s, flags, &found, e);
    if (r == 0)
        r = operation_confirm(&t, e);
    if (r < 0)
        return r;
    switch (found.way) {
    case GUARD_COPY:
        return copy_revert(&t, s, flags, &found, remark, e);
    case GUARD_OVERLAYS:
        return revert_external(&t, s, flags, &found, remark, e);
    default:
        return native_revert(&t, s, flags, &found, remark, e);
    }
}
