/* SPDX-License-Identifier: GPL-3.0-or-later */
/* later.c - see change/later.h. No locks of its own: called under the domain's operation. */
#include "model/change/later.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "model/catalog/domain.h"
#include "model/journal/keep.h"
#include "model/storage/file_marks.h"
#include "virt/xml.h"

#define KIND "later"
#define BASE "base"
#define OVERLAY "overlay"

enum { VALUE_SIZE = 40 };

struct pair {
    const char *base, *overlay; /* NULL for none */
};

/* Makes the value: the kind of file, and the inode's number. The number tells it from another file
 * of its name. */
static bool value_of(const char *what, const char *path, char ret[VALUE_SIZE])
{
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    snprintf(ret, VALUE_SIZE, "%s %" PRIu64, what, (uint64_t)st.st_ino);
    return true;
}

static bool is_value(void *ctx, uid_t by, const char *value)
{
    (void)by;
    return !strcmp(value, ctx);
}

static bool is(const struct kept *kept, const char *what, const char *path)
{
    char value[VALUE_SIZE];
    return value_of(what, path, value) && kept_find(kept, KIND, path, path, is_value, value);
}

bool later_is_base(const struct kept *kept, const char *path)
{
    return mark_is_base(path) || is(kept, BASE, path);
}

bool later_is_overlay(const struct kept *kept, const char *path)
{
    return is(kept, OVERLAY, path);
}

static void set(struct kept *k, const char *what, const char *path)
{
    char value[VALUE_SIZE];
    if (path && value_of(what, path, value))
        kept_set(k, KIND, path, value);
}

static int put_pair(void *ctx, struct kept *k)
{
    const struct pair *p = ctx;
    set(k, BASE, p->base);
    set(k, OVERLAY, p->overlay);
    return 0;
}

static int drop_pair(void *ctx, struct kept *k)
{
    const struct pair *p = ctx;
    kept_drop(k, KIND, p->base);
    kept_drop(k, KIND, p->overlay);
    return 0;
}

void later_note_base(struct model *m, const struct domain *d, const struct snapshot_disk *disk)
{
    struct pair p = {.base = disk->path};
    mark_base(disk->path);
    keep(m, d->uuid, put_pair, &p);
}

void later_note_overlay(struct model *m, const struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk)
{
    struct pair p = {.overlay = snapshot_overlay(s, disk->target)};
    if (p.overlay)
        keep(m, d->uuid, put_pair, &p);
}

void later_done(struct model *m, const char *uuid, const char *base, const char *overlay)
{
    struct pair p = {base, overlay};
    mark_no_base(base);
    keep(m, uuid, drop_pair, &p);
}
