/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layer.c - opening and closing one layer; see layer.h. No locks. */
#include "image/layer.h"

#include <errno.h>

#include "image/export.h"
#include "image/foreign_size.h"
#include "image/path.h"
#include "image/snapshot_find.h"

int layer_kind_of(const struct image_source *source, struct err *e)
{
    const char *format = source->format;
    if (!format || !*format)
        return err_fail(e, EINVAL, "the format of '%s' is not given, and it is never guessed",
                        source->path);
    /* QEMU and libvirt treat QEMU's protocol drivers, if named as a format, as raw. */
    static const char *const raw[] = {"raw", "file", "host_device"};
    for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++)
        if (!strcmp(format, raw[i]))
            return LAYER_RAW;
    if (!strcmp(format, "qcow2"))
        return LAYER_QCOW2;
    int foreign = foreign_find(format);
    if (foreign >= 0)
        return LAYER_FOREIGN + foreign;
    return err_fail(e, EOPNOTSUPP, "'%s' has format '%s', which is not read here", source->path,
                    format);
}

void layer_close(struct layer *l)
{
    if (!l)
        return;
    live_free(l->live);
    export_free(l->export);
    if (l->data != l->file)
        file_close(l->data);
    file_close(l->file);
    secret_drop(&l->secret);
    free(l->backing);
    free(l->lost);
    free(l->backing_format);
    free(l->tag);
    free(l);
}

int layer_damaged(const struct layer *l, uint64_t offset, const char *what, struct err *e)
{
    return err_fail(e, EIO, "'%s' is damaged at byte %ju of the %s: %s", l->file->path,
                    (uintmax_t)offset, l->memory ? "saved memory" : "disk", what);
}

/* Copies the names. `h` keeps its names, because snapfs compares `h` with later headers. */
static int take_names(struct layer *l, const struct header *h, struct err *e)
{
    struct err why;
    int r = h->backing ? path_resolve(l->file->path, h->backing, &l->backing, &why) : 0;
    if (r == -ENOMEM)
        return err_nomem(e);
    l->lost = r < 0 ? malloc(sizeof(why)) : NULL;
    if (r < 0 && !l->lost)
        return err_nomem(e);
    if (r < 0)
        *l->lost = why;
    l->backing_format = h->ext.backing_format ? strdup(h->ext.backing_format) : NULL;
    return h->ext.backing_format && !l->backing_format ? err_nomem(e) : 0;
}

/* Opens the raw file that has the data clusters. */
static int open_data_file(struct layer *l, const struct header *h,
                          const struct image_policy *policy, struct err *e)
{
    if (!(h->incompatible & INCOMPAT_DATA_FILE)) {
        l->data = l->file;
        return 0;
    }
    if (!h->ext.data_name)
        return err_fail(e, EINVAL, "'%s' needs a data file and does not name it", l->file->path);
    autofree char *path = NULL;
    int r = path_resolve(l->file->path, h->ext.data_name, &path, e);
    if (r < 0)
        return r;
    r = file_open(path, policy, &l->data, e);
    if (r < 0)
        return r;
    if (file_is_remote(l->data))
        return err_fail(e, EOPNOTSUPP, "'%s' has its data on another host", l->file->path);
    if (file_same(l->data, l->file))
        return err_fail(e, ELOOP, "'%s' names itself as its data file", l->file->path);
    return file_settle(l->data, e);
}

static void take_mapping(struct layer *l, const struct header *h)
{
    l->size = h->size;
    l->l1_offset = h->l1_offset;
    l->l1_size = h->l1_size;
    l->compression = h->compression;
    l->l2_bits = header_l2_bits(h);
    l->rules = (struct cluster_rules){
        .version = h->version,
        .cluster_bits = h->cluster_bits,
        .extended = (h->incompatible & INCOMPAT_EXTENDED_L2) != 0,
        .data_file = (h->incompatible & INCOMPAT_DATA_FILE) != 0,
    };
}

static int take_snapshot(struct layer *l, const struct image_source *source, struct header *h,
                         uint8_t **bytes, struct err *e)
{
    struct snapshot_find w = {.tag = source->tag, .id = source->id, .memory = source->memory};
    int r = snapshot_find(&w, l->file, h, bytes, e);
    if (r == 0)
        r = live_new(l->file, h, bytes, &w.entry, w.entry_len, &l->live, e);
    if (r == 0)
        r = live_check(l->live, e);
    if (r == 0)
        l->tag = take(w.name);
    snapshot_find_drop(&w);
    l->entry_hash = w.hash;
    l->l1_offset = w.l1_offset;
    l->l1_size = w.l1_size;
    l->base = w.base;
    l->size = w.size;
    return r;
}

static int ask_secret(const char *path, const struct image_policy *policy, struct secret *ret,
                      struct err *e)
{
    if (policy && policy->secret)
        return policy->secret(policy->ctx, path, ret, e);
    return err_fail(e, EACCES, "'%s' is encrypted, and no passphrase is given", path);
}

bool layer_is_open_to(const struct layer *l, const struct image_policy *policy)
{
    autosecret struct secret s = {0};
    struct err ignored;
    return !l->secret.bytes ||
           (ask_secret(l->file->path, policy, &s, &ignored) == 0 && secret_equal(&s, &l->secret));
}

/* Makes the layer's export. Its process starts when bytes are needed. */
static int open_export(struct layer *l, const char *options, const struct image_policy *policy,
                       struct err *e)
{
    int r = options ? ask_secret(l->file->path, policy, &l->secret, e) : 0;
    if (r < 0)
        return r;
    const struct export_source source = {.file = l->file,
                                         .driver = l->format,
                                         .options = options,
                                         .secret = &l->secret,
                                         .size = l->size,
                                         .names_files = foreign_names_files(l->format)};
    l->data = l->file;
    return export_new(&source, &l->export, e);
}

/* Opens a qcow2 with encrypted clusters. Only the clusters are encrypted, so its chain continues as
 * any other. */
static int open_encrypted(struct layer *l, const struct image_source *source,
                          const struct header *h, const struct image_policy *policy, struct err *e)
{
    static const char aes[] =
        "\"encrypt\":{\"format\":\"aes\",\"key-secret\":\"" EXPORT_SECRET "\"},";
    static const char luks[] =
        "\"encrypt\":{\"format\":\"luks\",\"key-secret\":\"" EXPORT_SECRET "\"},";
    if (source->tag || source->id || (h->incompatible & INCOMPAT_DATA_FILE))
        return err_fail(e, EOPNOTSUPP,
                        "'%s' is encrypted; internal snapshots and data files of such images are "
                        "not read here",
                        l->file->path);
    return open_export(l, h->encryption == ENCRYPTION_AES ? aes : luks, policy, e);
}

static int open_state(struct layer *l, const struct image_source *source, struct header *h,
                      uint8_t **bytes, const struct image_policy *policy, struct err *e)
{
    if (l->memory && !source->tag && !source->id)
        return err_fail(e, EINVAL, "the memory in '%s' is a snapshot's, and none is named",
                        l->file->path);
    take_mapping(l, h);
    int r = take_names(l, h, e);
    if (r < 0)
        return r;
    if (h->encryption)
        return open_encrypted(l, source, h, policy, e);
    r = open_data_file(l, h, policy, e);
    if (r < 0)
        return r;
    if (source->tag || source->id)
        return take_snapshot(l, source, h, bytes, e);
    return header_check_l1(h, l->file->path, h->l1_offset, h->l1_size, h->size, l->file->size, e);
}

static int open_qcow2(struct layer *l, const struct image_source *source,
                      const struct image_policy *policy, struct err *e)
{
    struct header h = {0};
    autofree uint8_t *bytes = NULL;
    int r = header_load(l->file, &h, &bytes, e);
    if (r < 0)
        return r;
    r = open_state(l, source, &h, &bytes, policy, e);
    header_drop(&h);
    return r;
}

static int open_raw(struct layer *l, const struct image_source *source, struct err *e)
{
    if (source->tag || source->id)
        return err_fail(e, ENOENT, "'%s' is raw and has no snapshots", source->path);
    if (l->file->size > INT64_MAX - VIRTUAL_SECTOR)
        return err_fail(e, EINVAL, "'%s' is larger than any disk can be", source->path);
    l->data = l->file;
    l->size = l->file->size;
    if (!l->memory)
        l->size = (l->size + VIRTUAL_SECTOR - 1) / VIRTUAL_SECTOR * VIRTUAL_SECTOR;
    return 0;
}

static int open_foreign(struct layer *l, const struct image_source *source,
                        const struct image_policy *policy, struct err *e)
{
    int foreign = (int)l->kind - LAYER_FOREIGN;
    l->format = foreign_name(foreign);
    if (l->memory)
        return err_fail(e, EINVAL, "'%s' is a %s, which holds no memory", source->path, l->format);
    if (source->tag || source->id)
        return err_fail(e, EOPNOTSUPP, "cannot read a snapshot in '%s': it is a %s", source->path,
                        l->format);
    int r = foreign_size(l->file, foreign, &l->size, e);
    return r < 0 ? r : open_export(l, foreign_options(foreign), policy, e);
}

/* Opens a disk on another host. Only the server knows its size. */
static int open_remote(struct layer *l, const struct image_policy *policy, struct err *e)
{
    if (l->kind != LAYER_RAW)
        return err_fail(e, EOPNOTSUPP,
                        "'%s' is not raw; from other hosts snapfs reads only raw disks",
                        l->file->path);
    l->size = EXPORT_SIZE_UNKNOWN;
    int r = open_export(l, NULL, policy, e);
    return r < 0 ? r : export_start(l->export, &l->size, e);
}

static int open_kind(struct layer *l, const struct image_source *source,
                     const struct image_policy *policy, struct err *e)
{
    l->format = l->kind == LAYER_RAW ? "raw" : "qcow2";
    if (file_is_remote(l->file))
        return open_remote(l, policy, e);
    if (l->kind >= LAYER_FOREIGN)
        return open_foreign(l, source, policy, e);
    return l->kind == LAYER_RAW ? open_raw(l, source, e) : open_qcow2(l, source, policy, e);
}

int layer_open(const struct image_source *source, const struct file_seen *file,
               const struct image_policy *policy, struct layer **ret, struct err *e)
{
    int kind = layer_kind_of(source, e);
    if (kind < 0)
        return kind;
    autodestroy(layer_close) struct layer *l = calloc(1, sizeof(*l));
    if (!l)
        return err_nomem(e);
    l->kind = (enum layer_kind)kind;
    l->memory = source->memory;
    l->owner = cache_owner();
    int r = file_open_seen(file, &l->file, e);
    if (r < 0)
        return r;
    r = source->tag || source->id ? 0 : file_settle(l->file, e);
    if (r < 0)
        return r;
    r = open_kind(l, source, policy, e);
    if (r < 0)
        return r;
    r = l->live ? 0 : layer_check(l, e);
    if (r < 0)
        return r;
    *ret = take(l);
    return 0;
}

int layer_check(struct layer *l, struct err *e)
{
    if (l->live)
        return live_check(l->live, e);
    int r = file_unchanged(l->file, e);
    return r < 0 || l->data == l->file ? r : file_unchanged(l->data, e);
}
