/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The node table: ids are never used twice, lookups are counted, many nodes are found. */
#include "node/table.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static const char uuid[] = "6695eb01-f6a4-8304-79aa-97f2502e193f";

static uint64_t look_up_as(struct table *t, uint64_t snapshot, uint64_t number)
{
    struct place p = place_make(PLACE_SNAPSHOT, uuid, snapshot, 0);
    struct err e;
    uint64_t id = 0;
    return table_lookup(t, &p, number, &id, &e) == 0 ? id : 0;
}

static uint64_t look_up(struct table *t, uint64_t snapshot)
{
    struct place p = place_make(PLACE_SNAPSHOT, uuid, snapshot, 0);
    return look_up_as(t, snapshot, place_ino(&p));
}

static bool is_place(struct table *t, uint64_t id, uint64_t snapshot)
{
    struct place got, want = place_make(PLACE_SNAPSHOT, uuid, snapshot, 0);
    struct err e;
    return table_place(t, id, &got, &e) == 0 && place_equal(&got, &want);
}

static bool is_stale(struct table *t, uint64_t id)
{
    struct place p;
    struct err e;
    return table_place(t, id, &p, &e) == -ESTALE;
}

static void test_root(struct table *t)
{
    struct place p;
    struct err e;
    TAP_OK(table_place(t, TABLE_ROOT_ID, &p, &e) == 0 && p.kind == PLACE_ROOT, "the root is id 1");
    table_forget(t, TABLE_ROOT_ID, 1000);
    TAP_OK(!is_stale(t, TABLE_ROOT_ID), "the root is never forgotten");
}

static void test_counts(struct table *t)
{
    uint64_t id = look_up(t, 1);
    TAP_OK(id > TABLE_ROOT_ID && is_place(t, id, 1), "a place gets an id");
    TAP_OK(look_up(t, 1) == id, "and has the same at the next lookup");
    table_forget(t, id, 1);
    TAP_OK(is_place(t, id, 1), "one of two lookups forgotten: still there");
    table_forget(t, id, 1);
    TAP_OK(is_stale(t, id), "both forgotten: gone");
    uint64_t again = look_up(t, 1);
    TAP_OK(again != id, "an id is never used twice");
    table_forget(t, again, UINT64_MAX);
    TAP_OK(is_stale(t, again), "forgetting more than there were is harmless");
    table_forget(t, again, 1);
    TAP_OK(table_count(t) == 1, "only the root is left");
}

static void test_many(struct table *t)
{
    enum { MANY = 5000 };
    static uint64_t ids[MANY];
    size_t wrong = 0;
    for (uint64_t i = 0; i < MANY; i++)
        ids[i] = look_up(t, 1000 + i);
    for (uint64_t i = 0; i < MANY; i++)
        wrong += !is_place(t, ids[i], 1000 + i);
    TAP_OK(wrong == 0, "%d places are found by id", MANY);
    TAP_OK(table_count(t) == MANY + 1, "and counted");
    for (uint64_t i = 0; i < MANY; i += 2)
        table_forget(t, ids[i], 1);
    for (uint64_t i = 0; i < MANY; i++)
        wrong += i % 2 ? look_up(t, 1000 + i) != ids[i] : !is_stale(t, ids[i]);
    TAP_OK(wrong == 0, "half of them forgotten, the other half keeps its ids");
}

static struct image *open_file(void)
{
    char path[] = "/tmp/snapfs-test-XXXXXX";
    struct image_source source = {.path = path, .format = "raw"};
    struct image *im = NULL;
    struct err e;
    autoclose int fd = mkstemp(path);
    if (fd >= 0 && ftruncate(fd, 512) == 0)
        (void)image_open(&source, NULL, &im, &e);
    unlink(path);
    return im;
}

static void test_open(struct table *t)
{
    struct stat st = {.st_size = 7}, seen = {0};
    autodestroy(image_unref) struct image *one = open_file();
    autodestroy(image_unref) struct image *other = open_file();
    autodestroy(image_unref) struct image *got = NULL;
    enum table_pages first, second, third, fourth;
    uint64_t id = look_up(t, 2);
    if (!TAP_OK(one && other, "two images"))
        return;
    bool was_first = table_image_opened(t, id, one, &st, &first);
    bool was_second = !table_image_opened(t, id, one, &st, &second);
    TAP_OK(was_first && was_second, "of two opens one is the first");
    TAP_OK(first == PAGES_OLD && second == PAGES_OLD, "pages count as old until they were dropped");
    table_pages_dropped(t, id);
    table_image_closed(t, id);
    bool open = table_image(t, id, &seen, &got);
    TAP_OK(open && seen.st_size == 7 && got == one, "what is open has its attributes");
    table_image_opened(t, id, other, &st, &third);
    TAP_OK(third == PAGES_OTHER, "pages of an image that is open are not another's");
    table_image_closed(t, id);
    table_image_closed(t, id);
    TAP_OK(!table_image(t, id, &seen, &got), "until the last close");
    table_image_opened(t, id, one, &st, &fourth);
    TAP_OK(fourth == PAGES_RIGHT, "of the same files pages are right after they were dropped");
    table_image_closed(t, id);
}

static void test_moved(struct table *t)
{
    enum { FIRST = 20, SECOND, THIRD, NUMBER = 77, OTHER };
    struct stat st = {0};
    enum table_pages pages;
    autodestroy(image_unref) struct image *im = open_file();
    uint64_t id = look_up_as(t, FIRST, NUMBER);
    TAP_OK(look_up_as(t, SECOND, NUMBER) == id && is_place(t, id, SECOND),
           "a node goes along to the place that has its number");
    TAP_OK(table_number(t, id) == NUMBER, "and keeps the number");
    uint64_t other = look_up_as(t, THIRD, OTHER);
    TAP_OK(other != id && look_up_as(t, THIRD, NUMBER) == other && table_number(t, other) == NUMBER,
           "a place that is known comes before a number");
    if (!TAP_OK(im != NULL, "an image"))
        return;
    table_image_opened(t, id, im, &st, &pages);
    TAP_OK(look_up_as(t, THIRD, NUMBER) == id && is_place(t, id, THIRD),
           "but a node of that number that is open comes first");
    table_image_closed(t, id);
    table_forget(t, id, 3);
    table_forget(t, other, 2);
    TAP_OK(is_stale(t, id) && is_stale(t, other), "and both are forgotten");
}

static void test_no_image(struct table *t)
{
    struct stat st;
    struct image *im;
    uint64_t id = look_up(t, 1);
    TAP_OK(!table_image(t, id, &st, &im), "no image is open at first");
    table_image_closed(t, id);
    TAP_OK(is_place(t, id, 1), "a close too many is harmless");
}

int main(void)
{
    struct table *t = table_new();
    if (TAP_OK(t != NULL, "a table")) {
        test_root(t);
        test_counts(t);
        test_many(t);
        test_no_image(t);
        test_open(t);
        test_moved(t);
    }
    table_free(t);
    return tap_done();
}
