/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection.c - see connection.h. No locks. The only user of libnbd. */
#include "image/connection.h"

#include <errno.h>

#include <libnbd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { RUN_MAX = 1 << 30 /* bytes that one request for the map covers */ };

/* The allocation depth of a range; 0: nothing of it is allocated. */
#define DEPTH_CONTEXT "qemu:allocation-depth"

struct connection {
    struct nbd_handle *nbd;
    bool lost;
};

static int failed(struct err *e, int no)
{
    const char *why = nbd_get_error();
    return err_fail(e, no, "%s", why ? why : "it does not say why");
}

static bool is_gone(struct nbd_handle *nbd)
{
    return nbd_aio_is_dead(nbd) != 0 || nbd_aio_is_closed(nbd) != 0;
}

/* Makes progress. Returns 1 if the command (0: the handshake) is done, 0 if not yet; fails with
 * EIO. */
static int progress(struct nbd_handle *nbd, int64_t command, struct err *e)
{
    int done = command ? nbd_aio_command_completed(nbd, (uint64_t)command) : nbd_aio_is_ready(nbd);
    if (done < 0 || (done == 0 && is_gone(nbd)))
        return failed(e, EIO);
    return done;
}

/* Waits until there may be an answer. Fails with ETIMEDOUT or EIO. */
static int await(struct nbd_handle *nbd, uint64_t deadline, struct err *e)
{
    uint64_t now = clock_ms();
    if (now >= deadline)
        return err_fail(e, ETIMEDOUT, "it did not answer for %d s", EXPORT_WAIT_MS / 1000);
    if (nbd_poll(nbd, (int)(deadline - now)) < 0 && nbd_get_errno() != EINTR)
        return failed(e, EIO);
    return 0;
}

/* Waits for a command's answer; command -1 is one that could not be sent. If no answer comes, the
 * connection is closed first, because the command still has the caller's buffer. */
static int finish(struct connection *c, int64_t command, struct err *e)
{
    if (command < 0)
        return failed(e, EIO);
    uint64_t deadline = clock_ms() + EXPORT_WAIT_MS;
    int r;
    while ((r = progress(c->nbd, command, e)) == 0) {
        r = await(c->nbd, deadline, e);
        if (r < 0) {
            nbd_close(take(c->nbd));
            return r;
        }
    }
    return r < 0 ? r : 0;
}

/* Starts the connection. Requests need no alignment, because libnbd does not ask the server for
 * block sizes. */
static int begin(struct connection *c, int socket, struct err *e)
{
    if (nbd_add_meta_context(c->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) < 0 ||
        nbd_add_meta_context(c->nbd, DEPTH_CONTEXT) < 0 ||
        nbd_set_request_block_size(c->nbd, false) < 0) {
        close(socket);
        return failed(e, EIO);
    }
    return finish(c, nbd_aio_connect_socket(c->nbd, socket), e);
}

static int check(const struct connection *c, uint64_t *size, struct err *e)
{
    int64_t there = nbd_get_size(c->nbd);
    if (there < 0)
        return failed(e, EIO);
    if (*size == EXPORT_SIZE_UNKNOWN)
        *size = (uint64_t)there;
    if ((uint64_t)there != *size)
        return err_fail(e, EIO, "its header says that the disk has %ju bytes, QEMU says %ju",
                        (uintmax_t)*size, (uintmax_t)there);
    if (nbd_can_meta_context(c->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) <= 0 ||
        nbd_can_meta_context(c->nbd, DEPTH_CONTEXT) <= 0)
        return err_fail(e, EIO, "this qemu-nbd cannot tell which blocks are allocated");
    return 0;
}

int connection_open(int socket, uint64_t *size, struct connection **ret, struct err *e)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (c)
        c->nbd = nbd_create();
    if (!c || !c->nbd) {
        close(socket);
        free(c);
        return err_nomem(e);
    }
    int r = begin(c, socket, e);
    if (r == 0)
        r = check(c, size, e);
    if (r < 0)
        connection_close(c);
    else
        *ret = c;
    return r;
}

void connection_close(struct connection *c)
{
    if (c->nbd)
        nbd_close(c->nbd);
    free(c);
}

bool connection_lost(const struct connection *c)
{
    return !c->nbd || is_gone(c->nbd);
}

int connection_read(struct connection *c, void *buf, size_t len, uint64_t offset, struct err *e)
{
    return finish(c, nbd_aio_pread(c->nbd, buf, len, offset, NBD_NULL_COMPLETION, 0), e);
}

struct status {
    uint64_t length; /* the bytes that all contexts cover */
    bool allocated, zero;
    unsigned told;
};

/* Takes the first extent of one context. Entries are pairs of a length and its flags. */
static int take_status(void *user, const char *context, uint64_t offset, uint32_t *entries,
                       size_t n, int *error)
{
    (void)offset;
    (void)error;
    struct status *s = user;
    if (n < 2)
        return 0;
    s->length = min_u64(s->length, entries[0]);
    s->told++;
    if (!strcmp(context, DEPTH_CONTEXT))
        s->allocated = entries[1] > 0;
    else
        s->zero = entries[1] & LIBNBD_STATE_ZERO;
    return 0;
}

int connection_run(struct connection *c, uint64_t offset, uint64_t limit, struct run *ret,
                   struct err *e)
{
    struct status s = {.length = min_u64(limit, RUN_MAX)};
    nbd_extent_callback callback = {.callback = take_status, .user_data = &s};
    int r = finish(c,
                   nbd_aio_block_status(c->nbd, s.length, offset, callback, NBD_NULL_COMPLETION,
                                        LIBNBD_CMD_FLAG_REQ_ONE),
                   e);
    if (r < 0)
        return r;
    if (s.told != 2 || !s.length)
        return err_fail(e, EIO, "it cannot tell which blocks are allocated");
    *ret = (struct run){.kind = !s.allocated ? RUN_UNALLOCATED
                                : s.zero     ? RUN_ZERO
                                             : RUN_DATA,
                        .length = s.length,
                        .host = offset};
    return 0;
}
