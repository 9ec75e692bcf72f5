/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.c - see options.h. There is one row per option; libfuse judges an option without a row.
 * mount(8) passes on the words of an fstab line. So the words that only mount uses are rows without
 * help. No locks. */
#include "fuse/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "fuse/lowlevel.h"
#include "fuse/values.h"
#include "model/create/words.h"
#include "node/cows.h"

static int set_uid(struct options *o, const char *value, struct err *e)
{
    return value_user("uid=", value, &o->tree.uid, e);
}

static int set_gid(struct options *o, const char *value, struct err *e)
{
    return value_group("gid=", value, &o->tree.gid, e);
}

static int set_dmask(struct options *o, const char *value, struct err *e)
{
    return value_mask("dmask=", value, &o->tree.dmask, e);
}

static int set_fmask(struct options *o, const char *value, struct err *e)
{
    return value_mask("fmask=", value, &o->tree.fmask, e);
}

static int set_cache(struct options *o, const char *value, struct err *e)
{
    return value_seconds("cache=", value, &o->cache_ns, e);
}

static int set_memory(struct options *o, const char *value, struct err *e)
{
    return value_mib("memory=", value, BUDGET_LEAST_MIB, BUDGET_MOST_MIB, &o->memory, e);
}

static int set_cow(struct options *o, const char *value, struct err *e)
{
    return value_mib("cow=", value, 1, COWS_MOST_MIB, &o->cow, e);
}

static int set_max_read(struct options *o, const char *value, struct err *e)
{
    return value_read("max_read=", value, &o->max_read, e);
}

static int set_ro(struct options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->readonly = true;
    return 0;
}

static int set_rw(struct options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->readonly = false;
    return 0;
}

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

static int set_untouched(struct options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->untouched = true;
    return 0;
}

static int set_flat(struct options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->flat = true;
    return 0;
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

static int set_foreground(struct options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->foreground = true;
    return 0;
}

static int set_debug(struct options *o, const char *value, struct err *e)
{
    o->debug = true;
    return set_foreground(o, value, e);
}

static int set_help(struct options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->help = true;
    return 0;
}

static int set_version(struct options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->version = true;
    return 0;
}

static int set_nothing(struct options *o, const char *value, struct err *e)
{
    (void)o;
    (void)value;
    (void)e;
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

static const struct option_row rows[] = {
    {"-r", NULL, "the same as -o ro", set_ro},
    {"-f", NULL, "stay in the foreground, log to stderr", set_foreground},
    {"-d", NULL, "-f, and log every request", set_debug},
    {"-h", NULL, "this help", set_help},
    {"--help", NULL, "this help", set_help},
    {"-V", NULL, "the version", set_version},
    {"--version", NULL, "the version", set_version},
    {"uid=", "USER", "owner of every file, a name or a number; default the mounting user", set_uid},
    {"gid=", "GROUP", "group of every file, a name or a number; default the mounting user's",
     set_gid},
    {"dmask=", "OCTAL", "directories have mode 0777 without these bits, default 0755", set_dmask},
    {"fmask=", "OCTAL",
     "images, memory and texts have mode 0444, writable files 0666, without these bits; "
     "default 0400 for images and memory, 0444 for texts, 0644 for descriptions, 0600 for command "
     "files",
     set_fmask},
    {"ro", NULL, "every change gives EROFS, except a write to a .cow file", set_ro},
    {"domain=", "GLOB", "show only the domains whose name matches; may be repeated", set_domain},
    {"create=", "WORDS",
     "the kind of snapshot that mkdir makes: words of the file 'create', joined by ':'",
     set_create},
    {"cache=", "SECONDS", "how old a listing may be, default 1, 0 allowed", set_cache},
    {"memory=", "MIB",
     "how much memory may be used for what is read and listed, default 256, at least 16",
     set_memory},
    {"cow=", "MIB", "how much may be written to one .cow file, default 1024", set_cow},
    {"max_read=", "BYTES", "how much the kernel asks for at a time, default 131072", set_max_read},
    {"loglevel=", "LEVEL", "error, warn, info or debug, default info", set_loglevel},
    {"allow=", "DIR",
     "open backing files below this directory, even if libvirt does not name them; may be repeated",
     set_allow},
    {"untouched", NULL,
     "refuse an image if a file of it was written to after the snapshot was made", set_untouched},
    {"flat", NULL,
     "the snapshots' directories are in by-name, with links to them below snapshots, so that their "
     "paths never change",
     set_flat},
    {"unreadable=", "WORD",
     "which unreadable images are listed: show (all), unsupported (all except kinds that are never "
     "read), hide (none); default show, for a remote libvirt unsupported",
     set_unreadable},
    {"remount", NULL, "refused: unmount and mount again", set_remount},
    {"subtype=", "NAME", "refused: the type of a mount is always fuse.snapfs", set_subtype},
    {"blkdev", NULL, "refused: the type of a mount is always fuse.snapfs", set_subtype},
    {"rw", NULL, NULL, set_rw},
    {"-n", NULL, NULL, set_nothing},
    {"defaults", NULL, NULL, set_nothing},
    {"auto", NULL, NULL, set_nothing},
    {"noauto", NULL, NULL, set_nothing},
    {"nofail", NULL, NULL, set_nothing},
    {"_netdev", NULL, NULL, set_nothing},
    {"user", NULL, NULL, set_nothing},
    {"nouser", NULL, NULL, set_nothing},
    {"users", NULL, NULL, set_nothing},
    {"owner", NULL, NULL, set_nothing},
    {"group", NULL, NULL, set_nothing},
    {"relatime", NULL, NULL, set_nothing},
    {"norelatime", NULL, NULL, set_nothing},
    {"strictatime", NULL, NULL, set_nothing},
    {"diratime", NULL, NULL, set_nothing},
    {"nodiratime", NULL, NULL, set_nothing},
    {"lazytime", NULL, NULL, set_nothing},
    {"nolazytime", NULL, NULL, set_nothing},
    {"silent", NULL, NULL, set_nothing},
    {"loud", NULL, NULL, set_nothing},
    {"user=", NULL, NULL, set_nothing},
    {"comment=", NULL, NULL, set_nothing},
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

static int take_option(struct parser *p, const char *arg)
{
    const char *value;
    const struct option_row *row = find_row(arg, &value);
    if (row)
        return row->set(p->o, value, p->e);
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
