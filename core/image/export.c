/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export.c - see export.h: which exports have a process, for how long, and which threads use it.
 *
 * Lock: `lock` guards the list of exports and each export's changing fields. It is a leaf, and is
 * never held while a process is started, asked or waited for. A thread that takes a connection is
 * its only user.
 */
#include "image/export.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/remote.h"
#include "base/thread.h"
#include "image/confine.h"
#include "image/connection.h"
#include "image/server.h"

enum {
    KEEP_TIMES = 20, /* an unused process is kept for this many start times */
    KEEP_MIN_MS = 2000,
    NODE_MAX = 512,
    RETRY_MS = 5000 /* QEMU's refusal, or lack of an answer, counts this long */
};

enum state { OFF, STARTING, ON, BROKEN };

/* A process and the connections to it. */
struct line {
    struct server server;
    struct connection *conns[SERVER_SOCKETS];
    unsigned n; /* free connections */
};

struct export
{
    struct export_source source;
    struct export *next;
    enum state state;
    struct line line;
    unsigned busy;          /* threads that have a connection */
    uint64_t used, keep_ms; /* when it was last used, and how long it is kept then */
    struct err refusal;     /* the last failure, repeated until refused_until */
    uint64_t refused_until;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER; /* a state, or a connection was freed */
static struct export *first;
static unsigned servers; /* exports that are not OFF */
static bool keeper_runs;

/* Waits until something changes or that time has come. */
static void wait_until(uint64_t ms)
{
    clock_wait(&changed, &lock, ms * CLOCK_MS);
}

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* ---- starting and ending ---- */

static void line_end(struct line *l)
{
    for (unsigned i = 0; i < l->n; i++)
        connection_close(l->conns[i]);
    server_end(&l->server);
}

/* Reports QEMU's own message, because it says more than the end of the connection. */
static int refused(struct export *x, const struct server *s, const struct err *why, struct err *e)
{
    char buf[ERR_TEXT_MAX];
    const char *said = server_said(s, buf, sizeof(buf));
    return err_fail(e, why->no, "QEMU cannot open '%s' as %s: %s", x->source.file->path,
                    x->source.driver, *said ? said : why->text);
}

static int connect_all(struct export *x, int sockets[SERVER_SOCKETS], struct line *l, struct err *e)
{
    struct err why;
    int r = 0;
    for (int i = 0; i < SERVER_SOCKETS; i++) {
        if (r < 0 || (i && remote_is_lone(x->source.file->path))) {
            close(sockets[i]);
            continue;
        }
        r = connection_open(sockets[i], &x->source.size, &l->conns[i], &why);
        l->n += r == 0;
    }
    return r < 0 ? refused(x, &l->server, &why, e) : 0;
}

/* Describes the source in QEMU's JSON. JSON takes no URI, so a URI is used as it is. */
static const char *describe(const struct export_source *from, char *buf, size_t size)
{
    if (file_is_remote(from->file))
        return from->file->path;
    snprintf(buf, size,
             "json:{\"driver\":\"%s\",%s\"read-only\":true,\"force-share\":true,\"backing\":null,"
             "\"file\":{\"driver\":\"%s\",\"filename\":\"/proc/self/fd/%d\",\"locking\":\"off\"}}",
             from->driver, from->options ? from->options : "",
             file_is_device(from->file) ? "host_device" : "file", SERVER_FILE);
    return buf;
}

static int line_start(struct export *x, struct line *ret, struct err *e)
{
    struct line l = {0};
    int sockets[SERVER_SOCKETS];
    char buf[NODE_MAX];
    const struct export_source *from = &x->source;
    const struct server_job job = {.node = describe(from, buf, sizeof(buf)),
                                   .raw = file_is_remote(from->file),
                                   .file = from->file->fd,
                                   .secret = from->secret};
    int r = server_start(&job, &l.server, sockets, e);
    if (r < 0)
        return r;
    r = connect_all(x, sockets, &l, e);
    if (r == 0 && !job.raw)
        r = confine_check(l.server.pid, job.file, SERVER_SECRET, from->file->path, e);
    if (r < 0)
        line_end(&l);
    else
        *ret = l;
    return r;
}

/* Ends the process of `x`, which is unused. Called with the lock held; the lock is released for the
 * end itself. */
static void turn_off(struct export *x)
{
    struct line l = x->line;
    x->line = (struct line){0};
    x->state = OFF;
    servers--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    line_end(&l);
    pthread_mutex_lock(&lock);
}

static bool is_unused(const struct export *x)
{
    return x->state == ON && !x->busy;
}

/* Finds the unused export whose time ends, or ended, first. NULL if there is none. */
static struct export *next_unused(void)
{
    struct export *found = NULL;
    for (struct export *x = first; x; x = x->next)
        if (is_unused(x) && (!found || x->used + x->keep_ms < found->used + found->keep_ms))
            found = x;
    return found;
}

/* Runs the thread that ends processes unused for long. It lives as long as there are processes. */
static void *keeper(void *arg)
{
    pthread_mutex_lock(&lock);
    while (servers) {
        struct export *x = next_unused();
        uint64_t now = clock_ms(), end = x ? x->used + x->keep_ms : now + KEEP_MIN_MS;
        if (x && end <= now) {
            turn_off(x);
            continue;
        }
        pthread_mutex_unlock(&lock);
        sleep_ms(min_u64(end - now, KEEP_MIN_MS));
        pthread_mutex_lock(&lock);
    }
    keeper_runs = false;
    pthread_mutex_unlock(&lock);
    return arg;
}

/* Starts the keeper if it does not run. Without a keeper, processes end only if others need their
 * place. */
static void need_keeper(void)
{
    if (!keeper_runs)
        keeper_runs = thread_start_detached(keeper, NULL) == 0;
}

/* Remembers a failure, so that threads that wait for the same export need not try one after the
 * other. Called with the lock held. */
static void let_stand(struct export *x, const struct err *why)
{
    if (why->no != EIO && why->no != ETIMEDOUT)
        return;
    x->refusal = *why;
    x->refused_until = clock_ms() + RETRY_MS;
}

/* Starts a process. Called with the lock held; the lock is released for the start itself. */
static int turn_on(struct export *x, struct err *e)
{
    struct line l;
    struct err why;
    uint64_t begin = clock_ms();
    x->state = STARTING;
    servers++;
    pthread_mutex_unlock(&lock);
    int r = line_start(x, &l, &why);
    pthread_mutex_lock(&lock);
    x->used = clock_ms();
    x->keep_ms = max_u64((x->used - begin) * KEEP_TIMES, KEEP_MIN_MS);
    x->state = r < 0 ? OFF : ON;
    servers -= r < 0;
    if (r == 0) {
        x->line = l;
        need_keeper();
    } else {
        let_stand(x, &why);
    }
    pthread_cond_broadcast(&changed);
    return r < 0 ? err_fail(e, -r, "%s", why.text) : 0;
}

/* ---- taking a connection ---- */

/* Takes one step towards a free connection, if there is none. Called with the lock held. */
static int get_nearer(struct export *x, uint64_t deadline, struct err *e)
{
    struct export *other;
    uint64_t now = clock_ms();
    if (x->state == OFF && now < x->refused_until)
        return err_fail(e, x->refusal.no, "%s", x->refusal.text);
    if (x->state == OFF && servers < EXPORT_SERVERS)
        return turn_on(x, e);
    if (x->state == OFF && (other = next_unused()))
        turn_off(other);
    else if (now < deadline || x->state == STARTING) /* a start always ends */
        wait_until(max_u64(deadline, now + 1000));
    else if (x->state == OFF)
        return err_fail(e, EBUSY, "'%s' waits for other images that are read by QEMU",
                        x->source.file->path);
    else
        return err_fail(e, ETIMEDOUT, "QEMU, reading '%s': it did not answer for %d s",
                        x->source.file->path, EXPORT_WAIT_MS / 1000);
    return 0;
}

static int take_connection(struct export *x, struct connection **ret, struct err *e)
{
    uint64_t begin = clock_ms();
    int r = 0;
    autolock(&lock);
    while (r == 0 && !(x->state == ON && x->line.n)) /* the time counts from QEMU's last answer */
        r = get_nearer(x, max_u64(begin, x->used) + EXPORT_WAIT_MS, e);
    if (r == 0) {
        *ret = x->line.conns[--x->line.n];
        x->busy++;
    }
    return r;
}

/* Gives back a connection, and tells whether the connection is lost. If so, the process is killed
 * too. `why` is the failure, or NULL. */
static bool give_back(struct export *x, struct connection *c, const struct err *why)
{
    bool lost = connection_lost(c);
    if (lost)
        connection_close(c);
    autolock(&lock);
    x->busy--;
    if (why && why->no == ETIMEDOUT)
        let_stand(x, why);
    if (!lost) {
        x->used = clock_ms();
        x->line.conns[x->line.n++] = c;
    }
    if (lost && x->state == ON) {
        x->state = BROKEN;
        server_kill(&x->line.server);
    }
    if (x->state == BROKEN && !x->busy)
        turn_off(x);
    pthread_cond_broadcast(&changed);
    return lost;
}

/* ---- see export.h ---- */

int export_new(const struct export_source *source, struct export **ret, struct err *e)
{
    int r = server_exists(e);
    if (r == 0 && source->names_files)
        r = confine_needed(source->file->path, source->driver, e);
    if (r < 0)
        return r;
    struct export *x = calloc(1, sizeof(*x));
    if (!x)
        return err_nomem(e);
    x->source = *source;
    pthread_mutex_lock(&lock);
    x->next = first;
    first = x;
    pthread_mutex_unlock(&lock);
    *ret = x;
    return 0;
}

void export_free(struct export *x)
{
    if (!x)
        return;
    pthread_mutex_lock(&lock);
    struct export **at = &first;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    if (x->state == ON)
        turn_off(x);
    pthread_mutex_unlock(&lock);
    free(x);
}

int export_start(struct export *x, uint64_t *ret_size, struct err *e)
{
    struct connection *c;
    int r = take_connection(x, &c, e);
    if (r < 0)
        return r;
    give_back(x, c, NULL);
    if (ret_size)
        *ret_size = x->source.size; /* the first start has set it */
    return 0;
}

struct range {
    uint64_t offset, len;
    void *buf;
    struct run *run; /* NULL: read bytes instead */
};

static int ask_once(struct connection *c, const struct range *r, struct err *e)
{
    return r->run ? connection_run(c, r->offset, r->len, r->run, e)
                  : connection_read(c, r->buf, r->len, r->offset, e);
}

/* Asks the process. If the process is lost, starts a new one once: the request itself may have
 * ended the process. */
static int ask(struct export *x, const struct range *range, struct err *e)
{
    for (int try = 1;; try++) {
        struct connection *c;
        struct err why;
        int r = take_connection(x, &c, e);
        if (r < 0)
            return r;
        r = ask_once(c, range, &why);
        bool again = give_back(x, c, r < 0 ? &why : NULL) && r == -EIO && try == 1;
        if (r == 0)
            return 0;
        if (!again)
            return err_fail(e, -r, "QEMU, reading '%s' at byte %ju of the disk: %s",
                            x->source.file->path, (uintmax_t)range->offset, why.text);
    }
}

int export_read(struct export *x, void *buf, size_t len, uint64_t offset, struct err *e)
{
    return ask(x, &(struct range){.offset = offset, .len = len, .buf = buf}, e);
}

int export_run(struct export *x, uint64_t offset, uint64_t limit, struct run *ret, struct err *e)
{
    return ask(x, &(struct range){.offset = offset, .len = limit, .run = ret}, e);
}
