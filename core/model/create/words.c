/* SPDX-License-Identifier: GPL-3.0-or-later */
/* words.c - see create/words.h. A table of words; each has what it sets. No locks. */
#include "model/create/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/change/flag_words.h"

/* ---- from text to words ---- */

/* Reads the next part of a value. Commas separate the parts; two commas stand for one comma in a
 * part. *ret is NULL at the end. */
static int next_part(const char **at, char **ret, struct err *e)
{
    const char *p = *at;
    autotext struct text part = {0};
    *ret = NULL;
    if (!p)
        return 0;
    for (; *p && (*p != ',' || p[1] == ','); p++) {
        p += *p == ',';
        text_put(&part, p, 1);
    }
    *at = *p ? p + 1 : NULL;
    *ret = text_take(&part, NULL);
    return *ret ? 0 : err_nomem(e);
}

/* ---- words with a value ---- */

/* A setting that "KEY=VALUE" can make. The key "/" is also the beginning of its value. */
struct setting {
    const char *key;
    char **value; /* gets the value; NULL: `where` does */
    int *where;
};

static int set_where(const char *word, int *ret, struct err *e)
{
    static const char *const words[] = {"no", "internal", "external", "manual"};
    static const enum xml_where values[] = {XML_NO, XML_INTERNAL, XML_EXTERNAL, XML_MANUAL};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (!strcmp(word, words[i])) {
            *ret = (int)values[i];
            return 0;
        }
    return err_fail(e, EINVAL, "'snapshot=%s' is not no, internal, external or manual", word);
}

static int set_part(const char *part, const struct setting *settings, const char *word,
                    struct err *e)
{
    for (const struct setting *s = settings; s->key; s++) {
        size_t len = strlen(s->key);
        if (strncmp(part, s->key, len) != 0)
            continue;
        if (s->value ? *s->value != NULL : *s->where != XML_UNSAID)
            return err_fail(e, EINVAL, "'%s' appears twice in a word '%s'", s->key, word);
        if (s->where)
            return set_where(part + len, s->where, e);
        *s->value = strdup(part + (*s->key == '/' ? 0 : len));
        return *s->value ? 0 : err_nomem(e);
    }
    return err_fail(e, EINVAL, "unknown '%.64s' in a word '%s'", part, word);
}

static int set_parts(const char *rest, const struct setting *settings, const char *word,
                     struct err *e)
{
    int r = 0;
    while (r == 0) {
        autofree char *part = NULL;
        r = next_part(&rest, &part, e);
        if (r == 0 && !part)
            break;
        if (r == 0)
            r = set_part(part, settings, word, e);
    }
    return r;
}

/* Reads a memspec. As with virsh, a path may come without "file=". */
static int set_memspec(struct wish *w, const char *value, struct err *e)
{
    struct xml_request *q = &w->request;
    const struct setting settings[] = {{"file=", &q->memory_file, NULL},
                                       {"snapshot=", NULL, &q->memory},
                                       {"/", &q->memory_file, NULL},
                                       {NULL, NULL, NULL}};
    if (q->memory != XML_UNSAID || q->memory_file)
        return err_fail(e, EINVAL, "'memspec=' is there twice");
    int r = set_parts(value, settings, "memspec=", e);
    if (r < 0)
        return r;
    if (q->memory == XML_UNSAID)
        q->memory = XML_EXTERNAL;
    if (q->memory == XML_MANUAL || (q->memory != XML_EXTERNAL && q->memory_file))
        return err_fail(e, EINVAL, "a 'memspec=' with a file is external");
    return 0;
}

static int check_diskspec(const struct xml_request_disk *d, struct err *e)
{
    if (d->type && strcmp(d->type, "file") != 0 && strcmp(d->type, "block") != 0)
        return err_fail(e, EINVAL, "'stype=%s' of disk '%s' is neither file nor block", d->type,
                        d->name);
    if ((d->file || d->driver) && d->where != XML_UNSAID && d->where != XML_EXTERNAL)
        return err_fail(e, EINVAL, "disk '%s' has a file or driver, so it has to be external",
                        d->name);
    return 0;
}

static int set_diskspec(struct wish *w, const char *value, struct err *e)
{
    autofree char *name = NULL;
    int r = next_part(&value, &name, e);
    if (r < 0)
        return r;
    if (!*name)
        return err_fail(e, EINVAL, "'diskspec=' begins with the name of a disk, such as vda");
    for (size_t i = 0; i < w->request.n_disks; i++)
        if (!strcmp(w->request.disks[i].name, name))
            return err_fail(e, EINVAL, "disk '%s' is there twice", name);
    struct xml_request_disk *d = xml_request_add(&w->request, name);
    if (!d)
        return err_nomem(e);
    const struct setting settings[] = {{"file=", &d->file, NULL},
                                       {"snapshot=", NULL, &d->where},
                                       {"driver=", &d->driver, NULL},
                                       {"stype=", &d->type, NULL},
                                       {NULL, NULL, NULL}};
    r = set_parts(value, settings, "diskspec=", e);
    return r < 0 ? r : check_diskspec(d, e);
}

static int set_description(struct wish *w, const char *value, struct err *e)
{
    if (w->request.description)
        return err_fail(e, EINVAL, "'description=' is there twice");
    w->request.description = strdup(value);
    return w->request.description ? 0 : err_nomem(e);
}

#define OPTION ":" /* joins the words of a mount option */

/* ---- the table ---- */

static const struct create_word {
    const char *word; /* one that ends in '=' has a value */
    unsigned flag;
    enum wish_kind kind;
    int (*set)(struct wish *w, const char *value, struct err *e);
} create_words[] = {
    {"disk-only", VIRT_CREATE_DISK_ONLY, WISH_DEFAULT, NULL},
    {"quiesce", WISH_QUIESCE, WISH_DEFAULT, NULL},
    {"live", VIRT_CREATE_LIVE, WISH_DEFAULT, NULL},
    {"halt", VIRT_CREATE_HALT, WISH_DEFAULT, NULL},
    {"atomic", VIRT_CREATE_ATOMIC, WISH_DEFAULT, NULL},
    {"reuse-external", VIRT_CREATE_REUSE_EXTERNAL, WISH_DEFAULT, NULL},
    {"no-metadata", VIRT_CREATE_NO_METADATA, WISH_DEFAULT, NULL},
    {"internal", 0, WISH_INTERNAL, NULL},
    {"external", 0, WISH_EXTERNAL, NULL},
    {"memspec=", 0, WISH_DEFAULT, set_memspec},
    {"diskspec=", 0, WISH_DEFAULT, set_diskspec},
    {"description=", 0, WISH_DEFAULT, set_description},
};

static const struct create_word *find_word(const char *word)
{
    for (size_t i = 0; i < sizeof(create_words) / sizeof(*create_words); i++) {
        const struct create_word *row = &create_words[i];
        if (row->set ? !strncmp(word, row->word, strlen(row->word)) : !strcmp(word, row->word))
            return row;
    }
    return NULL;
}

/* Lists the words. With `option`, leaves out the word that mkdir does not take. */
static void list_words(bool option, const char *between, struct text *out)
{
    for (size_t i = 0; i < sizeof(create_words) / sizeof(*create_words); i++)
        if (!option || create_words[i].flag != VIRT_CREATE_NO_METADATA)
            text_add(out, "%s%s", i ? between : "", create_words[i].word);
}

void words_list(const char *between, struct text *out)
{
    list_words(false, between, out);
}

static int fail_unknown(const char *word, bool option, struct err *e)
{
    autotext struct text all = {0};
    list_words(option, ", ", &all);
    if (!all.s || all.failed)
        return err_nomem(e);
    return err_fail(e, EINVAL, "unknown word '%.64s': %s %s", word,
                    option ? "the words, joined by ':', are" : "create takes a name, then", all.s);
}

static int set_word(struct wish *w, const char *word, bool option, struct err *e)
{
    const struct create_word *row = find_word(word);
    if (!row)
        return fail_unknown(word, option, e);
    if (row->set)
        return row->set(w, word + strlen(row->word), e);
    if (row->kind && w->kind && w->kind != row->kind)
        return err_fail(e, EINVAL, "'internal' and 'external' exclude each other");
    w->flags |= row->flag;
    if (row->kind)
        w->kind = row->kind;
    return 0;
}

/* Refuses wishes that libvirt would refuse with other words, or take and not carry out. */
static int check_wish(const struct wish *w, struct err *e)
{
    bool disk_only = w->flags & VIRT_CREATE_DISK_ONLY;
    bool memory = w->request.memory == XML_INTERNAL || w->request.memory == XML_EXTERNAL;
    if (disk_only && w->kind == WISH_INTERNAL)
        return err_fail(e, EINVAL, "'disk-only' and 'internal' exclude each other");
    if (disk_only && memory)
        return err_fail(e, EINVAL, "'disk-only' and a 'memspec=' exclude each other");
    if (w->kind == WISH_INTERNAL && w->request.memory == XML_EXTERNAL)
        return err_fail(e, EINVAL, "'internal' and a 'memspec=' with a file exclude each other");
    if (w->kind == WISH_EXTERNAL && w->request.memory == XML_INTERNAL)
        return err_fail(e, EINVAL, "'external' and an internal 'memspec=' exclude each other");
    if ((w->flags & WISH_QUIESCE) && !disk_only)
        return err_fail(e, EINVAL, "'quiesce' needs 'disk-only'");
    return 0;
}

static int parse_words(const char *text, const char *separators, struct wish *w, struct err *e)
{
    int r = 0;
    while (r == 0) {
        autofree char *word = NULL;
        r = words_next(&text, separators, &word, e);
        if (r == 0 && !word)
            break;
        if (r == 0)
            r = set_word(w, word, *separators == OPTION[0], e);
    }
    return r < 0 ? r : check_wish(w, e);
}

int words_parse(const char *text, struct wish *ret, struct err *e)
{
    *ret = (struct wish){.request = {.memory = XML_UNSAID}};
    int r = words_next(&text, WORDS_BLANKS, &ret->request.name, e);
    if (r < 0)
        return r;
    if (!ret->request.name)
        return err_fail(e, EINVAL, "the first word is the new snapshot's name");
    if (find_word(ret->request.name) || !strcmp(ret->request.name, WORD_DOCUMENT) ||
        !strcmp(ret->request.name, WORD_REDEFINE))
        return err_fail(
            e, EINVAL,
            "the first word is the new snapshot's name, and '%.64s' is a word of create; "
            "mkdir makes one of that name",
            ret->request.name);
    return parse_words(text, WORDS_BLANKS, ret, e);
}

int words_parse_option(const char *text, struct wish *ret, struct err *e)
{
    *ret = (struct wish){.request = {.memory = XML_UNSAID}};
    int r = parse_words(text, OPTION, ret, e);
    if (r == 0 && (ret->flags & VIRT_CREATE_NO_METADATA))
        r = err_fail(e, EINVAL, "mkdir makes no snapshot without metadata ('no-metadata')");
    return r;
}

int words_parse_document(const char *text, struct wish *ret, struct err *e)
{
    *ret = (struct wish){.request = {.memory = XML_UNSAID}};
    int r = parse_words(text, WORDS_BLANKS, ret, e);
    const struct xml_request *q = &ret->request;
    bool said = ret->kind || q->memory != XML_UNSAID || q->n_disks || q->description;
    if (r == 0 && said)
        r = err_fail(e, EINVAL,
                     "cannot use 'internal', 'external', 'memspec=', 'diskspec=' or 'description=' "
                     "before a document; write them into the document");
    return r;
}

void wish_drop(struct wish *w)
{
    xml_request_drop(&w->request);
}

bool wish_is_default(const struct wish *w)
{
    const unsigned kinds = VIRT_CREATE_DISK_ONLY | VIRT_CREATE_LIVE | VIRT_CREATE_REUSE_EXTERNAL;
    return !w->kind && !(w->flags & kinds) && w->request.memory == XML_UNSAID &&
           !w->request.n_disks;
}
