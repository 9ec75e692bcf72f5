/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decompress.c - see decompress.h. */
#include "image/decompress.h"

#define ZLIB_CONST /* next_in points to const bytes */
#include <errno.h>
#include <zlib.h>
#include <zstd.h>

#include "image/header.h"

enum {
    DEFLATE_WINDOW_BITS = -12, /* raw deflate as QEMU writes and reads it */
    ZSTD_WINDOW_LOG_MAX = 23,  /* 8 MiB: larger than any cluster; a decoder may allocate it */
    ZSTD_STATE = 512 * 1024,   /* the rest of a decoder: tables, two blocks of 128 KiB */
    DEFLATE_STATE = 64 * 1024  /* zlib's state, with its window of 32 KiB */
};

/* Inflates one cluster with zlib, as QEMU does. libdeflate takes half the time, but accepts streams
 * that zlib refuses: 100 of 400,000 that were damaged at random. snapfs would then read clusters
 * where QEMU reports an error. */
static int inflate_cluster(const void *in, size_t in_len, void *out, size_t out_len)
{
    z_stream s = {
        .next_in = in, .avail_in = (uInt)in_len, .next_out = out, .avail_out = (uInt)out_len};
    int r = inflateInit2(&s, DEFLATE_WINDOW_BITS);
    if (r != Z_OK)
        return r == Z_MEM_ERROR ? -ENOMEM : -EIO;
    r = inflate(&s, Z_FINISH);
    bool full = (r == Z_STREAM_END || r == Z_BUF_ERROR) && !s.avail_out;
    inflateEnd(&s);
    return full ? 0 : r == Z_MEM_ERROR ? -ENOMEM : -EIO;
}

/* Decodes one frame after another until `out` is full. The last frame must end there. */
static int unzstd_frames(ZSTD_DCtx *ctx, ZSTD_inBuffer in, ZSTD_outBuffer out)
{
    size_t left = 1;
    while (out.pos < out.size) {
        size_t in_was = in.pos, out_was = out.pos;
        left = ZSTD_decompressStream(ctx, &out, &in);
        if (ZSTD_isError(left))
            return -EIO;
        if (in.pos == in_was && out.pos == out_was)
            return -EIO;
    }
    return left ? -EIO : 0;
}

static int unzstd_cluster(const void *in, size_t in_len, void *out, size_t out_len)
{
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    if (!ctx)
        return -ENOMEM;
    int r = -EIO;
    if (!ZSTD_isError(ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
        r = unzstd_frames(ctx, (ZSTD_inBuffer){.src = in, .size = in_len},
                          (ZSTD_outBuffer){.dst = out, .size = out_len});
    ZSTD_freeDCtx(ctx);
    return r;
}

uint64_t decompress_takes(unsigned type)
{
    return type == COMPRESSION_ZSTD ? (UINT64_C(1) << ZSTD_WINDOW_LOG_MAX) + ZSTD_STATE
                                    : DEFLATE_STATE;
}

int decompress_cluster(unsigned type, const void *in, size_t in_len, void *out, size_t out_len)
{
    return type == COMPRESSION_ZSTD ? unzstd_cluster(in, in_len, out, out_len)
                                    : inflate_cluster(in, in_len, out, out_len);
}
