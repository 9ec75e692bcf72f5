/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_share.c - layers shared by the images that are open, as long as their file stays the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "image/image.h"
#include "tap.h"

enum { SIZE = 4096, THREADS = 8, OPENS = 300 };

static char path[] = "/tmp/snapfs-test-share-XXXXXX";
static const struct image_source raw = {.path = path, .format = "raw"};
static atomic_uint wrong;

static unsigned open_files(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* `age` tells two writings apart, and is older than any wait for the file to settle. */
static bool fill(char byte, time_t age)
{
    char bytes[SIZE];
    memset(bytes, byte, sizeof(bytes));
    struct timespec times[2] = {{.tv_sec = age}, {.tv_sec = age}};
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, bytes, SIZE) == SIZE && futimens(fd, times) == 0;
}

static int first_byte(struct image *im)
{
    char c = 0;
    ssize_t n = image_read(im, &c, 1, 0, NULL);
    return n == 1 ? c : (int)n;
}

static struct image *opened(void)
{
    struct image *im = NULL;
    struct err e = {0};
    TAP_OK(image_open(&raw, NULL, &im, &e) == 0, "opened: %s", e.text);
    return im;
}

static void test_sharing(void)
{
    unsigned none = open_files();
    struct image *a = opened();
    unsigned one = open_files();
    struct image *b = opened();
    TAP_OK(one == none + 1 && open_files() == one, "one descriptor for two images");
    image_unref(a);
    TAP_OK(first_byte(b) == 'a', "the other goes on");
    image_unref(b);
    TAP_OK(open_files() == none, "and none at the end");
}

static void test_change(void)
{
    unsigned none = open_files();
    struct image *before = opened();
    TAP_OK(first_byte(before) == 'a' && fill('b', 2000), "the file is changed");
    struct image *after = opened();
    struct image *also = opened();
    TAP_OK(first_byte(after) == 'b' && first_byte(also) == 'b',
           "who opens it now has the new bytes");
    TAP_OK(first_byte(before) == -ESTALE, "who had it open has neither");
    TAP_OK(open_files() == none + 2, "what is stale is not shared");
    image_unref(before);
    image_unref(after);
    image_unref(also);
    TAP_OK(open_files() == none, "all are closed");
}

static void *open_often(void *arg)
{
    for (int i = 0; i < OPENS; i++) {
        struct image *im = NULL;
        if (image_open(&raw, NULL, &im, NULL) < 0 || first_byte(im) != *(char *)arg)
            atomic_fetch_add(&wrong, 1);
        image_unref(im);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    char want = 'b';
    unsigned none = open_files(), started = 0;
    while (started < THREADS && !pthread_create(&threads[started], NULL, open_often, &want))
        started++;
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    TAP_OK(started == THREADS && !atomic_load(&wrong), "%u threads open and close it", started);
    TAP_OK(open_files() == none, "and leave nothing open");
}

static int refuse(void *ctx, const char *name, struct err *e)
{
    (void)ctx;
    return err_fail(e, EACCES, "'%s' is not for you", name);
}

static void test_policy(void)
{
    const struct image_policy nothing = {.allow = refuse};
    struct image *mine = opened(), *yours = NULL;
    TAP_OK(image_open(&raw, &nothing, &yours, NULL) == -EACCES, "each open asks its own policy");
    image_unref(mine);
}

int main(void)
{
    autoclose int fd = mkstemp(path);
    TAP_OK(fd >= 0 && fill('a', 1000), "a file");
    test_sharing();
    test_change();
    test_policy();
    test_threads();
    unlink(path);
    return tap_done();
}
