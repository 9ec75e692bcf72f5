/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session.c - see session.h: start, serve, stop.
 *
 * The signals that end the session are blocked before the first thread (libvirt's) starts; ending.h
 * handles them. After the loop the session waits for the changes that run, because a change in
 * flight is never cut off. Only then it is unmounted, and the model is closed. No lock is held over
 * any of this.
 */
#include "fuse/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "fuse/ahead.h"
#include "fuse/ending.h"
#include "fuse/fs.h"
#include "fuse/mount.h"
#include "fuse/requests.h"

enum {
    THREADS_MAX = 64,
    BACKGROUND_MAX = 64, /* read-ahead requests under way at once; libfuse's default is 12 */
};

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    const struct fs *fs = userdata;
    conn->max_read = fs->max_read;
    conn->want |=
        conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_ASYNC_READ |
                         FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_EXPORT_SUPPORT);
    /* Attributes are at hand with the names; to look each of them up costs ten times as much. */
    conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
    /* The kernel would ask for attributes, and so for libvirt, before it reads an open image. */
    conn->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
    conn->max_background = BACKGROUND_MAX;
    conn->congestion_threshold = BACKGROUND_MAX * 3 / 4;
}

static struct fuse_lowlevel_ops make_ops(void)
{
    struct fuse_lowlevel_ops ops = {
        .init = op_init,
        .lookup = op_lookup,
        .forget = op_forget,
        .forget_multi = op_forget_multi,
        .getattr = op_getattr,
        .readlink = op_readlink,
        .statfs = op_statfs,
        .opendir = op_opendir,
        .readdir = op_readdir,
        .readdirplus = op_readdirplus,
        .releasedir = op_releasedir,
        .open = op_open,
        .read = op_read,
        .lseek = op_lseek,
        .release = op_release,
        .write = op_write,
        .mkdir = op_mkdir,
        .rmdir = op_rmdir,
        .flush = op_flush,
    };
    refuse_ops(&ops);
    return ops;
}

/* Raises the limit of descriptors, because an open image holds one for each file of its chain. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void say(bool failed, const char *line)
{
    log_line(failed ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "%s", line);
}

static int open_model(const struct options *o, struct model **ret, struct err *e)
{
    struct model_options mo = {
        .uri = o->uri,
        .readonly = o->readonly,
        .cache_ns = o->cache_ns,
        .globs = (const char *const *)o->domains.items,
        .n_globs = o->domains.n,
        .allow = (const char *const *)o->allow.items,
        .n_allow = o->allow.n,
        .untouched = o->untouched,
        .flat = o->flat,
        .create = o->create,
        .say = say,
    };
    int r = model_open(&mo, ret, e);
    if (r == 0 || !o->uri)
        return r;
    struct err why = *e;
    return err_fail(e, why.no, "cannot open '%s': %s", o->uri, why.text);
}

/* Makes a generation that no other mount is likely to have. The kernel keeps 32 bits of it; the
 * root has generation 0. */
static uint32_t make_generation(void)
{
    uint32_t generation = 0;
    if (getrandom(&generation, sizeof(generation), 0) != sizeof(generation))
        generation = (uint32_t)clock_ns();
    return generation ? generation : 1;
}

static int init_fs(struct fs *fs, struct model *m, const struct options *o, struct err *e)
{
    struct table *table = table_new();
    if (!table)
        return err_nomem(e);
    *fs = (struct fs){.table = table,
                      .max_read = o->max_read,
                      .cache = (double)o->cache_ns / 1e9,
                      .generation = make_generation()};
    atomic_flag_clear(&fs->ahead_raised);
    tree_init(&fs->tree, m, &o->tree);
    tasks_init(&fs->tasks);
    handles_init(&fs->handles);
    cows_init(&fs->cows, o->cow);
    walks_init(&fs->walks);
    return 0;
}

static void destroy_fs(struct fs *fs)
{
    handles_destroy(&fs->handles);
    cows_destroy(&fs->cows);
    walks_destroy(&fs->walks);
    tasks_destroy(&fs->tasks);
    tree_destroy(&fs->tree);
    table_free(fs->table);
}

static int loop(struct fuse_session *session)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return -ENOMEM;
    fuse_loop_cfg_set_max_threads(config, THREADS_MAX);
    fuse_loop_cfg_set_clone_fd(config, 1);
    int r = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return r;
}

/* Ends the process while a thread still waits for a file on a hung store. Frees nothing. */
static void leave(struct fuse_session *session, int status)
{
    log_line(LOG_LEVEL_WARN, "a read of an image does not end; the mount ends without it");
    fuse_session_unmount(session);
    _exit(status);
}

/* Serves until the session ends. Returns the exit status. */
static int serve(struct fs *fs, struct ending *en)
{
    int r = loop(fs->session);
    bool ended = ending_finish(en);
    log_line(LOG_LEVEL_INFO, "the session ended%s%s", r < 0 ? ": " : "",
             r < 0 ? strerrordesc_np(-r) : "");
    if (!ended)
        leave(fs->session, r < 0);
    return r < 0;
}

/* Mounts and serves. Sets *ret_status once the mount was ready. */
static int mount_and_serve(const struct options *o, struct daemon *d, struct fs *fs,
                           int *ret_status, struct err *e)
{
    struct fuse_lowlevel_ops ops = make_ops();
    struct fuse_session *session = NULL;
    struct ending en;
    int r = mount_session(o, model_uri(fs->tree.model), &ops, fs, &session, e);
    fs->session = session;
    if (r == 0)
        r = mount_attach(session, o->mountpoint, e);
    bool mounted = r == 0;
    if (mounted)
        r = ending_begin(&en, session, &fs->tasks, fs->tree.model, e);
    if (r == 0) {
        ahead_find(fs, o->mountpoint);
        log_line(LOG_LEVEL_INFO, "%s mounted on %s", model_uri(fs->tree.model), o->mountpoint);
        daemon_ready(d);
        model_recover(fs->tree.model);
        *ret_status = serve(fs, &en);
    }
    if (mounted)
        fuse_session_unmount(session);
    if (session)
        fuse_session_destroy(session);
    return r;
}

int session_run(const struct options *o, struct daemon *d)
{
    autodestroy(model_close) struct model *m = NULL;
    struct fs fs;
    struct err e;
    int status = 1;
    log_open(o->foreground, o->level);
    ending_block();
    raise_descriptors();
    budget_set(o->memory);
    int r = open_model(o, &m, &e);
    if (r == 0)
        r = init_fs(&fs, m, o, &e);
    if (r == 0) {
        r = mount_and_serve(o, d, &fs, &status, &e);
        destroy_fs(&fs);
    }
    if (r < 0)
        daemon_failed(d, &e);
    return status;
}
