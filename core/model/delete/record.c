/* record.c - a delete in the journal: lines of journal/record.h. No locks.
 *
 *     delete 2                     the version of all this
 *     uri URI
 *     snapshot NAME
 *     state CREATED …
 *     disk TARGET BASE …           one a disk that is to be merged
 *     left PATH …                  one a file (change/reclaim.h)
 *     force                        if images that no domain has do not count
 *     ready                        from here on something may have been begun
 *     step merge                   before each step
 *     pivoting TARGET              before the live disk is told to be the content
 *     merged TARGET                after that, or after a merge below the live disk
 */
#include <inttypes.h>
#include <string.h>

#include "model/delete/plan.h"
#include "model/journal/record.h"

static const char *const step_names[DELETE_STEPS] = {
    [DELETE_PLANNED] = "plan",  [DELETE_START] = "start",   [DELETE_MERGE] = "merge",
    [DELETE_STOP] = "stop",     [DELETE_MOVE] = "move",     [DELETE_HIDE] = "hide",
    [DELETE_FORGET] = "forget", [DELETE_REMOVE] = "remove",
};

void delete_drop_disks(struct delete *del)
{
    for (size_t i = 0; i < del->n; i++) {
        free(del->disks[i].target);
        free(del->disks[i].base);
        free(del->disks[i].format);
        free(del->disks[i].top);
        free(del->disks[i].above);
    }
    free(take(del->disks));
    del->n = 0;
}

void delete_free(struct delete *del)
{
    if (!del)
        return;
    delete_drop_disks(del);
    leftovers_drop(&del->left);
    free(del->uri);
    free(del->snapshot);
    free(del);
}

bool delete_add(struct delete *del, const char *target, const char *base, const char *format,
                const char *top, const char *above)
{
    struct delete_disk *more = reallocarray(del->disks, del->n + 1, sizeof(*more));
    if (!more)
        return false;
    del->disks = more;
    struct delete_disk *disk = &more[del->n++];
    *disk = (struct delete_disk){.target = strdup(target),
                                 .base = strdup(base),
                                 .format = strdup(format),
                                 .top = strdup(top),
                                 .above = strdup(above)};
    return disk->target && disk->base && disk->format && disk->top && disk->above;
}

/* ---- writing ---- */

int delete_record(struct journal *j, const struct delete *del, struct err *e)
{
    autotext struct text t = {0};
    text_add(&t, "delete 2\n");
    record_field(&t, "uri", del->uri);
    record_field(&t, "snapshot", del->snapshot);
    text_add(&t, "state %" PRIu64 " %" PRIu64 " %d %d %d %d\n", del->created, del->snapshots,
             del->metadata, del->native, del->hide, del->start);
    for (size_t i = 0; i < del->n; i++) {
        const struct delete_disk *disk = &del->disks[i];
        text_add(&t, "disk");
        record_put(&t, disk->target);
        record_put(&t, disk->base);
        record_put(&t, disk->format);
        record_put(&t, disk->top);
        record_put(&t, disk->above);
        text_add(&t, "\n");
    }
    leftovers_put(&del->left, &t);
    if (del->force)
        text_add(&t, "force\n");
    text_add(&t, "ready\n");
    return record_add(j, &t, e);
}

int delete_record_step(struct journal *j, enum delete_step step, struct err *e)
{
    return record_step(j, step_names, step, e);
}

static int record_disk(struct journal *j, const char *word, const struct delete_disk *disk,
                       struct err *e)
{
    autotext struct text t = {0};
    record_field(&t, word, disk->target);
    return record_add(j, &t, e);
}

int delete_record_pivoting(struct journal *j, struct delete_disk *disk, struct err *e)
{
    int r = disk->pivoting ? 0 : record_disk(j, "pivoting", disk, e);
    disk->pivoting |= r == 0;
    return r;
}

int delete_record_merged(struct journal *j, struct delete_disk *disk, struct err *e)
{
    int r = disk->merged ? 0 : record_disk(j, "merged", disk, e);
    disk->merged |= r == 0;
    return r;
}

/* ---- reading ---- */

static bool read_state(const struct record_line *l, struct delete *del)
{
    uint64_t v[6];
    if (!record_numbers(l, 1, v, 6))
        return false;
    del->created = v[0], del->snapshots = v[1];
    del->metadata = v[2], del->native = v[3], del->hide = v[4], del->start = v[5];
    return true;
}

static bool read_disk(const struct record_line *l, struct delete *del)
{
    char *const *f = l->fields;
    return l->n == 6 && delete_add(del, f[1], f[2], f[3], f[4], f[5]);
}

static bool read_progress(const struct record_line *l, struct delete *del, bool merged)
{
    for (size_t i = 0; l->n == 2 && i < del->n; i++)
        if (!strcmp(del->disks[i].target, l->fields[1])) {
            *(merged ? &del->disks[i].merged : &del->disks[i].pivoting) = true;
            return true;
        }
    return false;
}

static bool read_step(const struct record_line *l, struct delete *del)
{
    int step;
    bool known = record_read_step(l, step_names, DELETE_STEPS, &step);
    if (known)
        del->step = (enum delete_step)step;
    return known;
}

struct reading {
    struct delete *del;
    bool ready;
};

static bool read_line(void *ctx, const struct record_line *l)
{
    struct reading *reading = ctx;
    struct delete *del = reading->del;
    const char *word = l->fields[0];
    if (!strcmp(word, "uri"))
        return record_keep(&del->uri, l);
    if (!strcmp(word, "snapshot"))
        return record_keep(&del->snapshot, l);
    if (!strcmp(word, "state"))
        return read_state(l, del);
    if (!strcmp(word, "disk"))
        return read_disk(l, del);
    if (!strcmp(word, "left"))
        return leftovers_read(&del->left, l);
    if (!strcmp(word, "force"))
        return del->force = true;
    if (!strcmp(word, "step"))
        return read_step(l, del);
    if (!strcmp(word, "pivoting") || !strcmp(word, "merged"))
        return read_progress(l, del, *word == 'm');
    if (strcmp(word, "ready") != 0)
        return !strcmp(word, "delete") && l->n == 2 && !strcmp(l->fields[1], "2");
    reading->ready = true;
    return del->uri && del->snapshot;
}

int delete_read(const char *text, struct delete **ret, struct err *e)
{
    struct delete *del autodestroy(delete_free) = calloc(1, sizeof(*del));
    struct reading reading = {.del = del};
    *ret = NULL;
    if (!del)
        return err_nomem(e);
    int r = record_read(text, read_line, &reading, e);
    if (r == 0 && reading.ready)
        *ret = take(del);
    return r;
}
