/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept.c - the records of kept.h and their text. No locks: a value is changed by one thread.
 *
 *     snapfs-kept 1
 *     KIND KEY VALUE         as in journals (journal/record.h); the oldest first
 *     end HASH               of all above; a file without it, or with another hash, is spoiled
 */
#include "model/journal/kept.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/journal/record.h"

#define HEAD "snapfs-kept "
#define VERSION HEAD "1\n"

struct item {
    char *kind; /* one allocation; the key and the value follow in it */
    const char *key, *value;
    uint64_t order; /* the lowest is the oldest */
};

struct kept {
    unsigned refs;
    struct item *all; /* sorted by kind and key */
    size_t n, bytes;  /* `bytes`: the size of all strings */
    uint64_t next;    /* order */
    bool changed, told;
    bool shared; /* takes only records for others */
    struct kept_identity files[KEPT_FILES];
    struct kept_others *others;
    void (*drop_others)(struct kept_others *o);
};

struct kept *kept_new(void)
{
    struct kept *k = calloc(1, sizeof(*k));
    if (k)
        k->refs = 1;
    return k;
}

struct kept *kept_new_shared(void)
{
    struct kept *k = kept_new();
    if (k)
        k->shared = true;
    return k;
}

struct kept *kept_ref(struct kept *k)
{
    __atomic_add_fetch(&k->refs, 1, __ATOMIC_RELAXED);
    return k;
}

static void clear(struct kept *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->all[i].kind);
    free(k->all);
    budget_give(k->bytes + k->n * sizeof(*k->all));
    k->all = NULL;
    k->n = k->bytes = 0;
}

void kept_unref(struct kept *k)
{
    if (!k || __atomic_sub_fetch(&k->refs, 1, __ATOMIC_ACQ_REL))
        return;
    clear(k);
    if (k->others)
        k->drop_others(k->others);
    free(k);
}

bool kept_is_changed(const struct kept *k)
{
    return k->changed;
}

bool kept_is_told(const struct kept *k)
{
    return k->told;
}

void kept_set_others(struct kept *k, struct kept_others *others,
                     void (*drop)(struct kept_others *o))
{
    k->others = others;
    k->drop_others = drop;
}

struct kept_others *kept_get_others(const struct kept *k)
{
    return k->others;
}

struct kept_identity *kept_identities(struct kept *k)
{
    return k->files;
}

/* ---- finding ---- */

static int compare(const struct item *item, const char *kind, const char *key)
{
    int r = strcmp(item->kind, kind);
    return r ? r : strcmp(item->key, key);
}

/* Returns the place of that record, or the place where it would be. */
static size_t place_of(const struct kept *k, const char *kind, const char *key)
{
    size_t low = 0, high = k->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(&k->all[mid], kind, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_at(const struct kept *k, size_t at, const char *kind, const char *key)
{
    return at < k->n && !compare(&k->all[at], kind, key);
}

const char *kept_get(const struct kept *k, const char *kind, const char *key)
{
    size_t at = k ? place_of(k, kind, key) : 0;
    return k && is_at(k, at, kind, key) ? k->all[at].value : NULL;
}

void kept_each(const struct kept *k, const char *kind, kept_each_fn *each, void *ctx)
{
    for (size_t i = k ? place_of(k, kind, "") : 0; k && i < k->n; i++) {
        if (strcmp(k->all[i].kind, kind) != 0)
            break;
        each(ctx, k->all[i].key, k->all[i].value);
    }
}

/* ---- changing ---- */

static size_t size_of(const struct item *item)
{
    return strlen(item->kind) + strlen(item->key) + strlen(item->value) + 3;
}

static void forget(struct kept *k, const struct item *item)
{
    size_t size = size_of(item);
    free(item->kind);
    k->bytes -= size;
    budget_give(size + sizeof(*item));
}

static void remove_at(struct kept *k, size_t at)
{
    forget(k, &k->all[at]);
    memmove(&k->all[at], &k->all[at + 1], (k->n - at - 1) * sizeof(*k->all));
    k->n--;
    k->changed = true;
}

static bool make_item(struct item *ret, const char *kind, const char *key, const char *value)
{
    size_t kinds = strlen(kind) + 1, keys = strlen(key) + 1, values = strlen(value) + 1;
    char *s = malloc(kinds + keys + values);
    if (!s)
        return false;
    *ret = (struct item){.kind = memcpy(s, kind, kinds),
                         .key = memcpy(s + kinds, key, keys),
                         .value = memcpy(s + kinds + keys, value, values)};
    return true;
}

static void insert_at(struct kept *k, size_t at, const char *kind, const char *key,
                      const char *value)
{
    struct item item;
    struct item *more = mem_grow(k->all, k->n, sizeof(*more));
    if (more)
        k->all = more;
    if (!more || !make_item(&item, kind, key, value))
        return;
    item.order = k->next++;
    memmove(&more[at + 1], &more[at], (k->n - at) * sizeof(*more));
    more[at] = item;
    k->n++;
    k->bytes += size_of(&item);
    k->changed = true;
    budget_count(size_of(&item) + sizeof(item));
}

/* Finds the oldest record of a kind, and how many the kind has. */
static size_t oldest_of(const struct kept *k, const char *kind, size_t *ret_n)
{
    size_t first = place_of(k, kind, ""), oldest = first, i = first;
    for (; i < k->n && !strcmp(k->all[i].kind, kind); i++)
        if (k->all[i].order < k->all[oldest].order)
            oldest = i;
    *ret_n = i - first;
    return oldest;
}

/* Returns whether the file has room. A byte of a record takes at most three bytes in the file. */
static bool has_room(const struct kept *k, size_t more)
{
    size_t max = k->shared ? KEPT_SHARED_MAX : KEPT_BYTES_MAX;
    return (k->bytes + more) * 3 + sizeof(VERSION) + 64 <= max;
}

/* The kinds whose loss costs only time. They make room for the other kinds, which tell of bytes and
 * files. */
static const char *const cheap[] = {"size", "length", "number", "chain"};
enum { CHEAP = sizeof(cheap) / sizeof(*cheap) };

/* Kinds that stay with the user: they tell where files are, and what backs them, and others would
 * read by them. */
static const char *const private[] = {"size", "length", "chain", "backing"};
enum { PRIVATE = sizeof(private) / sizeof(*private) };

static bool is_one_of(const char *const *kinds, size_t n, const char *kind)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(kinds[i], kind))
            return true;
    return false;
}

static bool is_cheap(const char *kind)
{
    return is_one_of(cheap, CHEAP, kind);
}

/* Returns whether `k` takes the kind. */
static bool note_told(struct kept *k, const char *kind)
{
    bool private_kind = is_one_of(private, PRIVATE, kind);
    k->told |= !private_kind && strcmp(kind, "uri") != 0;
    return !k->shared || !private_kind;
}

/* Drops the oldest record that counts less than one of that kind, else the oldest of the kind. */
static bool drop_one(struct kept *k, const char *kind)
{
    size_t n = 0, oldest = 0;
    for (size_t i = 0; !n && !is_cheap(kind) && i < CHEAP; i++)
        oldest = oldest_of(k, cheap[i], &n);
    if (!n)
        oldest = oldest_of(k, kind, &n);
    if (n)
        remove_at(k, oldest);
    return n > 0;
}

static bool make_room(struct kept *k, const char *kind, size_t bytes)
{
    size_t n, oldest;
    while ((oldest = oldest_of(k, kind, &n)), n >= KEPT_RECORDS_MAX)
        remove_at(k, oldest);
    while (!has_room(k, bytes) && drop_one(k, kind))
        continue;
    return has_room(k, bytes);
}

static bool is_kind(const char *s)
{
    size_t len = strlen(s);
    return len && len <= KEPT_KIND_MAX && strspn(s, "abcdefghijklmnopqrstuvwxyz") == len;
}

void kept_set(struct kept *k, const char *kind, const char *key, const char *value)
{
    size_t keys = strlen(key), values = strlen(value), at = place_of(k, kind, key);
    bool there = is_at(k, at, kind, key);
    if (!note_told(k, kind))
        return;
    if (there && !strcmp(k->all[at].value, value))
        return;
    if (there)
        remove_at(k, at);
    if (is_kind(kind) && keys <= KEPT_VALUE_MAX && values <= KEPT_VALUE_MAX &&
        make_room(k, kind, KEPT_KIND_MAX + keys + values + 3))
        insert_at(k, place_of(k, kind, key), kind, key, value);
}

void kept_drop(struct kept *k, const char *kind, const char *key)
{
    size_t at = place_of(k, kind, key);
    note_told(k, kind);
    if (is_at(k, at, kind, key))
        remove_at(k, at);
}

bool kept_copy(struct kept *k, const struct kept *from)
{
    k->told = false;
    for (size_t i = 0; i < from->n; i++)
        kept_set(k, from->all[i].kind, from->all[i].key, from->all[i].value);
    return k->told;
}

/* ---- the text ---- */

static int cmp_order(const void *a, const void *b)
{
    uint64_t x = (*(const struct item *const *)a)->order;
    uint64_t y = (*(const struct item *const *)b)->order;
    return x < y ? -1 : x > y;
}

char *kept_text(const struct kept *k, size_t *ret_len)
{
    autotext struct text t = {0};
    autofree const struct item **sorted = calloc(k->n + 1, sizeof(const struct item *));
    if (!sorted)
        return NULL;
    for (size_t i = 0; i < k->n; i++)
        sorted[i] = &k->all[i];
    qsort(sorted, k->n, sizeof(*sorted), cmp_order);
    text_add(&t, VERSION);
    for (size_t i = 0; i < k->n; i++) {
        text_add(&t, "%s", sorted[i]->kind);
        record_put(&t, sorted[i]->key);
        record_put(&t, sorted[i]->value);
        text_add(&t, "\n");
    }
    uint64_t hash = t.failed ? 0 : hash_end(hash_bytes(HASH_START, t.s, t.len));
    text_add(&t, "end %016" PRIx64 "\n", hash);
    return text_take(&t, ret_len);
}

/* Cuts off the last line. Returns false unless that line has the right hash of the rest. */
static bool cut_end(char *text, size_t len)
{
    uint64_t hash = 0;
    char newline, more;
    if (!len || strlen(text) != len || text[len - 1] != '\n')
        return false;
    text[len - 1] = '\0';
    char *end = strrchr(text, '\n');
    text[len - 1] = '\n';
    if (!end || sscanf(end + 1, "end %16" SCNx64 "%c%c", &hash, &newline, &more) != 2)
        return false;
    end[1] = '\0';
    return hash == hash_end(hash_bytes(HASH_START, text, (size_t)(end + 1 - text)));
}

/* Adds a record after the others; sort_all sorts it in later. */
static bool append(void *ctx, const struct record_line *l)
{
    struct kept *k = ctx;
    struct item *more = mem_grow(k->all, k->n, sizeof(*more));
    if (more)
        k->all = more;
    if (l->n != 3 || !more || !make_item(&more[k->n], l->fields[0], l->fields[1], l->fields[2]))
        return false;
    more[k->n].order = k->next++;
    k->bytes += size_of(&more[k->n]);
    budget_count(size_of(&more[k->n]) + sizeof(*more));
    k->n++;
    return true;
}

static int cmp_item(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int r = compare(x, y->kind, y->key);
    return r ? r : (x->order > y->order) - (x->order < y->order);
}

/* Sorts the records. If two have one kind and key, the later one counts. */
static void sort_all(struct kept *k)
{
    if (k->n)
        qsort(k->all, k->n, sizeof(*k->all), cmp_item);
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++) {
        bool again = i + 1 < k->n && !compare(&k->all[i], k->all[i + 1].kind, k->all[i + 1].key);
        if (again)
            forget(k, &k->all[i]);
        else
            k->all[n++] = k->all[i];
    }
    k->n = n;
}

/* Returns whether the text is of a version that is not known here. */
static bool is_later(const char *text)
{
    unsigned version;
    char newline;
    return sscanf(text, HEAD "%5u%c", &version, &newline) == 2 && newline == '\n' && version > 1;
}

int kept_parse(struct kept *k, char *text, size_t len)
{
    struct err e;
    if (is_later(text))
        return -EEXIST;
    if (!cut_end(text, len) || strncmp(text, VERSION, strlen(VERSION)) != 0)
        return -EINVAL;
    int r = record_read(text + strlen(VERSION), append, k, &e);
    sort_all(k);
    k->changed = false;
    return r == -ENOMEM ? r : 0;
}
