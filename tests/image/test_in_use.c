/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_in_use.c - whether a QEMU may have the file open. "No" needs proof, because a file that is
 * unlinked while a QEMU has it open is lost. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/qemu_locks.h"
#include "tap.h"

enum { BYTE_READ = 100 /* QEMU's byte of a reader */ };

static char directory[] = "/tmp/snapfs-in-use-XXXXXX";

static const char *in(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static int make(const char *name)
{
    return open(in(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static void test_locks(void)
{
    int fd = make("image");
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = BYTE_READ, .l_len = 1};
    TAP_OK(fd >= 0 && !image_is_open(in("image")), "a file without locks");
    TAP_OK(fcntl(fd, F_OFD_SETLK, &l) == 0 && image_is_open(in("image")), "a reader's lock");
    close(fd);
    TAP_OK(!image_is_open(in("image")), "the lock is gone");
}

static void test_what_cannot_be_opened(void)
{
    TAP_OK(!image_is_open(in("none")), "a file that is not there");
    TAP_OK(image_is_open(in("image/none")), "a path through a file");
    TAP_OK(symlink("image", in("link")) == 0 && image_is_open(in("link")), "a link");
    if (geteuid() == 0 && seteuid(65534) == 0) {
        TAP_OK(image_is_open(in("image")), "a file that may not be read");
        TAP_OK(seteuid(0) == 0, "root again");
    }
}

/* No descriptor is left for it. */
static void test_no_descriptors(void)
{
    struct rlimit was, none;
    bool known = getrlimit(RLIMIT_NOFILE, &was) == 0;
    none = (struct rlimit){0, was.rlim_max};
    TAP_OK(known && setrlimit(RLIMIT_NOFILE, &none) == 0 && image_is_open(in("image")),
           "a file that cannot be opened for want of descriptors");
    TAP_OK(setrlimit(RLIMIT_NOFILE, &was) == 0 && !image_is_open(in("image")), "now it can");
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    test_locks();
    test_what_cannot_be_opened();
    test_no_descriptors();
    unlink(in("image"));
    unlink(in("link"));
    rmdir(directory);
    return tap_done();
}
