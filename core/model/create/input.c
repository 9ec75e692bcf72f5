/* SPDX-License-Identifier: GPL-3.0-or-later */
/* input.c - see create/input.h. No locks. */
#include "model/create/input.h"

#include <errno.h>
#include <string.h>

#include "base/budget.h"
#include "model/change/flag_words.h"
#include "model/create/words.h"
#include "model/metadata/redefine.h"
#include "virt/xml_request.h"

#define END "domainsnapshot"

enum { EMPTY_MAX = 4096 }; /* a document longer than this that ends in "/>" goes on */

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && !strncmp(text, word, len);
}

enum input_kind input_kind(const char *text)
{
    text += strspn(text, WORDS_BLANKS);
    size_t len = strcspn(text, WORDS_BLANKS);
    if (is_word(text, len, WORD_REDEFINE))
        return INPUT_REDEFINE;
    return *text == '<' || is_word(text, len, WORD_DOCUMENT) ? INPUT_DOCUMENT : INPUT_WORDS;
}

const char *input_split(const char *text, char **ret_words)
{
    text += strspn(text, WORDS_BLANKS);
    size_t first = *text == '<' ? 0 : strcspn(text, WORDS_BLANKS);
    size_t end = *text == '<' ? 0 : strcspn(text, "\n");
    *ret_words = strndup(text + first, end - first);
    return *ret_words ? text + end + strspn(text + end, WORDS_BLANKS) : NULL;
}

/* Checks the words of the line before a document as soon as the line is there. Else the caller of
 * such a line alone would not hear of a wrong word, because a shell does not look at close(2). */
static int check_words(struct input *d, struct err *e)
{
    const char *line = d->text.s + strspn(d->text.s, WORDS_BLANKS);
    if (d->checked || *line == '<' || !strchr(line, '\n'))
        return 0;
    struct wish ignored = {0};
    autofree char *words = NULL;
    if (!input_split(d->text.s, &words))
        return err_nomem(e);
    int r = input_kind(d->text.s) == INPUT_REDEFINE ? redefine_check_words(words, e)
                                                    : words_parse_document(words, &ignored, e);
    wish_drop(&ignored);
    d->checked = r == 0;
    return r;
}

/* Returns the length of the root's name. Before it are a declaration and comments at most. */
static size_t root_of(const char *xml, const char **ret)
{
    while (xml && (xml[1] == '?' || xml[1] == '!')) {
        const char *end = strstr(xml, xml[1] == '?' ? "?>" : "-->");
        xml = end ? strchr(end, '<') : NULL;
    }
    *ret = xml ? xml + 1 : "";
    return strcspn(*ret, WORDS_BLANKS "/>");
}

static bool ends_in(const char *text, size_t len, const char *name, size_t n)
{
    return n && len >= n && !memcmp(text + len - n, name, n);
}

/* Looks at the end of the text only. So a document that comes line by line is not parsed with every
 * line. Any root element counts, because a wrong root is refused later. */
static bool may_be_whole(const char *text, size_t len)
{
    const char *root;
    while (len && strchr(WORDS_BLANKS, text[len - 1]))
        len--;
    if (len < 2 || text[len - 1] != '>')
        return false;
    if (text[len - 2] == '/')
        return len <= EMPTY_MAX;
    for (len--; len && strchr(WORDS_BLANKS, text[len - 1]);)
        len--;
    size_t n = root_of(strchr(text, '<'), &root);
    return ends_in(text, len, END, strlen(END)) || ends_in(text, len, root, n);
}

static int look(const char *text, size_t len, bool *ret_whole, struct err *e)
{
    const char *xml = strchr(text, '<');
    if (len > INPUT_MAX)
        return err_fail(e, EINVAL, "the document has more than %d bytes", INPUT_MAX);
    return xml && may_be_whole(text, len) ? xml_request_is_whole(xml, ret_whole, e) : 0;
}

static bool is_blank(const char *data, size_t len)
{
    while (len && strchr(WORDS_BLANKS, data[len - 1]) && data[len - 1])
        len--;
    return len == 0;
}

static void uncount(struct input *d)
{
    budget_give(d->counted);
    d->counted = 0;
}

static int put(struct input *d, const void *data, size_t len, struct err *e)
{
    int r = budget_take(len, e);
    if (r < 0)
        return r;
    d->counted += len;
    text_put(&d->text, data, len);
    return d->text.failed ? err_nomem(e) : 0;
}

int input_add(struct input *d, const void *data, size_t len, bool *ret_whole, struct err *e)
{
    *ret_whole = false;
    if (d->after && is_blank(data, len))
        return 0;
    d->after = false;
    if (memchr(data, '\0', len)) {
        input_drop(d);
        return err_fail(e, EINVAL, "a NUL byte cannot be written here");
    }
    int r = put(d, data, len, e);
    if (r < 0) {
        input_drop(d);
        return r;
    }
    *ret_whole = input_kind(d->text.s) == INPUT_WORDS;
    if (*ret_whole)
        return 0;
    r = check_words(d, e);
    if (r == 0)
        r = look(d->text.s, d->text.len, ret_whole, e);
    d->after = r == 0 && *ret_whole;
    if (r < 0)
        input_drop(d);
    return r;
}

char *input_take(struct input *d, size_t *ret_len)
{
    uncount(d);
    d->checked = false;
    return text_take(&d->text, ret_len);
}

void input_drop(struct input *d)
{
    text_drop(&d->text);
    uncount(d);
    d->checked = d->after = false;
}
