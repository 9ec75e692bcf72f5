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

#include <stddef.h>

#include "base/mem.h"
#include "base/text.h"
#include "image/id.h"
#include "image/source.h"

enum {
    IMAGE_MEASURE_MS = 100,           /* the longest time of one image_measure */
    IMAGE_READ_MAX = 16 * 1024 * 1024 /* bytes one image_read may ask for */
};

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

/* Does the same, but only for files of raw bytes: raw layers and external data files. Such a file
 * has no table that would tell if the file was cut short. */
int image_each_raw(const struct image *im, image_see *see, void *ctx, struct err *e);

/* Tells whether the image reads the whole of any block device. A writer of a device may hold locks
 * that snapfs cannot see. */
bool image_on_device(const struct image *im);

/* Returns the bytes of this disk that have storage anywhere in its chain (for st_blocks). Until
 * image_map has walked the whole disk, it returns an estimate: the smaller of host blocks and
 * size. */
uint64_t image_allocated(struct image *im);

/* Continues the last such walk with image_map, then returns the same as image_allocated. The walk
 * stops at the disk's end, at a place that cannot be read, or after IMAGE_MEASURE_MS. */
uint64_t image_measure(struct image *im);

/* Reads up to `len` bytes at `offset`, fewer only at the end of the disk. It checks the bytes by
 * the rules of live images before it returns. Returns the number of bytes or -errno. EIO means that
 * the image is damaged. ESTALE means that the snapshot was deleted or its files were changed. From
 * then on every read of the image fails with ESTALE. */
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

/* Seek data and holes in the whole chain, like lseek(2) with SEEK_DATA and SEEK_HOLE. Past the end
 * they fail with ENXIO, as lseek does. If they reach a limit of work, they answer "data", which is
 * always correct. */
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

#endif
