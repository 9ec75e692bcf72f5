/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: accepted and refused words, and the sentences for refusals. */
#include "base/budget.h"
#include "fuse/options.h"

#include <errno.h>
#include <unistd.h>

#include "tap.h"

enum { ARGS_MAX = 12 };

/* Parses "snapfs" and these words, separated by blanks. */
static int parse(const char *line, struct options *o, struct err *e)
{
    static char copy[512], name[] = "snapfs";
    char *argv[ARGS_MAX + 2] = {name}, *rest = copy, *word;
    int argc = 1;
    snprintf(copy, sizeof(copy), "%s", line);
    while (argc <= ARGS_MAX && (word = strsep(&rest, " ")))
        argv[argc++] = word;
    return options_parse(argc, argv, o, e);
}

static void refused(const char *line, const char *says)
{
    struct options o;
    struct err e;
    int r = parse(line, &o, &e);
    TAP_OK(r == -EINVAL && strstr(e.text, says), "'%s' is refused: %s", line,
           r < 0 ? e.text : "(it was not)");
    options_free(&o);
}

static void accepted(const char *line)
{
    struct options o;
    struct err e;
    int r = parse(line, &o, &e);
    TAP_OK(r == 0, "'%s' is accepted%s%s", line, r < 0 ? ", not " : "", r < 0 ? e.text : "");
    options_free(&o);
}

static void test_positional(void)
{
    struct options o;
    struct err e;
    TAP_OK(parse("/mnt", &o, &e) == 0 && !o.uri, "one argument is the mountpoint");
    TAP_STR(o.mountpoint, "/mnt", "the mountpoint");
    options_free(&o);
    TAP_OK(parse("qemu:///system /mnt -o ro", &o, &e) == 0 && o.readonly, "two, then options");
    TAP_STR(o.uri, "qemu:///system", "the first is the URI");
    TAP_STR(o.mountpoint, "/mnt", "the second the mountpoint");
    options_free(&o);
    refused("-f", "no mountpoint");
    refused("a b c", "too many");
}

static void test_defaults(void)
{
    struct options o;
    struct err e;
    TAP_OK(parse("/mnt", &o, &e) == 0, "no options");
    TAP_OK(o.cache_ns == 1000000000, "cache is 1 s");
    TAP_OK(o.memory == BUDGET_DEFAULT_MIB * MIB, "memory is %d MiB", BUDGET_DEFAULT_MIB);
    TAP_OK(o.max_read == READ_DEFAULT, "reads of %d bytes", READ_DEFAULT);
    TAP_OK(o.tree.dmask == MASK_NONE && o.tree.fmask == MASK_NONE, "no masks");
    TAP_OK(o.tree.uid == getuid() && o.tree.gid == getgid(), "the mounting user's files");
    TAP_OK(o.level == LOG_LEVEL_INFO, "changes are logged in the background");
    options_free(&o);
    TAP_OK(parse("-f /mnt", &o, &e) == 0 && o.level == LOG_LEVEL_INFO && o.foreground,
           "and in the foreground");
    options_free(&o);
}

static void test_values(void)
{
    struct options o;
    struct err e;
    int r = parse("-o uid=12,gid=4294967294,dmask=27,fmask=0137,cache=0.25,ro,domain=web*,domain=a,"
                  "allow=/x,loglevel=error,memory=16,max_read=65536,untouched /mnt",
                  &o, &e);
    TAP_OK(r == 0, "all of our options%s", r < 0 ? e.text : "");
    TAP_OK(o.tree.uid == 12 && o.tree.gid == 4294967294u, "ids");
    TAP_OK(o.tree.dmask == 027 && o.tree.fmask == 0137, "masks are octal");
    TAP_OK(o.cache_ns == 250000000, "a quarter of a second");
    TAP_OK(o.memory == 16 * MIB && o.max_read == 65536, "16 MiB, 64 KiB");
    TAP_OK(o.untouched, "untouched");
    TAP_OK(o.readonly && o.level == LOG_LEVEL_ERROR, "ro and the level");
    TAP_OK(o.domains.n == 2 && o.allow.n == 1 && o.libfuse.n == 0, "lists");
    TAP_STR(o.domains.n ? o.domains.items[0] : NULL, "web*", "the first pattern");
    options_free(&o);
}

static void test_refused(void)
{
    static const char *const masks[] = {"", "8", "1777", "0x7", "-1", " 7", "00007", "7 "};
    for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
        char line[64];
        snprintf(line, sizeof(line), "/mnt\t-ofmask=%s", masks[i]);
        char *argv[] = {line, line, strchr(line, '\t') + 1, NULL};
        argv[2][-1] = '\0';
        struct options o;
        struct err e;
        TAP_OK(options_parse(3, argv, &o, &e) == -EINVAL && strstr(e.text, "octal"),
               "fmask='%s' is refused", masks[i]);
        options_free(&o);
    }
    refused("-o uid= /mnt", "number");
    refused("-o uid=4294967295 /mnt", "number");
    refused("-o gid=no-such-group /mnt", "no group of that name");
    refused("-o uid=no-such-user /mnt", "no user of that name");
    refused("qemu:///system", "mountpoint is missing");
    refused("-o cache=-1 /mnt", "seconds");
    refused("-o cache=1. /mnt", "seconds");
    refused("-o cache=.5 /mnt", "seconds");
    refused("-o cache=99999999 /mnt", "seconds");
    refused("-o cache=1.0000000001 /mnt", "seconds");
    refused("-o memory= /mnt", "number of MiB from 16");
    refused("-o memory=15 /mnt", "number of MiB from 16");
    refused("-o memory=1048577 /mnt", "to 1048576");
    refused("-o memory=16M /mnt", "number of MiB");
    refused("-o max_read= /mnt", "number of bytes from 4096");
    refused("-o max_read=4095 /mnt", "number of bytes from 4096");
    refused("-o max_read=1048577 /mnt", "to 1048576");
    refused("-o memory=99999999999999999999 /mnt", "number of MiB");
    refused("-o allow=images /mnt", "absolute");
    refused("-o domain= /mnt", "pattern");
    refused("-o loglevel=loud /mnt", "error, warn, info or debug");
    refused("-o remount,ro /mnt", "unmount it and mount it again");
    refused("-o subtype=other /mnt", "leave the option out");
    refused("-o ro,blkdev /mnt", "leave the option out");
    refused("-z /mnt", "unknown option '-z'");
    refused("--frobnicate /mnt", "unknown option");
    refused("/mnt -o", "missing argument");
}

static void test_passed_on(void)
{
    struct options o;
    struct err e;
    accepted("-o rw,nofail,_netdev,noauto,defaults,user,x-systemd.automount,comment=x a /mnt");
    accepted("-o create=disk-only:diskspec=vda\\,snapshot=no:description=\"a:b\" /mnt");
    accepted("-o create= /mnt");
    refused("-o create=sideways /mnt", "'sideways'");
    refused("-o create=no-metadata /mnt", "no-metadata");
    accepted("-n -o ro,,diratime,lazytime,silent, /mnt");
    TAP_OK(parse("-o allow_other,nosuid,ro,rw /mnt", &o, &e) == 0, "libfuse's words");
    TAP_OK(o.libfuse.n == 2, "two of them are left to libfuse, got %zu", o.libfuse.n);
    TAP_STR(o.libfuse.n ? o.libfuse.items[0] : NULL, "allow_other", "the first");
    TAP_OK(!o.readonly, "the last of ro and rw counts");
    options_free(&o);
    TAP_OK(parse("-h", &o, &e) == 0 && o.help, "help needs no mountpoint");
    options_free(&o);
    TAP_OK(parse("-o domain=a\\,b /mnt", &o, &e) == 0 && o.domains.n == 1, "an escaped comma");
    TAP_STR(o.domains.n ? o.domains.items[0] : NULL, "a,b", "is the value's");
    options_free(&o);
}

static void test_help(void)
{
    char *text = NULL;
    size_t len = 0, missing = 0;
    FILE *out = open_memstream(&text, &len);
    if (!TAP_OK(out != NULL, "a stream"))
        return;
    options_help(out);
    fclose(out);
    for (size_t i = 0; i < option_count(); i++)
        missing += !strstr(text, option_at(i)->name);
    for (size_t i = 0; i < row_count(); i++)
        missing += !strstr(text, row_at(i)->name);
    TAP_OK(missing == 0, "the help names every option and file, %zu missing", missing);
    TAP_OK(strstr(text, "words: running paused force reset-nvram") != NULL, "and the words");
    free(text);
}

int main(void)
{
    test_positional();
    test_defaults();
    test_values();
    test_refused();
    test_passed_on();
    test_help();
    return tap_done();
}
