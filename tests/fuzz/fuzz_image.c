/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_image.c - the input is a whole file: open it as a qcow2, list its snapshots, read and map
 * it, and follow its chain as what it looks like. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "image/image.h"
#include "image/layers.h"
#include "image/tags.h"

enum { READ = 65536, READS_MAX = 64, EXTENTS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file itself and nothing that it names. */
static int allow(void *ctx, const char *path, struct err *e)
{
    return strcmp(path, ctx) ? err_fail(e, EACCES, "'%s' is not for this test", path) : 0;
}

static void walk(struct image *im)
{
    static char buf[READ];
    uint64_t pos = 0, size = image_size(im);
    for (int i = 0; i < READS_MAX && pos < size; i++) {
        (void)image_read(im, buf, sizeof(buf), pos, NULL);
        if (image_seek_data(im, pos + READ, &pos, NULL) < 0)
            break;
    }
    struct image_extent x = {0};
    pos = 0;
    for (int i = 0; i < EXTENTS_MAX && image_map(im, pos, UINT64_MAX, &x, NULL) == 0; i++)
        pos += x.length;
    (void)image_read(im, buf, sizeof(buf), size > READ ? size - READ : 0, NULL);
}

static void open_state(char *path, const char *tag, bool memory)
{
    struct image_source source = {.path = path, .format = "qcow2", .tag = tag, .memory = memory};
    struct image_policy policy = {.ctx = path, .allow = allow};
    struct err e;
    autodestroy(image_unref) struct image *im = NULL;
    if (image_open(&source, &policy, &im, &e) == 0)
        walk(im);
}

static void follow(char *path)
{
    struct image_source source = {.path = path};
    struct image_policy policy = {.ctx = path, .allow = allow};
    struct image_layer *layers = NULL;
    size_t n = 0;
    bool unknown = false;
    struct err e = {0};
    int r = image_layers(&source, &policy, &layers, &n, &unknown, &e);
    if (n != 1 || layers[0].format || r == 0 || e.no != -r)
        __builtin_trap(); /* it is there, and its format was not given */
    image_layers_free(layers, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoclose int fd = memfd_create("fuzz", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}}; /* a young file is waited for */
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || futimens(fd, old) < 0)
        return 0;
    struct image_source source = {.path = path, .format = "qcow2"};
    autodestroy(image_tags_free) struct image_tags *tags = NULL;
    follow(path);
    open_state(path, NULL, false);
    if (image_tags_read(&source, NULL, &tags, NULL) < 0 || !tags->n)
        return 0;
    open_state(path, tags->tags[tags->n - 1].name, false);
    open_state(path, tags->tags[tags->n - 1].name, true);
    return 0;
}
