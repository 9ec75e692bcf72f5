/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_fdisk.c - a thousand tables made by libfdisk at random, read by libfdisk and by snapfs.
 *
 * SNAPFS_SEED repeats a run.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include <libfdisk/libfdisk.h>

#include "base/mem.h"
#include "image/partitions.h"
#include "tap.h"

enum { TABLES = 1000, TRIES = 40, MIB = 1024 * 1024 };

static uint64_t state;

/* xorshift64*: the same numbers everywhere. */
static uint64_t below(uint64_t limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717) % limit;
}

struct table {
    int fd;
    uint64_t size;
    unsigned sector;
    bool gpt;
};

static int read_file(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e)
{
    const struct table *t = ctx;
    return pread(t->fd, buf, len, (off_t)offset) == (ssize_t)len
               ? 0
               : err_fail(e, EIO, "cannot read %zu bytes at %ju", len, (uintmax_t)offset);
}

static void give_up(const char *what, const struct table *t)
{
    printf("# cannot %s %s of %ju bytes, sectors of %u\n", what, t->gpt ? "gpt" : "dos",
           (uintmax_t)t->size, t->sector);
    exit(1);
}

static struct fdisk_context *look(const struct table *t, int readonly)
{
    struct fdisk_context *c = fdisk_new_context();
    if (!c || fdisk_disable_dialogs(c, 1) < 0 ||
        fdisk_save_user_sector_size(c, t->sector, t->sector) < 0 ||
        fdisk_save_user_grain(c, below(2) ? t->sector : MIB) < 0 ||
        fdisk_assign_device_by_fd(c, t->fd, "table", readonly) < 0)
        give_up("look at", t);
    return c;
}

static int add(struct fdisk_context *c, uint64_t start, uint64_t size, size_t number, unsigned code)
{
    struct fdisk_partition *p = fdisk_new_partition();
    fdisk_partition_set_start(p, start);
    fdisk_partition_set_size(p, size);
    fdisk_partition_size_explicit(p, 1);
    if (number)
        fdisk_partition_set_partno(p, number);
    else
        fdisk_partition_partno_follow_default(p, 1);
    if (code)
        fdisk_partition_set_type(
            p, fdisk_label_get_parttype_from_code(fdisk_get_label(c, NULL), code));
    int r = fdisk_add_partition(c, p, NULL);
    fdisk_unref_partition(p);
    return r;
}

/* Anywhere, with any number; what does not fit is left out. */
static void fill_gpt(struct fdisk_context *c, uint64_t sectors)
{
    for (uint64_t n = below(TRIES); n; n--)
        add(c, below(sectors), 1 + below(below(2) ? sectors : sectors / 20 + 1),
            below(2) ? below(128) : 0, 0);
}

/* One after the other, with gaps; libfdisk's own state is spoilt by one that does not fit. */
static int fill_dos(struct fdisk_context *c, uint64_t at, uint64_t end, uint64_t gap, bool primary)
{
    static const unsigned codes[] = {0x05, 0x0F, 0x85};
    uint64_t room = end - at, extended = primary ? below(6) : UINT64_MAX;
    int r = 0;
    for (uint64_t n = 0, most = primary ? 4 : below(12); r == 0 && n < most; n++) {
        uint64_t start = at + gap + below(room / 10 + 1), size = 1 + below(room / 4 + 1);
        if (start + size > end)
            break;
        r = add(c, start, size, 0, n == extended ? codes[below(3)] : 0);
        if (r == 0 && n == extended)
            r = fill_dos(c, start, start + size, gap, false);
        at = start + size;
    }
    return r;
}

static void delete_some(struct fdisk_context *c)
{
    for (size_t i = fdisk_get_npartitions(c); i-- > 0;)
        if (!below(4) && fdisk_is_partition_used(c, i))
            fdisk_delete_partition(c, i);
}

/* False: libfdisk will not write that. */
static bool make(struct table *t)
{
    t->sector = below(2) ? 512 : 4096;
    t->gpt = below(2);
    t->size = (8 * MIB + below(below(2) ? 256 * MIB : UINT64_C(1) << 40)) / 512 * 512;
    t->fd = memfd_create("table", MFD_CLOEXEC);
    if (t->fd < 0 || ftruncate(t->fd, (off_t)t->size) < 0)
        exit(1);
    struct fdisk_context *c = look(t, 0);
    if (fdisk_create_disklabel(c, t->gpt ? "gpt" : "dos") < 0)
        give_up("label", t);
    int r = 0;
    if (t->gpt)
        fill_gpt(c, t->size / t->sector);
    else
        r = fill_dos(c, 1, t->size / t->sector, MIB / t->sector, true);
    delete_some(c);
    bool written = r == 0 && fdisk_write_disklabel(c) == 0;
    fdisk_deassign_device(c, 1);
    fdisk_unref_context(c);
    return written;
}

/* Returns whether snapfs has this partition of libfdisk. An extended partition does not count. */
static bool has(const struct partitions *ours, struct fdisk_partition *p, const struct table *t)
{
    const struct partition *own = partitions_get(ours, (unsigned)fdisk_partition_get_partno(p) + 1);
    return own && own->offset == fdisk_partition_get_start(p) * t->sector &&
           own->length == fdisk_partition_get_size(p) * t->sector;
}

static void show(const struct partitions *ours, struct fdisk_table *theirs, const struct table *t)
{
    struct fdisk_partition *p;
    struct fdisk_iter *it = fdisk_new_iter(FDISK_ITER_FORWARD);
    printf("# %s, %ju bytes, sectors of %u; %s\n", t->gpt ? "gpt" : "dos", (uintmax_t)t->size,
           t->sector, ours->wrong ? ours->wrong : "");
    while (fdisk_table_next_partition(theirs, it, &p) == 0)
        printf("# theirs %zu: %ju + %ju%s\n", fdisk_partition_get_partno(p) + 1,
               (uintmax_t)fdisk_partition_get_start(p) * t->sector,
               (uintmax_t)fdisk_partition_get_size(p) * t->sector,
               fdisk_partition_is_container(p) ? " extended" : "");
    for (size_t i = 0; i < ours->n; i++)
        printf("# ours %u: %ju + %ju\n", ours->all[i].number, (uintmax_t)ours->all[i].offset,
               (uintmax_t)ours->all[i].length);
    fdisk_free_iter(it);
}

/* Returns the number of partitions; -1 if they differ. */
static int compare(struct table *t, unsigned *logical)
{
    struct fdisk_table *theirs = NULL;
    struct fdisk_context *c = look(t, 1);
    struct fdisk_partition *p;
    struct partitions ours;
    struct err e;
    size_t n = 0;
    bool same = fdisk_get_partitions(c, &theirs) == 0 &&
                partitions_find(read_file, t, t->size, t->gpt && below(2) ? 0 : t->sector, &ours,
                                &e) == 0 &&
                !ours.wrong && ours.sector == t->sector;
    struct fdisk_iter *it = fdisk_new_iter(FDISK_ITER_FORWARD);
    while (same && fdisk_table_next_partition(theirs, it, &p) == 0)
        if (!fdisk_partition_is_container(p)) {
            n++;
            *logical += fdisk_partition_is_nested(p) != 0;
            same = has(&ours, p, t);
        }
    same = same && n == ours.n;
    if (!same)
        show(&ours, theirs, t);
    fdisk_free_iter(it);
    fdisk_unref_table(theirs);
    fdisk_deassign_device(c, 1);
    fdisk_unref_context(c);
    return same ? (int)n : -1;
}

int main(void)
{
    const char *seed = getenv("SNAPFS_SEED");
    state = (seed ? strtoul(seed, NULL, 10) : (uint64_t)time(NULL)) + 1;
    printf("# SNAPFS_SEED=%ju\n", (uintmax_t)state - 1);
    unsigned same = 0, logical = 0, all = 0;
    for (int i = 0; i < TABLES; i++) {
        struct table t;
        while (!make(&t))
            close(t.fd);
        int n = compare(&t, &logical);
        same += n >= 0;
        all += n > 0 ? (unsigned)n : 0;
        close(t.fd);
    }
    TAP_OK(same == TABLES, "%u tables of %d are the same", same, TABLES);
    TAP_OK(all > TABLES && logical > TABLES / 10, "%u partitions, %u of them logical", all,
           logical);
    return tap_done();
}
