/* overlays_record.c - a revert in the journal: lines of journal/record.h. No locks.
 *
 *     revert 3                     the version of all this
 *     uri URI                      and so on, one line a field
 *     disk TARGET CONTENT …        one a disk
 *     left PATH …                  one a file (change/reclaim.h)
 *     ready                        from here on something may have been begun
 *     step make                    before each step
 *     made TARGET DEV INO …        after the overlays were made
 *
 * Version 2 had no `config`, and the steps in another order: make, stop, define, mark, fork, start.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/journal/record.h"
#include "model/revert/overlays_plan.h"

static const char *const step_names[REVERT_STEPS] = {
    [REVERT_PLANNED] = "plan", [REVERT_MAKE] = "make",     [REVERT_DEFINE] = "define",
    [REVERT_STOP] = "stop",    [REVERT_START] = "start",   [REVERT_MARK] = "mark",
    [REVERT_FORK] = "fork",    [REVERT_REMOVE] = "remove", [REVERT_BACK] = "back",
    [REVERT_UNDO] = "undo",
};

/* ---- writing ---- */

static void put_disk(struct text *t, const struct revert_disk *disk)
{
    text_add(t, "disk");
    record_put(t, disk->target);
    record_put(t, disk->content);
    record_put(t, disk->format);
    record_put(t, disk->overlay);
    text_add(t, " %d %d\n", disk->captured, disk->forked);
}

int revert_record(struct journal *j, const struct revert *rv, struct err *e)
{
    autotext struct text t = {0};
    text_add(&t, "revert 3\n");
    record_field(&t, "uri", rv->uri);
    record_field(&t, "snapshot", rv->snapshot);
    record_field(&t, "current", rv->current);
    record_field(&t, "memory", rv->memory);
    record_field(&t, "config", rv->config);
    record_field(&t, "maker", rv->maker);
    text_add(&t, "state %u %d %d %d\n", rv->flags, rv->start, rv->active, rv->leaf);
    text_add(&t, "prints %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", rv->snapshots, rv->config_before,
             rv->config_after);
    for (size_t i = 0; i < rv->n; i++)
        put_disk(&t, &rv->disks[i]);
    leftovers_put(&rv->left, &t);
    text_add(&t, "ready\n");
    return record_add(j, &t, e);
}

int revert_record_made(struct journal *j, const struct revert *rv, struct err *e)
{
    autotext struct text t = {0};
    for (size_t i = 0; i < rv->n; i++) {
        const struct revert_disk *disk = &rv->disks[i];
        text_add(&t, "made");
        record_put(&t, disk->target);
        text_add(&t, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", disk->new_dev,
                 disk->new_ino, disk->new_size, disk->new_mtime);
    }
    return rv->n ? record_add(j, &t, e) : 0;
}

int revert_record_step(struct journal *j, enum revert_step step, struct err *e)
{
    return record_step(j, step_names, step, e);
}

/* ---- reading ---- */

static bool read_state(const struct record_line *l, struct revert *rv)
{
    uint64_t v[4];
    if (!record_numbers(l, 1, v, 4))
        return false;
    rv->flags = (unsigned)v[0];
    rv->start = v[1], rv->active = v[2], rv->leaf = v[3];
    return true;
}

static bool read_prints(const struct record_line *l, struct revert *rv)
{
    uint64_t v[3];
    if (!record_numbers(l, 1, v, 3))
        return false;
    rv->snapshots = v[0], rv->config_before = v[1], rv->config_after = v[2];
    return true;
}

static bool read_disk(const struct record_line *l, struct revert *rv)
{
    uint64_t v[2];
    char *const *f = l->fields;
    if (!record_numbers(l, 5, v, 2))
        return false;
    struct revert_disk *disk = revert_add(rv, f[1], f[2], f[3], f[4]);
    if (disk)
        disk->captured = v[0], disk->forked = v[1];
    return disk != NULL;
}

static bool read_made(const struct record_line *l, struct revert *rv)
{
    uint64_t v[4];
    if (!record_numbers(l, 2, v, 4))
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

static bool read_step(const struct record_line *l, struct revert *rv)
{
    int step;
    bool known = record_read_step(l, step_names, REVERT_STEPS, &step);
    if (known)
        rv->step = (enum revert_step)step;
    return known;
}

static bool read_maker(const struct record_line *l, struct revert *rv)
{
    if (l->n != 2 || strlen(l->fields[1]) >= sizeof(rv->maker))
        return false;
    snprintf(rv->maker, sizeof(rv->maker), "%s", l->fields[1]);
    return true;
}

struct reading {
    struct revert *rv;
    bool ready;
};

static bool read_line(void *ctx, const struct record_line *l)
{
    struct reading *reading = ctx;
    struct revert *rv = reading->rv;
    const char *word = l->fields[0];
    if (!strcmp(word, "uri"))
        return record_keep(&rv->uri, l);
    if (!strcmp(word, "snapshot"))
        return record_keep(&rv->snapshot, l);
    if (!strcmp(word, "current"))
        return record_keep(&rv->current, l);
    if (!strcmp(word, "memory"))
        return record_keep(&rv->memory, l);
    if (!strcmp(word, "config"))
        return record_keep(&rv->config, l);
    if (!strcmp(word, "maker"))
        return read_maker(l, rv);
    if (!strcmp(word, "state"))
        return read_state(l, rv);
    if (!strcmp(word, "prints"))
        return read_prints(l, rv);
    if (!strcmp(word, "disk"))
        return read_disk(l, rv);
    if (!strcmp(word, "left"))
        return leftovers_read(&rv->left, l);
    if (!strcmp(word, "step"))
        return read_step(l, rv);
    if (!strcmp(word, "made"))
        return read_made(l, rv);
    if (strcmp(word, "ready") != 0)
        return !strcmp(word, "revert") && l->n == 2 &&
               (!strcmp(l->fields[1], "2") || !strcmp(l->fields[1], "3"));
    reading->ready = true;
    return rv->uri && rv->snapshot && rv->current && rv->memory && *rv->maker;
}

int revert_read(const char *text, struct revert **ret, struct err *e)
{
    struct revert *rv autodestroy(revert_free) = calloc(1, sizeof(*rv));
    struct reading reading = {.rv = rv};
    *ret = NULL;
    if (!rv)
        return err_nomem(e);
    int r = record_read(text, read_line, &reading, e);
    if (r < 0 || !reading.ready)
        return r;
    if (!rv->config && (rv->step == REVERT_MARK || rv->step == REVERT_FORK))
        rv->step = REVERT_START; /* which came after them */
    *ret = take(rv);
    return 0;
}
