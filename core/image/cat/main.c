/* main.c - snapfs-cat: the image reader as a command, with neither libvirt nor a mount. */
#include <signal.h>

#include "base/printable.h"
#include "config.h"
#include "image/cat/interrupt.h"
#include "image/cat/output.h"

static int run_on_image(const struct cat_options *o, struct err *e)
{
    autodestroy(image_unref) struct image *im = NULL;
    int r = image_open(&o->source, NULL, &im, e);
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
    signal(SIGPIPE, SIG_IGN); /* EPIPE and EFBIG are told like any other error */
    signal(SIGXFSZ, SIG_IGN);
    if (run(argc, argv, &e) == 0)
        return 0;
    printable(e.text);
    fprintf(stderr, "snapfs-cat: %s\n", e.text);
    interrupt_obey();
    return 1;
}
