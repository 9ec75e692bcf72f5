/* overlays_plan.c - see revert/overlays_plan.h. No locks. Only headers are read, nothing is
 * written. */
#include "model/revert/overlays_plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "model/storage/file_chain.h"

enum { NS = 1000000000 };

void revert_free(struct revert *rv)
{
    if (!rv)
        return;
    for (size_t i = 0; i < rv->n; i++) {
        free(rv->disks[i].target);
        free(rv->disks[i].content);
        free(rv->disks[i].format);
        free(rv->disks[i].overlay);
    }
    free(rv->disks);
    leftovers_drop(&rv->left);
    free(rv->uri);
    free(rv->snapshot);
    free(rv->current);
    free(rv->memory);
    free(rv->config);
    free(rv);
}

struct revert_disk *revert_add(struct revert *rv, const char *target, const char *content,
                               const char *format, const char *overlay)
{
    struct revert_disk *more = reallocarray(rv->disks, rv->n + 1, sizeof(*more));
    if (!more)
        return NULL;
    rv->disks = more;
    struct revert_disk *disk = &more[rv->n++];
    *disk = (struct revert_disk){.target = strdup(target),
                                 .content = strdup(content),
                                 .format = strdup(format),
                                 .overlay = strdup(overlay)};
    return disk->target && disk->content && disk->format && disk->overlay ? disk : NULL;
}

struct xml_moved *revert_moved(const struct revert *rv, bool captured, size_t *ret_n)
{
    struct xml_moved *moved = calloc(rv->n + 1, sizeof(*moved));
    *ret_n = 0;
    for (size_t i = 0; moved && i < rv->n; i++) {
        const struct revert_disk *disk = &rv->disks[i];
        if (disk->captured || !captured)
            moved[(*ret_n)++] = (struct xml_moved){.target = disk->target,
                                                   .content = disk->content,
                                                   .format = disk->format,
                                                   .file = disk->overlay};
    }
    return moved;
}

/* ---- files ---- */

static bool same_file(const struct image_layer *l, const struct stat *st)
{
    return l->dev == st->st_dev && l->ino == st->st_ino;
}

static int check_layers(const struct revert_disk *disk, const struct image_layer *layers, size_t n,
                        struct err *e)
{
    struct stat content;
    if (stat(disk->content, &content) < 0)
        return err_fail(e, errno, "'%s': %s", disk->content, strerrordesc_np(errno));
    if (n > 1 && same_file(&layers[1], &content) && layers[1].format &&
        !strcmp(layers[1].format, disk->format))
        return 0;
    return err_fail(e, EIO, "libvirt made '%s' on another file than '%s'", disk->overlay,
                    disk->content);
}

int revert_check_made(struct revert_disk *disk, struct err *e)
{
    struct image_layer *layers = NULL;
    struct stat st;
    size_t n = 0;
    /* The headers may not tell all of what is below the content. */
    int r = follow_layers(disk->overlay, "qcow2", &layers, &n, e);
    if (r == 0 || n > 1)
        r = check_layers(disk, layers, n, e);
    image_layers_free(layers, n);
    if (r < 0)
        return r;
    if (lstat(disk->overlay, &st) < 0 || !S_ISREG(st.st_mode))
        return err_fail(e, EIO, "'%s' is not a file", disk->overlay);
    disk->made = true;
    disk->new_dev = st.st_dev;
    disk->new_ino = st.st_ino;
    disk->new_size = (uint64_t)st.st_size;
    disk->new_mtime = (uint64_t)st.st_mtim.tv_sec * NS + (uint64_t)st.st_mtim.tv_nsec;
    return 0;
}

bool revert_untouched(const struct revert_disk *disk)
{
    struct stat st;
    return disk->made && lstat(disk->overlay, &st) == 0 && st.st_dev == disk->new_dev &&
           st.st_ino == disk->new_ino && (uint64_t)st.st_size == disk->new_size &&
           (uint64_t)st.st_mtim.tv_sec * NS + (uint64_t)st.st_mtim.tv_nsec == disk->new_mtime;
}
