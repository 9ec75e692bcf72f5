/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image.h - the bytes of one disk at one snapshot: raw or qcow2, with its chain of backing files.
 *
 * An image is opened once, is read-only and never changes. Every read returns the bytes of the
 * snapshot or an error. All offsets and lengths are bytes of the virtual disk. Any number of
 * threads may read, map and seek one image at once. Nothing here knows libvirt or FUSE. The
 * caller's policy decides which files may be opened.
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
    IMAGE_MEASURE_MS = 100,           /* the longest time of one image_measure */
    IMAGE_READ_MAX = 16 * 1024 * 1024 /* bytes one image_read may ask for */
};

struct image_below;

/* The place of the top layer, and the known layers below it.
 * - `format` is a libvirt or QEMU format name ("raw", "qcow2"). It is never guessed: NULL or "" is
 *   refused.
 * - `tag` is the name of the internal snapshot to show, matched exactly and never as an id; `id` is
 *   its id. If both are set, both must match. If neither is set, the image is the file's active
 *   state.
 * - With `memory` the image is not a disk but the saved state of a virtual machine. In a snapshot
 *   it is the state that QEMU wrote after the disk (ENOENT if there is none). A raw file is the
 *   state as a whole. */
struct image_source {
    const char *path;
    const char *format;
    const char *tag;
    const char *id;
    bool memory;
    const struct image_below *below; /* from the top down; NULL: headers alone tell */
    size_t n_below;                  /* number of layers in `below` */
    bool ends; /* the chain ends after `below`; else the last one's header continues it */
};

/* A layer below the top that the caller knows from another source than the headers. */
struct image_below {
    const char *path;   /* a file or URI; NULL: neither */
    bool anywhere;      /* without a path: it may be any file */
    const char *format; /* NULL: the header above names it */
};

enum { IMAGE_ALLOW_PLAIN = 1 };

/* The caller's decisions about every file of a chain. All members may be NULL. */
struct image_policy {
    void *ctx;
    /* Decides whether a path (absolute, or as the user gave it) may be opened. Called before any
     * access to the path. Returns 0, IMAGE_ALLOW_PLAIN (only if it is a regular file), or -errno
     * with a sentence. If others than root and snapfs's own user can replace a link, it is called
     * for the real path too. NULL: every path may be opened. */
    int (*allow)(void *ctx, const char *path, struct err *e);
    /* Returns the format of the backing file `path` if the overlay's header names none, or names
     * "raw" for a "luks" file. NULL means that it is unknown; the chain is then refused. NULL
     * member: always unknown. */
    const char *(*format)(void *ctx, const char *path);
    /* Decides whether the header of `upper`, which names `lower`, counts, although the source has
     * `other` (NULL: nothing) directly below it. Returns 1, 0 if not, or -errno with a sentence if
     * it cannot tell. NULL member: 0. */
    int (*header_counts)(void *ctx, const char *upper, const char *lower, const char *other,
                         struct err *e);
    /* Gets the passphrase of the encrypted image `path`, or fails with -errno and a sentence. NULL
     * member: there is no passphrase. */
    int (*secret)(void *ctx, const char *path, struct secret *ret, struct err *e);
};

/* Tells one state of one disk from any other, ever. It has the file, and for an internal snapshot
 * its entry in the snapshot table. For a whole file it has the size and modification time. */
struct image_id {
    uint64_t dev, ino;
    uint64_t size, mtime_ns; /* of a whole file; 0 for an internal snapshot */
    uint64_t entry;          /* internal snapshot: hash of its table entry; 0 for a whole file */
};

/* Makes the stat by which image_reads_file knows a disk on another host. Returns false if `path` is
 * not such a disk. */
bool image_remote_stat(const char *path, struct stat *ret);

bool image_id_equal(const struct image_id *a, const struct image_id *b);
uint64_t image_id_hash(uint64_t h, const struct image_id *id);

/* Hashes the part of the identity that lasts when the host boots, or mounts the file system, again.
 * It leaves out the numbers of device and file, and the time of a block device's node. */
uint64_t image_id_lasting(uint64_t h, const struct image_id *id);

struct image;

/* Opens the image and every layer below it. It reads headers and the snapshot table, never maps.
 * `policy` is copied; its ctx is only used during the call.
 *
 * If source->below and a header differ, source->below counts. The exception is a layer that is not
 * there and that the header leaves out: it was merged away, and the header tells which layer
 * follows. If neither file is there, it fails with EIO. The errors are:
 * - ENOENT: the file is gone, or it has no such tag; EACCES;
 * - EINVAL: no format, a malformed header, or an ambiguous tag; EOPNOTSUPP: format or feature;
 * - EIO: damaged; ELOOP; EBUSY: a file of the chain is being written;
 * - ESTALE: the snapshot was deleted, or a file was changed, during the call. */
int image_open(const struct image_source *source, const struct image_policy *policy,
               struct image **ret, struct err *e);

/* Starts the processes that read layers whose format snapfs does not read itself. Without this call
 * the first read starts them. Fails with EIO if QEMU cannot open a layer; ETIMEDOUT, EBUSY
 * (export.h). */
int image_start(struct image *im, struct err *e);

struct image *image_ref(struct image *im);
void image_unref(struct image *im); /* NULL allowed */
MEM_CLEANUP(struct image, image_unref)

uint64_t image_size(const struct image *im); /* the virtual size at the snapshot */

/* Returns the time of the open (clock_real_ns). As long as the image's files are unchanged, nothing
 * has been written to them since then. */
uint64_t image_opened(const struct image *im);
struct image_id image_identity(const struct image *im);

/* Hashes all files that the image reads. Images of one identity may differ in it, one after the
 * other, if a file below was replaced by another. */
uint64_t image_chain_hash(const struct image *im);

/* Tells whether all of its files still have the ctime of the open. If not, open the image again,
 * because a program may have changed a file and restored its mtime. */
bool image_has_ctimes(const struct image *im);

/* Tells whether the image reads the whole of that file, as any layer. An internal snapshot's own
 * file does not count, because a write to that file leaves the snapshot's clusters alone. */
bool image_reads_file(const struct image *im, const struct stat *st);

/* Calls `see` for each plain file that the image reads the whole of, as the file was at the open.
 * The first result that is not 0 ends the loop and is returned. */
typedef int image_see(void *ctx, const char *path, const struct image_id *file, struct err *e);
int image_each_file(const struct image *im, image_see *see, void *ctx, struct err *e);

/* Does the same for those of the files that hold raw bytes: raw layers and external data files. If
 * such a file is cut short, no table in it tells. */
int image_each_raw(const struct image *im, image_see *see, void *ctx, struct err *e);

/* Tells whether the image reads the whole of any block device. A writer of a device may hold locks
 * that snapfs cannot see. */
bool image_on_device(const struct image *im);

/* Returns the bytes of this disk that have storage anywhere in its chain (for st_blocks). It is an
 * estimate, the smaller of host blocks and size, until image_map has walked the whole disk. */
uint64_t image_allocated(struct image *im);

/* Returns the same after image_map has continued the last such walk. The walk goes to the disk's
 * end, to a place that cannot be read, or for IMAGE_MEASURE_MS. */
uint64_t image_measure(struct image *im);

/* Reads up to `len` bytes at `offset`, fewer only at the end of the disk. It checks the bytes by
 * the rules of live images before it returns. Returns the number of bytes or -errno. EIO means that
 * the image is damaged. ESTALE means that the snapshot was deleted or its files were changed; the
 * image is dead from then on, and every read fails so. */
ssize_t image_read(struct image *im, void *buf, size_t len, uint64_t offset, struct err *e);

/* A run of bytes that are stored in one way. */
struct image_extent {
    uint64_t offset, length; /* of the virtual disk; `length` is as far as known */
    bool data;               /* reads from storage; false: reads as zeros */
    bool present;            /* some layer defines these bytes (a zero cluster does) */
    bool compressed;
    bool hole;      /* present, and not data only because the file has a hole here */
    unsigned depth; /* the layer that defines the bytes, 0 = top */
    bool has_host;  /* `host` is valid: not compressed; zeros may have one as well */
    uint64_t host;  /* offset in that layer's file (or data file) */
};

/* Returns the extent at `offset` < size, cut at offset + len. The work is bounded, so an extent may
 * end early. */
int image_map(struct image *im, uint64_t offset, uint64_t len, struct image_extent *ret,
              struct err *e);

/* Seek data and holes in the whole chain, like lseek(2) with SEEK_DATA and SEEK_HOLE. ENXIO past
 * the end, as lseek. If a limit of work is reached, they answer "data", which is always correct. */
int image_seek_data(struct image *im, uint64_t offset, uint64_t *ret, struct err *e);
int image_seek_hole(struct image *im, uint64_t offset, uint64_t *ret, struct err *e);

/* Returns 0 while all data that was read and mapped is right. Fails with ESTALE if the snapshot was
 * deleted, or a file of the chain was changed. */
int image_check(struct image *im, struct err *e);

/* Looks for a cause after image_check has failed. Fails with ESTALE if a file still has its size
 * and modification time, but other bytes. It compares only the first bytes. */
int image_check_dated(const struct image *im, struct err *e);

/* Adds one line per layer, top first: "PATH (FORMAT[, snapshot 'TAG'], SIZE bytes)". Layers of the
 * chain are separated by " <- ". */
void image_describe_chain(const struct image *im, struct text *out);

/* Returns the number of layers. */
unsigned image_depth(const struct image *im);

/* ---- the snapshot table of one file, without opening its chain ---- */

struct image_tag {
    const char *id, *name;  /* owned by the table */
    uint64_t disk_size;     /* virtual size at the snapshot, bytes */
    uint64_t vm_state_size; /* bytes, 0 for none */
    int64_t date_sec;       /* seconds since 1970 */
    uint32_t date_nsec;
    struct image_id identity;
};

struct image_tags {
    struct image_id file; /* the whole file's identity */
    char *backing;        /* absolute path in its header; NULL: none, or not a file */
    char *backing_format; /* NULL: the header names none */
    size_t n;
    struct image_tag *tags;
    char *strings;  /* the names' bytes */
    size_t counted; /* bytes counted in the budget */
};

/* Reads the table of a qcow2 (validated: header re-read after the table). A raw file has none
 * (n = 0). Errors as image_open. Release with image_tags_free. */
int image_tags_read(const struct image_source *source, const struct image_policy *policy,
                    struct image_tags **ret, struct err *e);
void image_tags_free(struct image_tags *t); /* NULL allowed */
MEM_CLEANUP(struct image_tags, image_tags_free)

/* Tells whether the disk in a qcow2 has the very clusters that it had at that tag. Then its bytes
 * are the same. No process may have the file open. Errors as image_open. */
int image_is_at_tag(const char *path, const char *tag, const struct image_policy *policy, bool *ret,
                    struct err *e);

/* ---- the chain of one file, without its bytes (for the file graph) ---- */

struct image_layer {
    char *path;    /* as resolved against the overlay's directory */
    char *format;  /* NULL: the overlay names none */
    char *data;    /* its external data file, NULL for none */
    uint64_t size; /* the virtual size, bytes; 0 if only QEMU knows */
    uint64_t dev, ino;
};

/* Lists the layers from the top down, as far as they can be followed. They are the layers that
 * image_open would open. *ret_layers gets *ret_n layers; free them with image_layers_free.
 *
 * If a layer of source->below cannot be looked at, it has dev and ino 0, and the layers below it
 * still follow. If a layer's format is not given, the format is guessed from its bytes, so that the
 * file graph misses no file that an image uses. Returns 0 if the chain is whole. Otherwise returns
 * -errno with the fault, and still the layers that it found. *ret_unknown: the chain may continue
 * below them. */
int image_layers(const struct image_source *source, const struct image_policy *policy,
                 struct image_layer **ret_layers, size_t *ret_n, bool *ret_unknown, struct err *e);
void image_layers_free(struct image_layer *layers, size_t n);

/* Tells whether some QEMU may have the file open, even only as a backing file. QEMU's locks show
 * that, also for a QEMU that libvirt does not know. It is true if the locks cannot be asked for:
 * the file system has none, or an open fails with another errno than ENOENT. `path` must be outside
 * every snapfs mount. */
bool image_is_open(const char *path);

/* Tells whether some QEMU may have the file open for writing. It is true if the locks cannot be
 * asked for, and false if the file cannot be opened. */
bool image_has_writer(const char *path);

#endif
