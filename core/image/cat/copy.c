/* copy.c - snapfs-cat --output: a sparse copy of the disk, extent by extent. One thread. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "image/cat/output.h"

enum { CHUNK = 1024 * 1024, NEW_FILE_MODE = 0600 /* a disk holds its users' secrets */ };

/* Overwriting a file of the chain would destroy what is being read. */
static int check_target(int fd, const struct cat_options *o, struct err *e)
{
    struct stat st, data;
    if (fstat(fd, &st) < 0)
        return err_fail(e, errno, "cannot stat '%s': %s", o->output, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_fail(e, EINVAL, "'%s' is not a regular file", o->output);
    struct image_layer *layers = NULL;
    size_t n = 0;
    bool unknown;
    int r = image_layers(&o->source, NULL, &layers, &n, &unknown, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        bool same = layers[i].dev == st.st_dev && layers[i].ino == st.st_ino;
        same |= layers[i].data && stat(layers[i].data, &data) == 0 && data.st_dev == st.st_dev &&
                data.st_ino == st.st_ino;
        if (same)
            r = err_fail(e, EINVAL, "'%s' is a file of the image itself", o->output);
    }
    image_layers_free(layers, n);
    return r;
}

static int write_at(int fd, const char *p, size_t len, uint64_t offset, const char *name,
                    struct err *e)
{
    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_fail(e, n ? errno : EIO, "cannot write '%s': %s", name,
                            n ? strerror(errno) : "nothing was written");
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int copy_range(struct image *im, int fd, const struct image_extent *x, char *buf,
                      const char *name, struct err *e)
{
    for (uint64_t pos = x->offset, end = x->offset + x->length; pos < end;) {
        ssize_t n = image_read(im, buf, (size_t)min_u64(CHUNK, end - pos), pos, e);
        if (n < 0)
            return (int)n;
        int r = write_at(fd, buf, (size_t)n, pos, name, e);
        if (r < 0)
            return r;
        pos += (uint64_t)n;
    }
    return 0;
}

static int copy_extents(struct image *im, int fd, const char *name, struct err *e)
{
    autofree char *buf = malloc(CHUNK);
    if (!buf)
        return err_nomem(e);
    uint64_t size = image_size(im);
    if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)size) < 0)
        return err_fail(e, errno, "cannot size '%s': %s", name, strerror(errno));
    for (uint64_t pos = 0; pos < size;) {
        struct image_extent x;
        int r = image_map(im, pos, size - pos, &x, e);
        if (r == 0 && x.data)
            r = copy_range(im, fd, &x, buf, name, e);
        if (r < 0)
            return r;
        pos += x.length;
    }
    return 0;
}

int output_copy(struct image *im, const struct cat_options *o, struct err *e)
{
    const int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(o->output, flags | O_CREAT | O_EXCL, NEW_FILE_MODE);
    bool made = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(o->output, flags);
    if (fd < 0)
        return err_fail(e, errno, "cannot make '%s': %s", o->output, strerror(errno));
    int r = check_target(fd, o, e);
    if (r == 0)
        r = copy_extents(im, fd, o->output, e);
    if (close(fd) < 0 && r == 0)
        r = err_fail(e, errno, "cannot write '%s': %s", o->output, strerror(errno));
    if (r < 0 && made)
        unlink(o->output);
    return r;
}
