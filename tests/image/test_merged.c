/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_merged.c - random chains: reads, maps and seeks are as the format's specification says, passing
 * read errors are not kept, and no byte of a changed file is returned.
 *
 * SNAPFS_SEED repeats a run; SNAPFS_ROUNDS makes it longer.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "made.h"
#include "tap.h"

enum { ROUNDS = 500, BYTES = 1024, DEEP_EVERY = 50, ENDING = 128 };

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* Two layers. A cluster of the lower one begins in its file at the offset at which the cluster
 * before it ends in the upper one's file. */
static void carried_on_in_another_file(void)
{
    static const uint8_t bytes[] = {1, 0,  0, 0, 16, 3, 2, 32, 0,  0, 0, 0, 0,
                                    0, 16, 3, 2, 32, 0, 0, 5,  15, 0, 0, 0, 10};
    const char *wrong = made_try(bytes, sizeof(bytes), 1);
    TAP_OK(!wrong, "hosts that carry on in another file: %s", wrong ? wrong : "all right");
}

/* A page of 256 clusters in every other of which a layer ends, with another cluster right before.
 */
static void layers_that_end_in_one_page(void)
{
    static uint8_t bytes[4096];
    const char *wrong = NULL;
    for (unsigned window = 0; !wrong && window < 16; window++) {
        size_t n = 0;
        const uint8_t top[] = {0, 5, 0, 0x7f, 0xff, 0};
        memcpy(bytes, top, sizeof(top));
        n = sizeof(top);
        for (unsigned i = 1; i <= ENDING; i++) {
            unsigned unit = 256 - 2 * i, last = (unit + 1) * 128 + 63;
            const uint8_t layer[] = {
                5, 0,         (uint8_t)(last >> 8), (uint8_t)last, 3, 2, 8, 0, (uint8_t)(unit / 2),
                1, (uint8_t)i};
            memcpy(bytes + n, layer, sizeof(layer));
            n += sizeof(layer);
        }
        const uint8_t look[] = {(uint8_t)window, 0, 0, 40, 255, 0};
        memcpy(bytes + n, look, sizeof(look));
        wrong = made_try(bytes, n + sizeof(look), 1 + ENDING);
    }
    TAP_OK(!wrong, "layers that end in one page: %s", wrong ? wrong : "all right");
}

static void made_at_random(void)
{
    static uint8_t bytes[BYTES * 16];
    uint64_t seed = 0;
    TAP_OK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed), "a seed");
    seed = number("SNAPFS_SEED", seed % 1000000000);
    uint64_t rounds = number("SNAPFS_ROUNDS", ROUNDS), state = seed + 88172645463325252ULL;
    printf("# SNAPFS_SEED=%llu\n", (unsigned long long)seed);
    const char *wrong = NULL;
    uint64_t done = 0;
    for (; !wrong && done < rounds; done++) {
        bool deep = done % DEEP_EVERY == 0;
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)(next_random(&state) >> 32);
        wrong = made_try(bytes, deep ? sizeof(bytes) : BYTES, deep ? 40 : 1);
    }
    TAP_OK(!wrong, "round %llu of %llu: %s", (unsigned long long)done, (unsigned long long)rounds,
           wrong ? wrong : "all right");
}

int main(void)
{
    carried_on_in_another_file();
    layers_that_end_in_one_page();
    made_at_random();
    return tap_done();
}
