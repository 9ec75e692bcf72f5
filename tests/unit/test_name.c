/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_name.c - the coding of names, and which new names are refused. */
#include <errno.h>
#include <stdlib.h>

#include "base/name.h"
#include "tap.h"

static void coded(const char *name, const char *want)
{
    char *got = name_encode(name);
    TAP_STR(got, want, want);
    char *back = NULL;
    struct err e = {0};
    TAP_OK(name_decode(got, &back, &e) == 0 && !strcmp(back, name), "'%s' comes back", want);
    free(back);
    free(got);
}

static void refused_coding(const char *text, const char *hint)
{
    char *back = NULL;
    struct err e = {0};
    int r = name_decode(text, &back, &e);
    TAP_OK(r == -EINVAL && e.no == EINVAL, "'%s' is no coding", text);
    TAP_OK(strstr(e.text, hint) != NULL, "the sentence shows '%s': %s", hint, e.text);
}

static void refused_new(const char *name, const char *what)
{
    struct err e = {0};
    TAP_OK(name_check_new(name, &e) == -EINVAL && *e.text, "refused: %s", what);
}

static void allowed_new(const char *name)
{
    struct err e = {0};
    TAP_OK(name_check_new(name, &e) == 0, "allowed: '%s'", name);
}

static void test_long(void)
{
    char a[300], b[300];
    memset(a, '%', sizeof(a) - 1);
    a[sizeof(a) - 1] = 0;
    memcpy(b, a, sizeof(a));
    b[sizeof(b) - 2] = 'x';
    char *x = name_encode(a), *y = name_encode(b), *again = name_encode(a);
    TAP_OK(strlen(x) <= NAME_CODED_MAX && strlen(x) > NAME_CODED_MAX - 4, "a long name is cut");
    TAP_OK(strcmp(x, y) != 0, "names that differ past the cut stay different");
    TAP_STR(again, x, "and the cut is stable");
    TAP_OK(strchr(x, '~') && (strchr(x, '~') - x) % 3 == 0, "no half of a %%XX is left");
    free(x);
    free(y);
    free(again);

    char wide[300] = "";
    for (size_t i = 0; i + 3 < sizeof(wide); i += 3)
        memcpy(wide + i, "\xe2\x82\xac", 4);
    x = name_encode(wide);
    TAP_OK((strchr(x, '~') - x) % 3 == 0, "no half of a UTF-8 sequence is left");
    free(x);
}

static void test_marked(void)
{
    char *marked = name_encode_marked("x.raw", 0xab);
    TAP_STR(marked, "x%2Eraw~00000000000000ab", "a mark stands behind the coded name");
    free(marked);
    marked = name_encode_marked("", UINT64_MAX);
    TAP_STR(marked, "~ffffffffffffffff", "also behind none");
    free(marked);
    char name[255];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    marked = name_encode_marked(name, 1);
    TAP_OK(strlen(marked) == NAME_CODED_MAX && strchr(marked, '~'), "a name is cut for its mark");
    free(marked);
}

int main(void)
{
    test_marked();
    coded("plain name", "plain name");
    coded("revert", "%72evert");
    coded("by-name", "%62y-name");
    coded("x.raw", "x%2Eraw");
    coded("a.cow", "a%2Ecow");
    coded("a.qcow2", "a%2Eqcow2");
    coded("a.raw.changes", "a.raw%2Echanges");
    coded("a.cow.old", "a.cow.old");
    coded("needed-by", "%6Eeeded-by");
    coded(".raw", "%2Eraw");
    coded("x.raw.y", "x.raw.y");
    coded(".", "%2E");
    coded("..", "%2E.");
    coded(".hidden", "%2Ehidden");
    coded("a/b", "a%2Fb");
    coded("100%", "100%25");
    coded("%72evert", "%2572evert");
    coded("tab\tnewline\n", "tab%09newline%0A");
    coded("größe", "größe");
    refused_coding("revert", "%72evert");
    refused_coding("100%", "100%25");
    refused_coding("%41", "'A'");
    refused_coding("%2f", "%252f");
    test_long();

    refused_new("", "empty");
    refused_new("a,b", "comma");
    refused_new("a\nb", "control byte");
    refused_new("a/b", "slash");
    refused_new(".a", "leading dot");
    refused_new("1", "one digit");
    refused_new("123456789", "nine digits");
    refused_new("\xff", "not UTF-8");
    refused_new("\xc0\xaf", "overlong UTF-8");
    refused_new("\xed\xa0\x80", "a surrogate");
    char big[NAME_NEW_MAX + 2];
    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    refused_new(big, "201 bytes");
    big[NAME_NEW_MAX] = 0;
    allowed_new(big);
    allowed_new("1234567890");
    allowed_new("1a");
    allowed_new("grüße €");
    TAP_OK(name_is_plain("a.B_9-"), "plain");
    TAP_OK(!name_is_plain("a b") && !name_is_plain("ü"), "not plain");
    return tap_done();
}
