/* SPDX-License-Identifier: GPL-3.0-or-later */
/* half_merge.c - see half_merge.h. No locks of its own: called under the domain's operation. */
#include "model/delete/half_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_id.h"
#include "base/program.h"
#include "image/image.h"
#include "image/layers.h"
#include "model/activity/progress.h"
#include "model/activity/task.h"
#include "model/reader/evidence.h"
#include "model/state.h"

enum { PIECE = 1024 * 1024 };

/* ---- the bytes ---- */

/* Opens a file with those layers below it. */
static int open_on(const char *path, const char *format, const struct image_layer *layers, size_t n,
                   struct image **ret, struct err *e)
{
    const struct image_policy any = {0};
    autofree struct image_below *below = calloc(n + 1, sizeof(*below));
    if (!below)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        below[i] = (struct image_below){.path = layers[i].path, .format = layers[i].format};
    struct image_source source = {
        .path = path, .format = format, .below = below, .n_below = n, .ends = true};
    return image_open(&source, &any, ret, e);
}

/* Reads that part of the image. Bytes past the image's end count as zeros. */
static int read_part(struct image *im, uint64_t offset, size_t len, unsigned char *buf,
                     struct err *e)
{
    memset(buf, 0, len);
    if (offset >= image_size(im))
        return 0;
    ssize_t n = image_read(im, buf, len, offset, e);
    return n < 0 ? (int)n : 0;
}

/* Returns 1 if both images have the same bytes in that extent, 0 if not, or -errno. `bufs` has room
 * for two pieces. */
static int compare_extent(struct image *a, struct image *b, uint64_t offset, uint64_t len,
                          unsigned char *bufs, struct err *e)
{
    int r = 0;
    for (uint64_t end = offset + len; r == 0 && offset < end; offset += PIECE) {
        size_t part = (size_t)min_u64(PIECE, end - offset);
        r = read_part(a, offset, part, bufs, e);
        if (r == 0)
            r = read_part(b, offset, part, bufs + PIECE, e);
        if (r == 0 && memcmp(bufs, bufs + PIECE, part) != 0)
            return 0;
    }
    return r < 0 ? r : 1;
}

/* Does the same for every extent that the top layer of `top` defines. */
static int compare(struct image *top, struct image *base, struct err *e)
{
    autofree unsigned char *bufs = malloc(2 * (size_t)PIECE);
    struct image_extent x;
    int same = bufs ? 1 : err_nomem(e);
    for (uint64_t at = 0; same == 1 && at < image_size(top); at += x.length) {
        int r = task_check(e);
        if (r == 0)
            r = image_map(top, at, image_size(top) - at, &x, e);
        if (r < 0)
            return r;
        if (x.present && x.depth == 0)
            same = compare_extent(top, base, at, x.length, bufs, e);
        progress_set("checking a merge that was cut off", at, image_size(top));
    }
    return same;
}

/* Returns 1 if the base (layers[1]) has all data of the overlay, 0 if not, or -errno. */
static int is_whole(const struct delete_disk *disk, const struct image_layer *layers, size_t n,
                    struct err *e)
{
    struct image *top autodestroy(image_unref) = NULL, *base autodestroy(image_unref) = NULL;
    int r = open_on(disk->top, "qcow2", layers + 1, n - 1, &top, e);
    if (r == 0)
        r = open_on(layers[1].path, layers[1].format, layers + 2, n - 2, &base, e);
    return r == 0 ? compare(top, base, e) : r;
}

/* ---- the link ---- */

static int relink(const struct delete *del, const struct delete_disk *disk, struct err *e)
{
    struct err why;
    const char *const argv[] = {"qemu-img", "rebase", "-u",      "-f",        "qcow2", "-F",
                                "qcow2",    "-b",     disk->top, disk->above, NULL};
    if (program_run(argv, &why) < 0)
        return err_fail(e, EAGAIN,
                        "QEMU ended before '%s' was whole in '%s', and the chain cannot be put "
                        "back: %s; with the domain shut off, run: qemu-img rebase -u -f qcow2 -F "
                        "qcow2 -b '%s' '%s'",
                        disk->top, disk->base, why.text, disk->top, disk->above);
    evidence_written(del->p.m, del->p.uuid, disk->above);
    return err_fail(e, EIO, "QEMU ended before '%s' was whole in '%s'", disk->top, disk->base);
}

/* Lists the chain of the file above, as its header tells it. */
static int list_above(const struct delete_disk *disk, struct image_layer **ret, size_t *ret_n,
                      struct err *e)
{
    const struct image_policy any = {0};
    struct image_source source = {.path = disk->above, .format = "qcow2"};
    bool unknown;
    return image_layers(&source, &any, ret, ret_n, &unknown, e);
}

static int settle(const struct delete *del, const struct delete_disk *disk,
                  const struct image_layer *layers, size_t n, struct err *e)
{
    int whole = is_whole(disk, layers, n, e);
    if (whole == 1 || (whole < 0 && err_is_open(e)))
        return whole == 1 ? 0 : whole;
    if (del->p.now->active)
        return err_fail(e, EAGAIN,
                        "QEMU ended before '%s' was whole in '%s', and the domain runs again; shut "
                        "the domain off",
                        disk->top, disk->base);
    return relink(del, disk, e);
}

int half_merge_settle(const struct delete *del, const struct delete_disk *disk, struct err *e)
{
    struct image_layer *layers = NULL;
    struct stat st;
    size_t n = 0;
    if (!*disk->above || lstat(disk->top, &st) < 0)
        return 0;
    int r = list_above(disk, &layers, &n, e);
    if (r == 0 && n > 1 && file_has_id_at(disk->base, layers[1].dev, layers[1].ino))
        r = settle(del, disk, layers, n, e);
    image_layers_free(layers, n);
    return r;
}

int half_merge_settle_all(const struct delete *del, struct err *e)
{
    for (size_t i = 0; i < del->n; i++) {
        int r = del->disks[i].merged ? 0 : half_merge_settle(del, &del->disks[i], e);
        if (r < 0 && err_is_open(e))
            return r;
    }
    return 0;
}
