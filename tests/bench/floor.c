/* floor.c - the least that a FUSE server can do: a raw file, shown as it is.
 *
 *     floor RAW FILE      mounts RAW on FILE, in the foreground
 *
 * Eight threads with a channel each, the kernel's page cache kept, one pread a request. What
 * scripts/bench measures of it no server in user space beats by being clever about images.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 8, READ_MAX = 1 << 20 };

#define FOREVER 1e6 /* seconds that the kernel may keep attributes */

static int raw;
static struct stat raw_stat;

static void get_attributes(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    fuse_reply_attr(req, &raw_stat, FOREVER);
}

static void open_raw(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fi->keep_cache = 1;
    fuse_reply_open(req, fi);
}

static void read_raw(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
    static _Thread_local char buf[READ_MAX];
    (void)ino;
    (void)fi;
    ssize_t n = pread(raw, buf, size < READ_MAX ? size : READ_MAX, offset);
    if (n < 0)
        fuse_reply_err(req, errno);
    else
        fuse_reply_buf(req, buf, (size_t)n);
}

static void seek_raw(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
                     struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    off_t found = lseek(raw, offset, whence);
    if (found < 0)
        fuse_reply_err(req, errno);
    else
        fuse_reply_lseek(req, found);
}

static const struct fuse_lowlevel_ops ops = {
    .getattr = get_attributes,
    .open = open_raw,
    .read = read_raw,
    .lseek = seek_raw,
};

static int serve(struct fuse_session *session)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return 1;
    fuse_loop_cfg_set_clone_fd(config, 1);
    fuse_loop_cfg_set_max_threads(config, THREADS);
    fuse_loop_cfg_set_idle_threads(config, THREADS);
    int r = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return r != 0;
}

int main(int argc, char **argv)
{
    char *words[] = {argv[0], NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, words);
    raw = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (raw < 0 || fstat(raw, &raw_stat) < 0) {
        fprintf(stderr, "usage: floor RAW FILE\n");
        return 2;
    }
    raw_stat.st_ino = FUSE_ROOT_ID;
    struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
    if (!session || fuse_session_mount(session, argv[2]) < 0)
        return 1;
    int status = fuse_set_signal_handlers(session) < 0 || serve(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return status;
}
