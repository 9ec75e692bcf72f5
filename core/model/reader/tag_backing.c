/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_backing.c - see reader/tag_backing.h. No locks. */
#include "model/reader/tag_backing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file_birth.h"
#include "base/hash.h"
#include "model/journal/keep_later.h"
#include "model/journal/kept.h"
#include "model/reader/content_time.h"
#include "model/reader/policy.h"
#include "model/catalog/tag_dirs.h"
#include "model/state.h"
#include "model/storage/file_chain.h"

#define KIND "backing"

enum { KEY_SIZE = 20 };

/* The identity of the file below, and the time of its content. */
struct below {
    struct file_birth birth;
    uint64_t content_ns; /* reader/evidence.h */
};

static bool look(const struct domain *d, const char *path, struct below *ret)
{
    struct stat st;
    *ret = (struct below){0};
    if (!follow_stat(policy_mounts(d), path, &st) || file_birth(path, &ret->birth) < 0)
        return false;
    ret->content_ns = evidence_content(d->kept, path);
    return true;
}

static bool is_same(const struct below *a, const struct below *b)
{
    return a->birth.ino == b->birth.ino && a->birth.ns == b->birth.ns &&
           a->content_ns == b->content_ns;
}

/* Makes the key of the tag in that very file. QEMU gives the tags of a snapshot the same date and
 * name in all disks, and a copy of a file has them too. */
static bool key_of(const struct domain *d, const char *file, uint64_t state, char ret[KEY_SIZE])
{
    struct below holder;
    if (!look(d, file, &holder))
        return false;
    uint64_t h = hash_u64(hash_str(HASH_START, file), state);
    h = hash_u64(hash_u64(h, holder.birth.ino), holder.birth.ns);
    snprintf(ret, KEY_SIZE, "%016" PRIx64, hash_end(h));
    return true;
}

void tag_backing_note(struct model *m, const struct domain *d, const char *file, uint64_t state,
                      const char *path, const char *format)
{
    char key[KEY_SIZE];
    struct below now;
    autotext struct text value = {0};
    if (!path || !format || !key_of(d, file, state, key) || kept_get(d->kept, KIND, key) ||
        !look(d, path, &now))
        return;
    text_add(&value, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s", now.birth.ino, now.birth.ns,
             now.content_ns, format, path);
    if (value.s && !value.failed)
        keep_later(m->keep_later, d->uuid, KIND, key, value.s);
}

void tag_backing_find(const struct domain *d, const struct snapshot_disk *disk,
                      struct tag_backing *ret)
{
    char key[KEY_SIZE];
    struct below then, now;
    int at = 0;
    uint64_t state = disk->untracked_tag
                         ? image_id_lasting(HASH_START, &disk->untracked_tag->identity)
                         : disk->state;
    *ret = (struct tag_backing){0};
    const char *value = disk->tag && disk->path && key_of(d, disk->path, state, key)
                            ? kept_get(d->kept, KIND, key)
                            : NULL;
    if (!value ||
        sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %31s %n", &then.birth.ino,
               &then.birth.ns, &then.content_ns, ret->format, &at) < 4 ||
        value[at] != '/')
        return;
    ret->path = value + at;
    ret->there = look(d, ret->path, &now) && is_same(&then, &now);
}
