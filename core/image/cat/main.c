/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c - snapfs-cat: the image reader as a command, without libvirt and without a mount. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/printable.h"
#include "config.h"
#include "image/cat/interrupt.h"
#include "image/cat/output.h"

/* Reads all of the file, which may be a pipe. */
static int read_secret(const char *path, struct secret *ret, struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ret->bytes = malloc(SECRET_MAX);
    if (!ret->bytes)
        return err_nomem(e);
    ssize_t n = fd < 0 ? -1 : io_read(fd, ret->bytes, SECRET_MAX);
    if (n < 0)
        return err_fail(e, errno, "cannot read '%s': %s", path, strerrordesc_np(errno));
    ret->len = (size_t)n;
    return ret->len && ret->len < SECRET_MAX
               ? 0
               : err_fail(e, EINVAL, "'%s' holds no passphrase", path);
}

/* Gives the one passphrase to every layer. */
static int give_secret(void *ctx, const char *path, struct secret *ret, struct err *e)
{
    const struct secret *s = ctx;
    if (!s->len)
        return err_fail(e, EACCES,
                        "'%s' is encrypted: name the file with the passphrase by --secret", path);
    ret->bytes = malloc(s->len);
    if (!ret->bytes)
        return err_nomem(e);
    memcpy(ret->bytes, s->bytes, s->len);
    ret->len = s->len;
    return 0;
}

static int run_on_image(const struct cat_options *o, struct err *e)
{
    autodestroy(image_unref) struct image *im = NULL;
    autosecret struct secret secret = {0};
    const struct image_policy policy = {.ctx = &secret, .secret = give_secret};
    int r = o->secret ? read_secret(o->secret, &secret, e) : 0;
    if (r == 0)
        r = image_open(&o->source, &policy, &im, e);
    if (r < 0)
        return r;
    switch (o->action) {
    case CAT_MAP:
        return output_map(im, o, e);
    case CAT_INFO:
        return output_info(im, o, e);
    case CAT_COPY:
        return output_copy(im, o, e);
    default:
        return output_bytes(im, o, e);
    }
}

static int run(int argc, char **argv, struct err *e)
{
    static const char version[] = "snapfs-cat " SNAPFS_VERSION "\n";
    struct cat_options o;
    int r = cat_options_parse(argc, argv, &o, e);
    if (r < 0)
        return r;
    if (o.action == CAT_HELP)
        return output_write(cat_help, strlen(cat_help), e);
    if (o.action == CAT_VERSION)
        return output_write(version, sizeof(version) - 1, e);
    return run_on_image(&o, e);
}

int main(int argc, char **argv)
{
    struct err e = {0};
    signal(SIGPIPE, SIG_IGN); /* so that EPIPE and EFBIG are ordinary errors */
    signal(SIGXFSZ, SIG_IGN);
    if (run(argc, argv, &e) == 0)
        return 0;
    printable(e.text);
    if (e.no != EPIPE) /* a reader such as head(1) has ended */
        fprintf(stderr, "snapfs-cat: %s\n", e.text);
    interrupt_obey();
    return 1;
}
