/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_flags.c - words of a command file. */
#include <errno.h>
#include <string.h>

#include "model/change/flag_words.h"
#include "tap.h"

static const struct flag_word words[] = {{"one", 1}, {"two", 2}, {"one-more", 4}};

static void gives(const char *text, unsigned want)
{
    struct err e = {0};
    unsigned flags = 99;
    int r = flags_parse("it", words, 3, text, &flags, &e);
    TAP_OK(r == 0 && flags == want, "%zu bytes: flags %u, want %u", strlen(text), flags, want);
}

static void refuses(const char *text, const char *quoted)
{
    struct err e = {0};
    unsigned flags = 99;
    int r = flags_parse("it", words, 3, text, &flags, &e);
    TAP_OK(r == -EINVAL && flags == 99, "'%s': %s", text, e.text);
    TAP_OK(strstr(e.text, quoted) && strstr(e.text, "it takes one, two, one-more"),
           "it says which, and what there is");
}

int main(void)
{
    gives("", 0);
    gives(" \t\n", 0);
    gives("one", 1);
    gives("  two\tone \n", 3);
    gives("one-more", 4);
    gives("one one", 1);
    refuses("three", "'three'");
    refuses("one on", "'on'");
    refuses("one onetwo", "'onetwo'");
    refuses("ONE", "'ONE'");
    return tap_done();
}
