/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image.h - the bytes of one disk at one snapshot: raw or qcow2, with its chain of backing files.
 *
 * An image is opened once, is read-only and never changes: every read returns the bytes of the
 * snapshot or an error. All offsets and lengths are bytes of the virtual disk. Reading, mapping and
 * seeking may run in any number of threads at once on one image.
 *
 * Nothing here knows libvirt or FUSE. Which files may be opened is the caller's policy.
 */
#ifndef SNAPFS_IMAGE_IMAGE_H
#define SNAPFS_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

enum {
    IMAGE_CHAIN_MAX = 256,            /* layers; libvirt allows 200 */
    IMAGE_MEASURE_MS = 100,           /* what one image_measure may take */
    IMAGE_READ_MAX = 16 * 1024 * 1024 /* bytes one image_read may ask for */
};

struct image_below;

/* Where the top layer is, and what is known of those below. `format` is a libvirt or QEMU format
 * name ("raw", "qcow2"); NULL or "" is refused, it is never guessed. `tag` is the name of the
 * internal snapshot to show, matched exactly and never as an id; `id` its id, likewise; both, and
 * both must match; neither = the file's active state. With `memory` it is not a disk but the saved
 * state of a virtual machine: of a snapshot that which QEMU wrote behind the disk (ENOENT: none),
 * or a whole raw file as it is. */
struct image_source {
    const char *path;
    const char *format;
    const char *tag;
    const char *id;
    bool memory;
    const struct image_below
        *below;     /* n_below layers from the one right below the top down; NULL: */
    size_t n_below; /* the headers alone tell the chain */
    bool ends;      /* the chain ends with the last of them; else it goes on by that one's header */
};

/* A layer below the top, as the caller knows it from elsewhere than the headers. */
struct image_below {
    const char *path;   /* a file or URI; NULL: what is neither, */
    bool anywhere;      /* and may be any file */
    const char *format; /* NULL: the header above says it */
};

enum { IMAGE_ALLOW_PLAIN = 1 };

/* The caller's say about every file of a chain. All members may be NULL. */
struct image_policy {
    void *ctx;
    /* May this path (absolute, or as the user gave it) be opened? Asked before anything touches it.
     * 0, IMAGE_ALLOW_PLAIN = only if it is a regular file, or -errno with a sentence. Asked again
     * about what a link leads to that others than root and us can exchange. NULL: every path may.
     */
    int (*allow)(void *ctx, const char *path, struct err *e);
    /* The format of the backing file `path` where the overlay's header does not say it, or says
     * "raw" of one that is "luks"; NULL when unknown, which refuses the chain. NULL member: always
     * unknown. */
    const char *(*format)(void *ctx, const char *path);
    /* Does the header of `upper`, which names `lower`, count, although the source has `other` (NULL: nothing)
     * right below it? 1; 0: no; or -errno with a sentence if that cannot be told. NULL member: no. */
    int (*header_counts)(void *ctx, const char *upper, const char *lower, const char *other,
                         struct err *e);
    /* The passphrase of the encrypted image `path`, or -errno with a sentence. NULL member: there
     * is none. */
    int (*secret)(void *ctx, const char *path, struct secret *ret, struct err *e);
};

/* What tells one state of one disk from any other, ever: the file, and for an internal snapshot its
 * entry in the snapshot table, for a whole file its size and modification time. */
struct image_id {
    uint64_t dev, ino;
    uint64_t size, mtime_ns; /* whole file; 0 for an internal snapshot */
    uint64_t entry;          /* internal snapshot: hash of its table entry; 0 for a whole file */
};

/* The stat that stands for a disk on another host in image_reads_file; false: `path` is none. */
bool image_remote_stat(const char *path, struct stat *ret);

bool image_id_equal(const struct image_id *a, const struct image_id *b);
uint64_t image_id_hash(uint64_t h, const struct image_id *id);

/* The hash of what remains of it when the host boots or mounts the file system anew: not the
 * numbers of device and file, nor the time of a block device's node. */
uint64_t image_id_lasting(uint64_t h, const struct image_id *id);

struct image;

/* Opens the image and every layer below it. Where source->below and a header differ the former
 * counts, except that a layer that is not there, and that the header leaves out, was merged away:
 * then the header tells what follows. EIO where neither file is there. Reads headers and the
 * snapshot table, never maps. Errors: ENOENT (file gone, no such tag), EACCES, EINVAL (no format,
 * malformed header, ambiguous tag), EIO (damaged), EBUSY (a file of the chain is being written),
 * ELOOP, EOPNOTSUPP (format or feature), ESTALE (the snapshot went, or a file was changed, during
 * the call). `policy` is copied; its ctx is only used during the call. */
int image_open(const struct image_source *source, const struct image_policy *policy,
               struct image **ret, struct err *e);

/* Starts what reading it needs, where the format of a layer is none that is read here; else the
 * first read does. EIO when QEMU cannot open it; ETIMEDOUT, EBUSY (export.h). */
int image_start(struct image *im, struct err *e);

struct image *image_ref(struct image *im);
void image_unref(struct image *im); /* NULL allowed */
MEM_CLEANUP(struct image, image_unref)

uint64_t image_size(const struct image *im); /* the virtual size at the snapshot */

/* When it was opened (clock_real_ns): nothing has been written to its files since, as long as they
 * are unchanged. */
uint64_t image_opened(const struct image *im);
struct image_id image_identity(const struct image *im);

/* Of all files that it reads. Images of one identity may have several, one after the other: a file
 * below was exchanged for another. */
uint64_t image_chain_hash(const struct image *im);

/* Have all of its files the ctime that they had at the open? Else it is to be opened anew, for
 * somebody may have changed a file and put its mtime back. */
bool image_has_ctimes(const struct image *im);

/* Does the image read the whole of that file, as any layer? An internal snapshot's own file is
 * none: what is written to it leaves the snapshot's clusters alone. */
bool image_reads_file(const struct image *im, const struct stat *st);

/* Asks `see` about each plain file that it reads the whole of, as it was at the open; the first
 * answer that is not 0 is the result. */
typedef int image_see(void *ctx, const char *path, const struct image_id *file, struct err *e);
int image_each_file(const struct image *im, image_see *see, void *ctx, struct err *e);

/* Does it read the whole of any block device? Who writes to one may hold locks that we cannot see.
 */
bool image_on_device(const struct image *im);

/* Bytes of this disk that have storage anywhere in its chain (for st_blocks). The cheap figure is
 * the smaller of host blocks and size; exact once image_map has walked the whole disk. */
uint64_t image_allocated(struct image *im);

/* The same, after image_map has gone on from where the last such walk ended: to the disk's end, to
 * what cannot be read, or for IMAGE_MEASURE_MS. */
uint64_t image_measure(struct image *im);

/* Reads up to `len` bytes at `offset`; fewer only at the end of the disk. Returns the count or
 * -errno: EIO damaged, ESTALE the snapshot has gone or its files were changed (from then on the
 * image is dead and every read says so). Validated by the rules of live images before it returns.
 */
ssize_t image_read(struct image *im, void *buf, size_t len, uint64_t offset, struct err *e);

/* A run of bytes with one kind of home. */
struct image_extent {
    uint64_t offset, length; /* of the virtual disk; covers the asked offset, as long as known */
    bool data;               /* reads from storage; false: reads as zeros */
    bool present;            /* some layer says something of it (a zero cluster does) */
    bool compressed;
    bool hole;      /* present and no data, but for its file's having a hole there */
    unsigned depth; /* the layer that answers, 0 = top */
    bool has_host;  /* `host` is valid: not compressed; zeros may have one as well */
    uint64_t host;  /* offset in that layer's file (or data file) */
};

/* The extent at `offset` < size, cut to end by offset + len. Bounded work: a run may end early. */
int image_map(struct image *im, uint64_t offset, uint64_t len, struct image_extent *ret,
              struct err *e);

/* lseek(2)'s SEEK_DATA and SEEK_HOLE over the whole chain. ENXIO past the end, as lseek. Where a
 * bound on work is reached it answers "data", which is always right. */
int image_seek_data(struct image *im, uint64_t offset, uint64_t *ret, struct err *e);
int image_seek_hole(struct image *im, uint64_t offset, uint64_t *ret, struct err *e);

/* 0 while everything that was read and mapped of the image is right. ESTALE: the snapshot has gone,
 * or a file of the chain was changed. */
int image_check(struct image *im, struct err *e);

/* After image_check has failed: ESTALE if a file that it reads has the size and modification time
 * that it had, and other bytes all the same, as far as the first ones tell. */
int image_check_dated(const struct image *im, struct err *e);

/* One line a layer, top first: "PATH (FORMAT[, snapshot 'TAG'], SIZE bytes)". Layers of the chain
 * are separated by " <- ". */
void image_describe_chain(const struct image *im, struct text *out);

/* Number of layers. */
unsigned image_depth(const struct image *im);

/* ---- the snapshot table of one file, without opening its chain ---- */

struct image_tag {
    const char *id, *name;  /* owned by the table */
    uint64_t disk_size;     /* virtual size at the snapshot, bytes */
    uint64_t vm_state_size; /* bytes, 0 for none */
    int64_t date_sec;       /* seconds since 1970, and */
    uint32_t date_nsec;
    struct image_id identity;
};

struct image_tags {
    struct image_id file; /* the whole file's identity */
    char *backing; /* path of its backing file by its header, absolute; NULL: none, or no file */
    char *backing_format; /* NULL: not said */
    size_t n;
    struct image_tag *tags;
    char *strings;  /* backing store of the names */
    size_t counted; /* in the budget */
};

/* Reads the table of a qcow2 (validated: header re-read after the table). A raw file has none
 * (n = 0). Errors as image_open. Release with image_tags_free. */
int image_tags_read(const struct image_source *source, const struct image_policy *policy,
                    struct image_tags **ret, struct err *e);
void image_tags_free(struct image_tags *t); /* NULL allowed */
MEM_CLEANUP(struct image_tags, image_tags_free)

/* Has the disk in a qcow2, which nobody has open, the very clusters that it had at that tag? Then
 * its bytes are the same. Errors as image_open. */
int image_is_at_tag(const char *path, const char *tag, const struct image_policy *policy, bool *ret,
                    struct err *e);

/* ---- the chain of one file, without its bytes (for the file graph) ---- */

struct image_layer {
    char *path;    /* as resolved against the overlay's directory */
    char *format;  /* NULL where the overlay does not say */
    char *data;    /* its external data file, NULL for none */
    uint64_t size; /* the virtual size, bytes; 0 where only QEMU can tell */
    uint64_t dev, ino;
};

/* The layers from the top down, as far as they can be followed; *ret_n of them in *ret_layers, to
 * be freed by image_layers_free. They are those that image_open would open; one of source->below
 * that cannot be looked at has dev and ino 0, and those below it still follow. A layer whose format
 * is not given counts as what it looks like, for who asks whose bytes stand on a file must not miss
 * one. Returns 0 when the chain is whole; -errno with what is wrong with it, and still the layers
 * that were found. *ret_unknown: it may go on below them. */
int image_layers(const struct image_source *source, const struct image_policy *policy,
                 struct image_layer **ret_layers, size_t *ret_n, bool *ret_unknown, struct err *e);
void image_layers_free(struct image_layer *layers, size_t n);

/* May some QEMU have the file open, if only as a backing file? QEMU's locks tell, also of a QEMU
 * that libvirt does not know. Yes if the locks cannot be asked for: the file system has none, or
 * the file cannot be opened for any cause but ENOENT. `path` is outside every mount of ours. */
bool image_is_open(const char *path);

/* May some QEMU have the file open for writing? Yes if the locks cannot be asked for; no if the file
 * cannot be opened. */
bool image_has_writer(const char *path);

#endif
