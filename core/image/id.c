/* SPDX-License-Identifier: GPL-3.0-or-later */
/* id.c - see id.h. */
#include "image/id.h"

#include "base/hash.h"
#include "base/remote.h"

bool image_remote_stat(const char *path, struct stat *ret)
{
    if (!remote_is(path))
        return false;
    *ret = (struct stat){.st_dev = FILE_DEV_REMOTE, .st_ino = hash_end(hash_str(HASH_START, path))};
    return true;
}

bool image_id_equal(const struct image_id *a, const struct image_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->entry == b->entry;
}

uint64_t image_id_hash(uint64_t h, const struct image_id *id)
{
    const uint64_t all[] = {id->dev, id->ino, id->size, id->mtime_ns, id->entry};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        h = hash_u64(h, all[i]);
    return h;
}

uint64_t image_id_lasting(uint64_t h, const struct image_id *id)
{
    bool is_file = id->dev < FILE_DEV_REMOTE;
    return hash_u64(hash_u64(hash_u64(h, id->size), is_file ? id->mtime_ns : 0), id->entry);
}
