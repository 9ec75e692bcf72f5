/* revert_record.c - a revert in the journal: lines of a word and its values. No locks.
 *
 *     revert 1                     the version of all this
 *     uri URI                      and so on, one line a field
 *     disk TARGET CONTENT …        one a disk
 *     ready                        from here on something may have been begun
 *     step make                    before each step
 *     made TARGET DEV INO …        after the overlays were made
 *
 * A value's blanks, control bytes and '%' are written as %XX; one that is empty as "-".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/revert_plan.h"

enum { FIELDS_MAX = 12, FIRST_PRINTED = 0x21, DELETE = 0x7f };

static const char *const step_names[REVERT_STEPS] = {
    [REVERT_PLANNED] = "plan",  [REVERT_MAKE] = "make",     [REVERT_STOP] = "stop",
    [REVERT_DEFINE] = "define", [REVERT_MARK] = "mark",     [REVERT_FORK] = "fork",
    [REVERT_START] = "start",   [REVERT_REMOVE] = "remove", [REVERT_UNDO] = "undo",
};

/* ---- writing ---- */

static void put_value(struct text *t, const char *s)
{
    text_add(t, *s ? " " : " -");
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        bool coded = *p < FIRST_PRINTED || *p == DELETE || *p == '%' || (*p == '-' && !s[1]);
        if (coded)
            text_add(t, "%%%02X", *p);
        else
            text_put(t, p, 1);
    }
}

static void put_field(struct text *t, const char *word, const char *value)
{
    text_add(t, "%s", word);
    put_value(t, value);
    text_add(t, "\n");
}

static void put_disk(struct text *t, const struct revert_disk *disk)
{
    text_add(t, "disk");
    put_value(t, disk->target);
    put_value(t, disk->content);
    put_value(t, disk->format);
    put_value(t, disk->overlay);
    put_value(t, disk->before);
    text_add(t, " %" PRIu64 " %" PRIu64 " %d %d\n", disk->dev, disk->ino, disk->captured,
             disk->forked);
}

static int add(struct journal *j, const struct text *t, struct err *e)
{
    return t->failed ? err_nomem(e) : journal_add(j, t->s, e);
}

int revert_record(struct journal *j, const struct revert *rv, struct err *e)
{
    autotext struct text t = {0};
    text_add(&t, "revert 1\n");
    put_field(&t, "uri", rv->uri);
    put_field(&t, "snapshot", rv->snapshot);
    put_field(&t, "current", rv->current);
    put_field(&t, "memory", rv->memory);
    put_field(&t, "maker", rv->maker);
    text_add(&t, "state %u %d %d %d\n", rv->flags, rv->start, rv->active, rv->leaf);
    text_add(&t, "prints %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", rv->snapshots, rv->config_before,
             rv->config_after);
    for (size_t i = 0; i < rv->n; i++)
        put_disk(&t, &rv->disks[i]);
    text_add(&t, "ready\n");
    return add(j, &t, e);
}

int revert_record_made(struct journal *j, const struct revert *rv, struct err *e)
{
    autotext struct text t = {0};
    for (size_t i = 0; i < rv->n; i++) {
        const struct revert_disk *disk = &rv->disks[i];
        text_add(&t, "made");
        put_value(&t, disk->target);
        text_add(&t, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", disk->new_dev,
                 disk->new_ino, disk->new_size, disk->new_mtime);
    }
    return rv->n ? add(j, &t, e) : 0;
}

int revert_record_step(struct journal *j, enum revert_step step, struct err *e)
{
    autotext struct text t = {0};
    text_add(&t, "step %s\n", step_names[step]);
    return add(j, &t, e);
}

/* ---- reading ---- */

struct line {
    char *fields[FIELDS_MAX];
    size_t n;
};

static bool from_hex(const char *p, char *ret)
{
    unsigned value;
    char digits[3] = {p[0], p[0] ? p[1] : '\0', '\0'};
    if (strspn(digits, "0123456789ABCDEF") != 2 || sscanf(digits, "%2x", &value) != 1 || !value)
        return false;
    *ret = (char)value;
    return true;
}

/* In place. */
static bool decode(char *s)
{
    char *to = s;
    if (!strcmp(s, "-"))
        *s = '\0';
    for (const char *p = s; *p; to++) {
        if (*p != '%') {
            *to = *p++;
        } else {
            if (!from_hex(p + 1, to))
                return false;
            p += 3;
        }
    }
    *to = '\0';
    return true;
}

static bool split(char *text, struct line *ret)
{
    char *rest = text, *field;
    *ret = (struct line){0};
    while ((field = strsep(&rest, " "))) {
        if (ret->n == FIELDS_MAX || !decode(field))
            return false;
        ret->fields[ret->n++] = field;
    }
    return true;
}

static bool number(const char *s, uint64_t *ret)
{
    char end;
    return *s >= '0' && *s <= '9' && sscanf(s, "%" SCNu64 "%c", ret, &end) == 1;
}

/* `n` numbers from field `from` on. */
static bool numbers(const struct line *l, size_t from, uint64_t *ret, size_t n)
{
    bool ok = l->n == from + n;
    for (size_t i = 0; ok && i < n; i++)
        ok = number(l->fields[from + i], &ret[i]);
    return ok;
}

static bool keep(char **at, const struct line *l)
{
    if (l->n != 2 || *at)
        return false;
    *at = strdup(l->fields[1]);
    return *at != NULL;
}

static bool read_state(const struct line *l, struct revert *rv)
{
    uint64_t v[4];
    if (!numbers(l, 1, v, 4))
        return false;
    rv->flags = (unsigned)v[0];
    rv->start = v[1], rv->active = v[2], rv->leaf = v[3];
    return true;
}

static bool read_prints(const struct line *l, struct revert *rv)
{
    uint64_t v[3];
    if (!numbers(l, 1, v, 3))
        return false;
    rv->snapshots = v[0], rv->config_before = v[1], rv->config_after = v[2];
    return true;
}

static bool read_disk(const struct line *l, struct revert *rv)
{
    uint64_t v[4];
    char *const *f = l->fields;
    if (!numbers(l, 6, v, 4))
        return false;
    struct revert_disk *disk = revert_add(rv, f[1], f[2], f[3], f[4]);
    if (!disk)
        return false;
    free(disk->before);
    disk->before = strdup(f[5]);
    disk->dev = v[0], disk->ino = v[1], disk->captured = v[2], disk->forked = v[3];
    return disk->before != NULL;
}

static bool read_made(const struct line *l, struct revert *rv)
{
    uint64_t v[4];
    if (!numbers(l, 2, v, 4))
        return false;
    for (size_t i = 0; i < rv->n; i++) {
        struct revert_disk *disk = &rv->disks[i];
        if (strcmp(disk->target, l->fields[1]) != 0)
            continue;
        disk->made = true;
        disk->new_dev = v[0], disk->new_ino = v[1], disk->new_size = v[2], disk->new_mtime = v[3];
        return true;
    }
    return false;
}

static bool read_step(const struct line *l, struct revert *rv)
{
    for (int i = 0; l->n == 2 && i < REVERT_STEPS; i++)
        if (!strcmp(step_names[i], l->fields[1])) {
            rv->step = (enum revert_step)i;
            return true;
        }
    return false;
}

static bool read_maker(const struct line *l, struct revert *rv)
{
    if (l->n != 2 || strlen(l->fields[1]) >= sizeof(rv->maker))
        return false;
    snprintf(rv->maker, sizeof(rv->maker), "%s", l->fields[1]);
    return true;
}

static bool read_line(const struct line *l, struct revert *rv, bool *ready)
{
    const char *word = l->fields[0];
    if (!strcmp(word, "uri"))
        return keep(&rv->uri, l);
    if (!strcmp(word, "snapshot"))
        return keep(&rv->snapshot, l);
    if (!strcmp(word, "current"))
        return keep(&rv->current, l);
    if (!strcmp(word, "memory"))
        return keep(&rv->memory, l);
    if (!strcmp(word, "maker"))
        return read_maker(l, rv);
    if (!strcmp(word, "state"))
        return read_state(l, rv);
    if (!strcmp(word, "prints"))
        return read_prints(l, rv);
    if (!strcmp(word, "disk"))
        return read_disk(l, rv);
    if (!strcmp(word, "step"))
        return read_step(l, rv);
    if (!strcmp(word, "made"))
        return read_made(l, rv);
    if (strcmp(word, "ready") != 0)
        return !strcmp(word, "revert") && l->n == 2 && !strcmp(l->fields[1], "1");
    *ready = true;
    return rv->uri && rv->snapshot && rv->current && rv->memory && *rv->maker;
}

int revert_read(const char *text, struct revert **ret, struct err *e)
{
    struct revert *rv autodestroy(revert_free) = calloc(1, sizeof(*rv));
    autofree char *copy = strdup(text);
    char *rest = copy, *one;
    struct line l;
    bool ready = false, ok = true;
    *ret = NULL;
    if (!rv || !copy)
        return err_nomem(e);
    while (ok && (one = strsep(&rest, "\n")))
        ok = !*one || (split(one, &l) && read_line(&l, rv, &ready));
    if (!ok)
        return err_fail(e, EIO,
                        "the journal of the domain tells of an operation that this version of "
                        "snapfs does not understand");
    if (ready)
        *ret = take(rv);
    return 0;
}
