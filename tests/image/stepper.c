/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stepper.c - opens an image and looks at it, and stops at one exact moment on the way.
 *
 *     stepper MOMENT FORMAT PATH TAG read|map      TAG "-" = the whole file
 *
 * The moments are counted from 1: before each system call by which the reader looks at a file, and
 * between the opening and the rest. At the one given, or the two "FIRST,SECOND", it prints "halt
 * open", "halt between" or "halt use" and waits for a line on standard input. MOMENT "nolocks": no halt, but no lock can be asked
 * for either. The rest of what it prints: "opened AGE" (milliseconds since the file's modification
 * time), "bytes V…" (the values among the first bytes of the disk), "extent START LENGTH DEPTH DATA
 * HOST", "failed ERRNO SENTENCE".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "image/image.h"

enum { READ = 1024 * 1024 };

static long moment, halt_at, halt_again;
static bool no_locks;
static const char *phase = "open";

static void pass(void)
{
    if (++moment != halt_at && moment != halt_again)
        return;
    printf("halt %s\n", phase);
    fflush(stdout);
    while (getchar() != '\n' && !feof(stdin))
        ;
}

/* These replace the C library's own. */

ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
    pass();
    return syscall(SYS_pread64, fd, buf, len, offset);
}

int fstat(int fd, struct stat *ret)
{
    pass();
    return fstatat(fd, "", ret, AT_EMPTY_PATH);
}

off_t lseek(int fd, off_t offset, int whence)
{
    pass();
    return syscall(SYS_lseek, fd, offset, whence);
}

int fcntl(int fd, int command, ...)
{
    va_list ap;
    va_start(ap, command);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    pass();
    if (no_locks && command == F_OFD_GETLK) {
        errno = ENOLCK;
        return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

static int failed(const struct err *e)
{
    printf("failed %s %s\n", err_name(e->no), e->text);
    return 0;
}

static int read_bytes(struct image *im)
{
    static unsigned char buf[READ];
    bool seen[256] = {false};
    struct err e = {0};
    ssize_t n = image_read(im, buf, sizeof(buf), 0, &e);
    if (n < 0)
        return failed(&e);
    for (ssize_t i = 0; i < n; i++)
        seen[buf[i]] = true;
    printf("bytes");
    for (int v = 0; v < 256; v++)
        if (seen[v])
            printf(" %d", v);
    printf("\n");
    return 0;
}

static int map(struct image *im)
{
    struct image_extent x;
    for (uint64_t pos = 0; pos < image_size(im); pos += x.length) {
        struct err e = {0};
        if (image_map(im, pos, UINT64_MAX, &x, &e) < 0)
            return failed(&e);
        printf("extent %ju %ju %u %d %ju\n", (uintmax_t)x.offset, (uintmax_t)x.length, x.depth,
               x.data, (uintmax_t)x.host);
    }
    return 0;
}

static void tell_age(const char *path)
{
    struct timespec now;
    struct stat st = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    stat(path, &st);
    printf("opened %jd\n", (intmax_t)(now.tv_sec - st.st_mtim.tv_sec) * 1000 +
                               (now.tv_nsec - st.st_mtim.tv_nsec) / 1000000);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    no_locks = !strcmp(argv[1], "nolocks");
    char *second;
    halt_at = strtol(argv[1], &second, 10);
    halt_again = *second == ',' ? strtol(second + 1, NULL, 10) : 0;
    struct image_source source = {
        .format = argv[2], .path = argv[3], .tag = strcmp(argv[4], "-") ? argv[4] : NULL};
    struct err e = {0};
    autodestroy(image_unref) struct image *im = NULL;
    if (image_open(&source, NULL, &im, &e) < 0)
        return failed(&e);
    tell_age(source.path);
    phase = "between";
    pass();
    phase = "use";
    return strcmp(argv[5], "map") ? read_bytes(im) : map(im);
}
