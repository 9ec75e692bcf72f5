/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flag_words.c - see change/flag_words.h. */
#include "model/change/flag_words.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

enum { QUOTED_MAX = 64 /* bytes of a word that is none */ };

static unsigned find(const struct flag_word *words, size_t n, const char *word, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(words[i].word) == len && !strncmp(words[i].word, word, len))
            return words[i].flag;
    return 0;
}

static int fail_unknown(const char *what, const struct flag_word *words, size_t n, const char *word,
                        size_t len, struct err *e)
{
    autotext struct text all = {0};
    for (size_t i = 0; i < n; i++)
        text_add(&all, "%s%s", i ? ", " : "", words[i].word);
    return err_fail(e, EINVAL, "unknown word '%.*s': %s takes %s",
                    (int)(len < QUOTED_MAX ? len : QUOTED_MAX), word, what,
                    all.failed ? "others" : all.s);
}

int flags_parse(const char *what, const struct flag_word *words, size_t n, const char *text,
                unsigned *ret, struct err *e)
{
    static const char blanks[] = " \t\r\n";
    unsigned flags = 0;
    for (const char *p = text + strspn(text, blanks); *p; p += strspn(p, blanks)) {
        size_t len = strcspn(p, blanks);
        unsigned flag = find(words, n, p, len);
        if (!flag)
            return fail_unknown(what, words, n, p, len, e);
        flags |= flag;
        p += len;
    }
    *ret = flags;
    return 0;
}
