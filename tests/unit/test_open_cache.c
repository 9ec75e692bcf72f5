/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_open_cache.c - images that stay open for a moment: each is given out once, only for the same
 * value and disk; the oldest is closed first, and an unused one is closed by itself. */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "model/reader/open_cache.h"
#include "tap.h"

enum { PATIENCE_S = 30 };

static struct image *opened(const char *path)
{
    struct image_source source = {.path = path, .format = "raw"};
    struct image *im = NULL;
    struct err e = {0};
    TAP_OK(image_open(&source, NULL, &im, &e) == 0, "an image is opened: %s", e.text);
    return im;
}

/* Puts an image of the disk in, held by nobody else. */
static void put(struct open_cache *l, struct domain *d, const struct snapshot_disk *disk,
                const char *path)
{
    autodestroy(image_unref) struct image *im = opened(path);
    open_cache_put(l, d, disk, im);
}

static bool take_one(struct open_cache *l, const struct domain *d, const struct snapshot_disk *disk)
{
    autodestroy(image_unref) struct image *im = open_cache_take(l, d, disk);
    return im != NULL;
}

static void given_out_once(struct open_cache *l, struct domain *d, struct domain *other,
                           const char *path)
{
    struct snapshot_disk disks[2] = {0};
    time_t began = time(NULL);
    bool wrong_value = false, wrong_disk = false, given = false;
    while (!given && time(NULL) < began + PATIENCE_S) { /* a busy machine is late sometimes */
        put(l, d, &disks[0], path);
        wrong_value |= take_one(l, other, &disks[0]);
        wrong_disk |= take_one(l, d, &disks[1]);
        given = take_one(l, d, &disks[0]);
    }
    TAP_OK(!wrong_value, "not for another value of the domain");
    TAP_OK(!wrong_disk, "nor for another disk");
    TAP_OK(given, "for this one");
    TAP_OK(!take_one(l, d, &disks[0]), "and only once");
}

static void oldest_goes(struct open_cache *l, struct domain *d, const char *path)
{
    struct snapshot_disk disks[OPEN_CACHE_IMAGES + 1] = {0};
    for (int i = 0; i <= OPEN_CACHE_IMAGES; i++)
        put(l, d, &disks[i], path);
    TAP_OK(!take_one(l, d, &disks[0]), "there is no place for more than %d", OPEN_CACHE_IMAGES);
    for (int i = 0; i < OPEN_CACHE_IMAGES; i++)
        (void)take_one(l, d, &disks[i + 1]);
}

/* The lowest descriptor that is free tells whether the image's file is open. */
static int lowest_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
}

static void closed_by_itself(struct open_cache *l, struct domain *d, const char *path)
{
    struct snapshot_disk disk = {0};
    const struct timespec tick = {.tv_nsec = 5000000};
    time_t began = time(NULL);
    int before = lowest_free();
    put(l, d, &disk, path);
    while (lowest_free() != before && time(NULL) < began + PATIENCE_S)
        nanosleep(&tick, NULL);
    TAP_OK(lowest_free() == before, "its file is closed");
    TAP_OK(!take_one(l, d, &disk), "and it is not given out any more");
}

int main(void)
{
    char path[] = "/tmp/snapfs-linger-XXXXXX";
    autoclose int fd = mkstemp(path);
    autodestroy(open_cache_free) struct open_cache *l = open_cache_new();
    struct domain *d = calloc(1, sizeof(*d)), *other = calloc(1, sizeof(*other));
    TAP_OK(fd >= 0 && ftruncate(fd, 1 << 20) == 0 && l && d && other, "a file and two values");
    d->refs = other->refs = 1;
    given_out_once(l, d, other, path);
    oldest_goes(l, d, path);
    closed_by_itself(l, d, path);
    put(l, d, &(struct snapshot_disk){0}, path); /* is let go at the end */
    domain_unref(d);
    domain_unref(other);
    unlink(path);
    return tap_done();
}
