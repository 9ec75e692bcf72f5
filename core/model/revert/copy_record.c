/* copy_record.c - a revert on copies in the journal: lines of journal/record.h. No locks.
 *
 *     copy 1                       the version of all this
 *     uri URI                      and so on, one line a field
 *     disk TARGET FROM TO ENTRY    one a disk
 *     left PATH …                  one a file (change/reclaim.h)
 *     ready                        from here on something may have been begun
 *     step make                    before each step
 */
#include <inttypes.h>
#include <string.h>

#include "model/revert/copy_plan.h"

static const char *const step_names[COPY_STEPS] = {
    [COPY_PLANNED] = "plan",  [COPY_MAKE] = "make",     [COPY_MOVE] = "move",
    [COPY_REVERT] = "revert", [COPY_REMOVE] = "remove", [COPY_UNDO] = "undo",
};

/* ---- writing ---- */

static void put_disk(struct text *t, const struct copy_disk *disk)
{
    text_add(t, "disk");
    record_put(t, disk->target);
    record_put(t, disk->from);
    record_put(t, disk->to);
    text_add(t, " %" PRIu64 "\n", disk->entry);
}

int copy_record(struct journal *j, const struct copying *c, struct err *e)
{
    autotext struct text t = {0};
    text_add(&t, "copy 2\n");
    record_field(&t, "uri", c->uri);
    record_field(&t, "snapshot", c->snapshot);
    record_field(&t, "current", c->current);
    record_field(&t, "before", c->before);
    text_add(&t, "state %d %" PRIu64 " %" PRIu64 "\n", c->active, c->snapshots, c->config);
    for (size_t i = 0; i < c->n; i++)
        put_disk(&t, &c->disks[i]);
    leftovers_put(&c->left, &t);
    text_add(&t, "ready\n");
    return record_add(j, &t, e);
}

int copy_record_step(struct journal *j, enum copy_step step, struct err *e)
{
    return record_step(j, step_names, step, e);
}

/* ---- reading ---- */

static bool read_state(const struct record_line *l, struct copying *c)
{
    uint64_t v[3];
    if (!record_numbers(l, 1, v, 3))
        return false;
    c->active = v[0], c->snapshots = v[1], c->config = v[2];
    return true;
}

static bool read_disk(const struct record_line *l, struct copying *c)
{
    uint64_t entry;
    if (!record_numbers(l, 4, &entry, 1))
        return false;
    struct copy_disk *disk = copying_add(c, l->fields[1], l->fields[2], l->fields[3]);
    if (disk)
        disk->entry = entry;
    return disk != NULL;
}

static bool read_step(const struct record_line *l, struct copying *c)
{
    int step;
    bool known = record_read_step(l, step_names, COPY_STEPS, &step);
    if (known)
        c->step = (enum copy_step)step;
    return known;
}

struct reading_copy {
    struct copying *c;
    bool ready;
};

static bool read_line(void *ctx, const struct record_line *l)
{
    struct reading_copy *reading = ctx;
    struct copying *c = reading->c;
    const char *word = l->fields[0];
    if (!strcmp(word, "uri"))
        return record_keep(&c->uri, l);
    if (!strcmp(word, "snapshot"))
        return record_keep(&c->snapshot, l);
    if (!strcmp(word, "current"))
        return record_keep(&c->current, l);
    if (!strcmp(word, "before"))
        return record_keep(&c->before, l);
    if (!strcmp(word, "state"))
        return read_state(l, c);
    if (!strcmp(word, "disk"))
        return read_disk(l, c);
    if (!strcmp(word, "left"))
        return leftovers_read(&c->left, l);
    if (!strcmp(word, "step"))
        return read_step(l, c);
    if (strcmp(word, "ready") != 0)
        return !strcmp(word, "copy") && l->n == 2 &&
               (!strcmp(l->fields[1], "1") || !strcmp(l->fields[1], "2"));
    reading->ready = true;
    return c->uri && c->snapshot && c->current && c->n;
}

int copy_read(const char *text, struct copying **ret, struct err *e)
{
    struct copying *c autodestroy(copying_free) = calloc(1, sizeof(*c));
    struct reading_copy reading = {.c = c};
    *ret = NULL;
    if (!c)
        return err_nomem(e);
    int r = record_read(text, read_line, &reading, e);
    if (r == 0 && reading.ready)
        *ret = take(c);
    return r;
}
