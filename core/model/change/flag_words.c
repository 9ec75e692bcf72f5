/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flag_words.c - see change/flag_words.h. */
#include "model/change/flag_words.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

enum { QUOTED_MAX = 64 /* bytes of an unknown word that are quoted */ };

static unsigned find(const struct flag_word *words, size_t n, const char *word, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(words[i].word) == len && !strncmp(words[i].word, word, len))
            return words[i].flag;
    return 0;
}

void flags_list(const struct flag_word *words, size_t n, const char *between, struct text *out)
{
    for (size_t i = 0; i < n; i++)
        text_add(out, "%s%s", i ? between : "", words[i].word);
}

static int fail_unknown(const char *what, const struct flag_word *words, size_t n, const char *word,
                        size_t len, struct err *e)
{
    autotext struct text all = {0};
    flags_list(words, n, ", ", &all);
    return err_fail(e, EINVAL, "unknown word '%.*s': %s takes %s",
                    (int)(len < QUOTED_MAX ? len : QUOTED_MAX), word, what,
                    all.failed ? "others" : all.s);
}

int flags_parse(const char *what, const struct flag_word *words, size_t n, const char *text,
                unsigned *ret, struct err *e)
{
    unsigned flags = 0;
    for (const char *p = text + strspn(text, WORDS_BLANKS); *p; p += strspn(p, WORDS_BLANKS)) {
        size_t len = strcspn(p, WORDS_BLANKS);
        unsigned flag = find(words, n, p, len);
        if (!flag)
            return fail_unknown(what, words, n, p, len, e);
        flags |= flag;
        p += len;
    }
    *ret = flags;
    return 0;
}

/* Takes one step inside quotes: an escaped byte is taken alone. */
static const char *take_quoted(const char *p, struct text *word)
{
    if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
        p++;
    text_put(word, p, 1);
    return p + 1;
}

int words_next(const char **at, const char *separators, char **ret, struct err *e)
{
    const char *p = *at + strspn(*at, separators);
    autotext struct text word = {0};
    bool quoted = false;
    *ret = NULL;
    *at = p;
    if (!*p)
        return 0;
    while (*p && (quoted || !strchr(separators, *p))) {
        if (*p == '"') {
            quoted = !quoted;
            p++;
        } else if (quoted) {
            p = take_quoted(p, &word);
        } else {
            text_put(&word, p++, 1);
        }
    }
    if (quoted)
        return err_fail(e, EINVAL, "a '\"' begins and nothing ends it");
    *at = p;
    *ret = text_take(&word, NULL);
    return *ret ? 0 : err_nomem(e);
}
