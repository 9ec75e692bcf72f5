/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.c - see options.h. There is one row per option; libfuse judges an option without a row.
 * mount(8) passes on the words of an fstab line. So the words that only mount uses are rows without
 * help. No locks. */
#include "fuse/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "fuse/lowlevel.h"
#include "fuse/values.h"
#include "model/create/words.h"
#include "node/cows.h"

static int set_domain(struct options *o, const char *value, struct err *e)
{
    if (!*value)
        return err_fail(e, EINVAL, "'domain=' needs a pattern");
    return strings_add(&o->domains, value, e);
}

static int set_create(struct options *o, const char *value, struct err *e)
{
    struct wish w;
    struct err why;
    int r = words_parse_option(value, &w, &why);
    wish_drop(&w);
    if (r < 0)
        return err_fail(e, EINVAL, "'create=%s': %s", value, why.text);
    free(o->create);
    o->create = strdup(value);
    return o->create ? 0 : err_nomem(e);
}

static int set_allow(struct options *o, const char *value, struct err *e)
{
    if (value[0] != '/')
        return err_fail(e, EINVAL, "'allow=%s': the directory is an absolute path", value);
    return strings_add(&o->allow, value, e);
}

static int set_unreadable(struct options *o, const char *value, struct err *e)
{
    static const char *const words[] = {[UNREADABLE_SHOW] = "show",
                                        [UNREADABLE_UNSUPPORTED] = "unsupported",
                                        [UNREADABLE_HIDE] = "hide"};
    for (int i = UNREADABLE_SHOW; i <= UNREADABLE_HIDE; i++)
        if (!strcmp(value, words[i])) {
            o->tree.unreadable = (enum tree_unreadable)i;
            return 0;
        }
    return err_fail(e, EINVAL, "'unreadable=%s': the word is show, unsupported or hide", value);
}

static int set_loglevel(struct options *o, const char *value, struct err *e)
{
    if (!log_level_parse(value, &o->level))
        return err_fail(e, EINVAL, "'loglevel=%s': the level is error, warn, info or debug", value);
    o->has_level = true;
    return 0;
}

static int set_debug(struct options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->debug = o->foreground = true;
    return 0;
}

static int set_remount(struct options *o, const char *value, struct err *e)
{
    (void)o;
    (void)value;
    return err_fail(e, EINVAL,
                    "a mount keeps its options ('remount'): unmount it and mount it again");
}

static int set_subtype(struct options *o, const char *value, struct err *e)
{
    (void)o;
    (void)value;
    return err_fail(e, EINVAL,
                    "the mount's type cannot be changed ('subtype=', 'blkdev'): by it snapfs finds "
                    "the clones whose backing file is in a mount; leave the option out");
}

#define SETS(kind, member) .type = (kind), .offset = offsetof(struct options, member)
#define NUMBER(kind, member, from, to) SETS(kind, member), .least = (from), .most = (to)

static const struct option_row rows[] = {
    {"-r", NULL, "the same as -o ro", SETS(OPTION_YES, readonly)},
    {"-f", NULL, "stay in the foreground, log to stderr", SETS(OPTION_YES, foreground)},
    {"-d", NULL, "-f, and log every request", .set = set_debug},
    {"-h", NULL, "this help", SETS(OPTION_YES, help)},
    {"--help", NULL, "this help", SETS(OPTION_YES, help)},
    {"-V", NULL, "the version", SETS(OPTION_YES, version)},
    {"--version", NULL, "the version", SETS(OPTION_YES, version)},
    {"uid=", "USER", "owner of every file, a name or a number; default the mounting user",
     SETS(OPTION_USER, tree.uid)},
    {"gid=", "GROUP", "group of every file, a name or a number; default the mounting user's",
     SETS(OPTION_GROUP, tree.gid)},
    {"dmask=", "OCTAL", "directories have mode 0777 without these bits, default 0755",
     SETS(OPTION_MASK, tree.dmask)},
    {"fmask=", "OCTAL",
     "images, memory and texts have mode 0444, writable files 0666, without these bits; "
     "default 0400 for images and memory, 0444 for texts, 0644 for descriptions, 0600 for command "
     "files",
     SETS(OPTION_MASK, tree.fmask)},
    {"ro", NULL, "every change gives EROFS, except a write to a .cow file",
     SETS(OPTION_YES, readonly)},
    {"domain=", "GLOB", "show only the domains whose name matches; may be repeated",
     .set = set_domain},
    {"create=", "WORDS",
     "the kind of snapshot that mkdir makes: words of the file 'create', joined by ':'",
     .set = set_create},
    {"cache=", "SECONDS", "how old a listing may be, default 1, 0 allowed",
     SETS(OPTION_SECONDS, cache_ns)},
    {"memory=", "MIB",
     "how much memory may be used for what is read and listed, default 256, at least 16",
     NUMBER(OPTION_MIB, memory, BUDGET_LEAST_MIB, BUDGET_MOST_MIB)},
    {"cow=", "MIB", "how much may be written to one .cow file, default 1024",
     NUMBER(OPTION_MIB, cow, 1, COWS_MOST_MIB)},
    {"max_read=", "BYTES", "how much the kernel asks for at a time, default 131072",
     NUMBER(OPTION_BYTES, max_read, READ_LEAST, READ_MOST)},
    {"loglevel=", "LEVEL", "error, warn, info or debug, default info", .set = set_loglevel},
    {"allow=", "DIR",
     "open backing files below this directory, even if libvirt does not name them; may be repeated",
     .set = set_allow},
    {"untouched", NULL,
     "refuse an image if a file of it was written to after the snapshot was made",
     SETS(OPTION_YES, untouched)},
    {"flat", NULL,
     "the snapshots' directories are in by-name, with links to them below snapshots, so that their "
     "paths never change",
     SETS(OPTION_YES, flat)},
    {"unreadable=", "WORD",
     "which unreadable images are listed: show (all), unsupported (all except kinds that are never "
     "read), hide (none); default show, for a remote libvirt unsupported",
     .set = set_unreadable},
    {"remount", NULL, "refused: unmount and mount again", .set = set_remount},
    {"subtype=", "NAME", "refused: the type of a mount is always fuse.snapfs", .set = set_subtype},
    {"blkdev", NULL, "refused: the type of a mount is always fuse.snapfs", .set = set_subtype},
    {"rw", NULL, NULL, SETS(OPTION_NO, readonly)},
    {"-n"},
    {"defaults"},
    {"auto"},
    {"noauto"},
    {"nofail"},
    {"_netdev"},
    {"user"},
    {"nouser"},
    {"users"},
    {"owner"},
    {"group"},
    {"relatime"},
    {"norelatime"},
    {"strictatime"},
    {"diratime"},
    {"nodiratime"},
    {"lazytime"},
    {"nolazytime"},
    {"silent"},
    {"loud"},
    {"user="},
    {"comment="},
};

size_t option_count(void)
{
    return sizeof(rows) / sizeof(*rows);
}

const struct option_row *option_at(size_t i)
{
    return &rows[i];
}

#define USAGE "snapfs [-o opt[,opt...]] [URI] MOUNTPOINT"

struct parser {
    struct options *o;
    struct strings positional;
    struct err *e;
};

/* Finds the row of an option as written, and the begin of its value. */
static const struct option_row *find_row(const char *arg, const char **ret_value)
{
    for (size_t i = 0; i < option_count(); i++) {
        size_t len = strlen(rows[i].name);
        bool valued = rows[i].name[len - 1] == '=';
        if (valued ? !strncmp(arg, rows[i].name, len) : !strcmp(arg, rows[i].name)) {
            *ret_value = arg + len;
            return &rows[i];
        }
    }
    return NULL;
}

/* Does what the row says. */
static int set(const struct option_row *row, struct options *o, const char *value, struct err *e)
{
    void *at = (char *)o + row->offset;
    switch (row->type) {
    case OPTION_YES:
    case OPTION_NO:
        *(bool *)at = row->type == OPTION_YES;
        return 0;
    case OPTION_USER:
        return value_user(row->name, value, at, e);
    case OPTION_GROUP:
        return value_group(row->name, value, at, e);
    case OPTION_MASK:
        return value_mask(row->name, value, at, e);
    case OPTION_SECONDS:
        return value_seconds(row->name, value, at, e);
    case OPTION_MIB:
        return value_mib(row->name, value, row->least, row->most, at, e);
    case OPTION_BYTES:
        return value_bytes(row->name, value, row->least, row->most, at, e);
    default:
        return row->set ? row->set(o, value, e) : 0;
    }
}

static int take_option(struct parser *p, const char *arg)
{
    const char *value;
    const struct option_row *row = find_row(arg, &value);
    if (row)
        return set(row, p->o, value, p->e);
    if (arg[0] == '-')
        return err_fail(p->e, EINVAL, "unknown option '%s'; 'snapfs --help' lists them all", arg);
    if (!*arg || !strncmp(arg, "x-", 2) || !strncmp(arg, "X-", 2))
        return 0;
    return strings_add(&p->o->libfuse, arg, p->e);
}

static int on_argument(void *data, const char *arg, int key, struct fuse_args *out)
{
    struct parser *p = data;
    (void)out;
    int r =
        key == FUSE_OPT_KEY_NONOPT ? strings_add(&p->positional, arg, p->e) : take_option(p, arg);
    return r < 0 ? -1 : 0;
}

static int take_positional(struct parser *p)
{
    if (p->o->help || p->o->version)
        return 0;
    size_t n = p->positional.n;
    if (n < 1 || n > 2)
        return err_fail(p->e, EINVAL, "%s; usage: " USAGE,
                        n ? "too many arguments" : "no mountpoint given");
    char **items = p->positional.items;
    if (n == 2 && strstr(items[1], ":/") && !strstr(items[0], ":/"))
        return err_fail(
            p->e, EINVAL,
            "'%s' is a URI where the mountpoint belongs; swap the two: snapfs '%s' '%s'", items[1],
            items[1], items[0]);
    if (n == 1 && strstr(items[0], ":/"))
        return err_fail(p->e, EINVAL, "the mountpoint is missing after '%s'; usage: " USAGE,
                        items[0]);
    p->o->mountpoint = take(items[n - 1]);
    if (n == 2)
        p->o->uri = take(items[0]);
    return 0;
}

int options_parse(int argc, char **argv, struct options *o, struct err *e)
{
    *o = (struct options){
        .cache_ns = CLOCK_SECOND,
        .max_read = READ_DEFAULT,
        .memory = BUDGET_DEFAULT_MIB * MIB,
        .cow = COWS_DEFAULT_MIB * MIB,
        .level = LOG_LEVEL_INFO,
        .tree = {.uid = getuid(), .gid = getgid(), .dmask = MASK_NONE, .fmask = MASK_NONE},
    };
    *e = (struct err){0};
    struct parser p = {.o = o, .e = e};
    struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
    char said[256];
    log_capture();
    int r = fuse_opt_parse(&args, &p, NULL, on_argument);
    log_captured(said, sizeof(said));
    fuse_opt_free_args(&args);
    if (r == 0)
        r = take_positional(&p);
    else if (!e->no)
        err_fail(e, EINVAL, "%s", *said ? said : "the command line cannot be read");
    strings_free(&p.positional);
    if (!o->has_level && o->debug)
        o->level = LOG_LEVEL_DEBUG;
    return r == 0 ? 0 : -e->no;
}

void options_free(struct options *o)
{
    free(o->uri);
    free(o->mountpoint);
    free(o->create);
    strings_free(&o->domains);
    strings_free(&o->allow);
    strings_free(&o->libfuse);
}
