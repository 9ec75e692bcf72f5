/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places: equality, and inode numbers that are stable and tell any two apart. */
#include "node/place.h"

#include <sys/stat.h>

#include "node/rows.h"
#include "tap.h"

static const char uuid_a[] = "6695eb01-f6a4-8304-79aa-97f2502e193f";
static const char uuid_b[] = "6695eb01-f6a4-8304-79aa-97f2502e1940";

static size_t row_of(enum place_kind where, const char *name)
{
    return row_number(row_find(where, name));
}

static void test_distinct(void)
{
    uint64_t disk_a = place_disk_item(7, "vda.raw"), disk_b = place_disk_item(7, "vdb.raw");
    struct place places[] = {
        place_make(PLACE_ROOT, "", 0, 0),
        place_make(PLACE_DOMAIN, uuid_a, 0, 0),
        place_make(PLACE_DOMAIN, uuid_b, 0, 0),
        place_make(PLACE_SNAPSHOTS, uuid_a, 0, 0),
        place_make(PLACE_BY_NAME, uuid_a, 0, 0),
        place_make(PLACE_CURRENT, uuid_a, 0, 0),
        place_make(PLACE_SNAPSHOT, uuid_a, 1, 0),
        place_make(PLACE_SNAPSHOT, uuid_a, 2, 0),
        place_make(PLACE_DEEP, uuid_a, 1, 0),
        place_make(PLACE_NAME, uuid_a, 1, 0),
        place_make(PLACE_FILE, uuid_a, 1, row_of(PLACE_SNAPSHOT, "info")),
        place_make(PLACE_FILE, uuid_a, 1, row_of(PLACE_SNAPSHOT, "revert")),
        place_make(PLACE_FILE, uuid_a, 0, row_of(PLACE_DOMAIN, "log")),
        place_make(PLACE_IMAGE, uuid_a, 1, disk_a),
        place_make(PLACE_IMAGE, uuid_a, 1, disk_b),
        place_make(PLACE_UNMANAGED, uuid_a, 0, 0),
        place_make(PLACE_TAG, uuid_a, 1, 0),
        place_make(PLACE_TAG_IMAGE, uuid_a, 1, disk_a),
    };
    size_t n = sizeof(places) / sizeof(*places), same = 0, same_ino = 0, odd = 0;
    for (size_t i = 0; i < n; i++) {
        odd += place_ino(&places[i]) == 0 || (i && place_ino(&places[i]) == 1);
        for (size_t j = 0; j < i; j++) {
            same += place_equal(&places[i], &places[j]);
            same_ino += place_ino(&places[i]) == place_ino(&places[j]);
        }
    }
    TAP_OK(same == 0, "no two of %zu places are equal", n);
    TAP_OK(same_ino == 0, "no two have one inode number");
    TAP_OK(odd == 0, "none has inode 0, and only the root has 1");
}

/* The two numbers were computed by another program, from the descriptions in place.c and hash.h. */
static void test_stable(void)
{
    struct place a = place_make(PLACE_SNAPSHOT, uuid_a, 12345, 0);
    struct place b = place_make(PLACE_SNAPSHOT, uuid_a, 12345, 0);
    TAP_OK(place_equal(&a, &b) && place_hash(&a) == place_hash(&b), "a place equals itself");
    TAP_OK(place_ino(&a) == UINT64_C(0x2387f05354f77717),
           "its inode number is that of all versions");
    struct place info = place_make(PLACE_FILE, uuid_a, 1, row_of(PLACE_SNAPSHOT, "info"));
    TAP_OK(place_ino(&info) == UINT64_C(0x9486e981cc2d47f2),
           "a row's too, wherever it is in the table");
}

static void test_types(void)
{
    struct place dir = place_make(PLACE_SNAPSHOT, uuid_a, 1, 0);
    struct place file = place_make(PLACE_IMAGE, uuid_a, 1, 1);
    struct place link = place_make(PLACE_DEEP, uuid_a, 1, 0);
    TAP_OK(place_type(&dir) == S_IFDIR, "a snapshot is a directory");
    TAP_OK(place_type(&file) == S_IFREG, "an image is a file");
    TAP_OK(place_type(&link) == S_IFLNK, "a deep child is a link");
    struct place tag = place_make(PLACE_TAG, uuid_a, 1, 0);
    struct place bytes = place_make(PLACE_TAG_IMAGE, uuid_a, 1, 1);
    struct place text = place_make(PLACE_FILE, uuid_a, 1, row_of(PLACE_TAG, "info"));
    struct place info = place_make(PLACE_FILE, uuid_a, 1, row_of(PLACE_SNAPSHOT, "info"));
    TAP_OK(place_type(&tag) == S_IFDIR && place_type(&bytes) == S_IFREG, "a tag's, too");
    TAP_OK(place_is_in_tag(&tag) && place_is_in_tag(&bytes) && place_is_in_tag(&text),
           "a tag's places are told");
    TAP_OK(!place_is_in_tag(&dir) && !place_is_in_tag(&file) && !place_is_in_tag(&info),
           "from a snapshot's");
    TAP_OK(place_is_image(file.kind) && place_is_image(bytes.kind) && !place_is_image(info.kind),
           "images are told");
}

int main(void)
{
    test_distinct();
    test_stable();
    test_types();
    return tap_done();
}
