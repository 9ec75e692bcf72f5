/* tag_backing.c - see storage/tag_backing.h. No locks. */
#include "model/storage/tag_backing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file_birth.h"
#include "base/hash.h"
#include "model/catalog/catalog.h"
#include "model/journal/keep_later.h"
#include "model/journal/kept.h"
#include "model/reader/tag_dirs.h"

#define KIND "below"

enum { KEY_SIZE = 20 };

static const char *key_of(uint64_t state, char ret[KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%016" PRIx64, state);
    return ret;
}

void tag_backing_note(struct model *m, const struct domain *d, uint64_t state, const char *path,
                      const char *format)
{
    char key[KEY_SIZE];
    struct file_birth birth;
    autotext struct text value = {0};
    if (!path || !format || kept_get(d->kept, KIND, key_of(state, key)) ||
        file_birth(path, &birth) < 0)
        return;
    text_add(&value, "%" PRIu64 " %" PRIu64 " %s %s", birth.ino, birth.ns, format, path);
    if (value.s && !value.failed)
        keep_later(m->keep_later, d->uuid, KIND, key, value.s);
}

void tag_backing_find(const struct domain *d, const struct snapshot_disk *disk,
                      struct tag_backing *ret)
{
    char key[KEY_SIZE];
    struct file_birth then, now;
    int at = 0;
    uint64_t state =
        disk->stray ? image_id_lasting(HASH_START, &disk->stray->identity) : disk->state;
    *ret = (struct tag_backing){0};
    const char *value = disk->tag ? kept_get(d->kept, KIND, key_of(state, key)) : NULL;
    if (!value ||
        sscanf(value, "%" SCNu64 " %" SCNu64 " %31s %n", &then.ino, &then.ns, ret->format, &at) <
            3 ||
        value[at] != '/')
        return;
    ret->path = value + at;
    ret->there = file_birth(ret->path, &now) == 0 && now.ino == then.ino && now.ns == then.ns;
}
