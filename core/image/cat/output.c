/* SPDX-License-Identifier: GPL-3.0-or-later */
/* output.c - snapfs-cat to standard output. One thread. */
#include "image/cat/output.h"

#include <errno.h>

#include "base/io.h"
#include "image/tags.h"

enum { CHUNK = 1024 * 1024, MAP_FLUSH = 64 * 1024 };

int output_write(const void *bytes, size_t len, struct err *e)
{
    if (io_write(STDOUT_FILENO, bytes, len) == 0)
        return 0;
    return err_fail(e, errno, "cannot write to standard output: %s", strerrordesc_np(errno));
}

uint64_t output_end(const struct image *im, const struct cat_options *o)
{
    uint64_t end;
    return add_u64(o->offset, o->length, &end) ? min_u64(end, image_size(im)) : image_size(im);
}

int output_bytes(struct image *im, const struct cat_options *o, struct err *e)
{
    autofree char *buf = malloc(CHUNK);
    if (!buf)
        return err_nomem(e);
    uint64_t end = output_end(im, o);
    for (uint64_t pos = o->offset; pos < end;) {
        ssize_t n = image_read(im, buf, (size_t)min_u64(CHUNK, end - pos), pos, e);
        if (n < 0)
            return (int)n;
        int r = output_write(buf, (size_t)n, e);
        if (r < 0)
            return r;
        pos += (uint64_t)n;
    }
    return 0;
}

static int write_text(struct text *t, struct err *e)
{
    size_t len = 0;
    autofree char *s = text_take(t, &len);
    return s ? output_write(s, len, e) : err_nomem(e);
}

static const char *yes_no(bool b)
{
    return b ? "true" : "false";
}

static void add_extent(struct text *t, const struct image_extent *x)
{
    text_add(t,
             "{ \"start\": %ju, \"length\": %ju, \"depth\": %u, \"present\": %s, \"zero\": %s, "
             "\"data\": %s, \"compressed\": %s",
             (uintmax_t)x->offset, (uintmax_t)x->length, x->depth, yes_no(x->present),
             yes_no(!x->data), yes_no(x->data || x->hole), yes_no(x->compressed));
    if (x->has_host)
        text_add(t, ", \"offset\": %ju", (uintmax_t)x->host);
    text_add(t, "}");
}

int output_map(struct image *im, const struct cat_options *o, struct err *e)
{
    autotext struct text t = {0};
    text_add(&t, "[");
    uint64_t end = output_end(im, o);
    for (uint64_t pos = o->offset; pos < end;) {
        struct image_extent x;
        int r = image_map(im, pos, end - pos, &x, e);
        if (r < 0)
            return r;
        if (pos > o->offset)
            text_add(&t, ",\n");
        add_extent(&t, &x);
        pos += x.length;
        r = t.len < MAP_FLUSH ? 0 : write_text(&t, e);
        if (r < 0)
            return r;
    }
    text_add(&t, "]\n");
    return write_text(&t, e);
}

/* Adds a line with names. Names come from images, so control characters and line breaks are
 * replaced. */
static void add_line(struct text *t, struct text *line)
{
    t->failed |= line->failed || !line->s;
    text_line(t, "%s", line->s ? line->s : "");
    text_drop(line);
}

static void add_tags(struct text *t, const struct image_tags *tags)
{
    for (size_t i = 0; i < tags->n; i++) {
        const struct image_tag *tag = &tags->tags[i];
        struct text line = {0};
        text_add(&line, "Snapshot: %s: %s (%ju bytes, VM state %ju bytes, made %jd)", tag->id,
                 tag->name, (uintmax_t)tag->disk_size, (uintmax_t)tag->vm_state_size,
                 (intmax_t)tag->date_sec);
        add_line(t, &line);
    }
}

int output_info(struct image *im, const struct cat_options *o, struct err *e)
{
    autodestroy(image_tags_free) struct image_tags *tags = NULL;
    int r = image_tags_read(&o->source, NULL, &tags, e);
    if (r < 0)
        return r;
    autotext struct text t = {0};
    struct text chain = {0};
    text_add(&t, "Size: %ju\nLayers: %u\n", (uintmax_t)image_size(im), image_depth(im));
    text_add(&chain, "Chain: ");
    image_describe_chain(im, &chain);
    add_line(&t, &chain);
    add_tags(&t, tags);
    return write_text(&t, e);
}
