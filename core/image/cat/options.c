/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.c - see options.h. */
#include "image/cat/options.h"

#include <errno.h>
#include <getopt.h>

#include "base/mem.h"

const char cat_help[] =
    "Usage: snapfs-cat -f FORMAT [-s TAG | -i ID] [-o OFFSET] [-l LENGTH] [--secret FILE]\n"
    "                  [--output FILE | --map | --info] IMAGE\n"
    "Writes the bytes of a disk image, or of a snapshot in it, to standard output.\n"
    "\n"
    "  -f, --format=FORMAT    format of IMAGE: raw, qcow2, or one that QEMU reads for it\n"
    "                         (luks, parallels, qcow, qed, vdi, vhdx, vmdk, vpc); never guessed\n"
    "  -s, --snapshot=TAG     the internal snapshot with that name\n"
    "  -i, --id=ID            the internal snapshot with that id\n"
    "  -o, --offset=OFFSET    begin at that byte of the disk (suffixes K, M, G, T)\n"
    "  -l, --length=LENGTH    at most so many bytes\n"
    "      --secret=FILE      the file with the passphrase of encrypted images\n"
    "      --output=FILE      copy it to FILE, holes left out, or to a block device instead\n"
    "      --map              print the extents as qemu-img map --output=json does\n"
    "      --info             print size, chain and snapshots\n"
    "  -h, --help             print this\n"
    "  -V, --version          print the version\n";

enum { OPT_OUTPUT = 256, OPT_MAP, OPT_INFO, OPT_SECRET };

static const struct option long_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"snapshot", required_argument, NULL, 's'},
    {"id", required_argument, NULL, 'i'},
    {"offset", required_argument, NULL, 'o'},
    {"length", required_argument, NULL, 'l'},
    {"secret", required_argument, NULL, OPT_SECRET},
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"map", no_argument, NULL, OPT_MAP},
    {"info", no_argument, NULL, OPT_INFO},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* Reads decimal digits and one of K, M, G, T (powers of 1024). */
static int parse_bytes(const char *text, uint64_t *ret, struct err *e)
{
    static const char suffixes[] = "KMGT";
    uint64_t n = 0;
    const char *p = text;
    bool fits = *p >= '0' && *p <= '9';
    for (; fits && *p >= '0' && *p <= '9'; p++)
        fits = mul_u64(n, 10, &n) && add_u64(n, (uint64_t)(*p - '0'), &n);
    const char *suffix = fits && *p ? strchr(suffixes, *p) : NULL;
    if (suffix) {
        fits = mul_u64(n, UINT64_C(1) << 10 * (suffix - suffixes + 1), &n);
        p++;
    }
    if (!fits || *p)
        return err_fail(e, EINVAL, "'%s' is not a number of bytes", text);
    *ret = n;
    return 0;
}

static int set_action(struct cat_options *o, enum cat_action action, struct err *e)
{
    if (o->action != CAT_BYTES && o->action != action)
        return err_fail(e, EINVAL, "--map, --info and --output exclude each other");
    o->action = action;
    return 0;
}

static int parse_one(struct cat_options *o, int c, char **argv, struct err *e)
{
    switch (c) {
    case 'f':
        o->source.format = optarg;
        return 0;
    case 's':
        o->source.tag = optarg;
        return 0;
    case 'i':
        o->source.id = optarg;
        return 0;
    case 'o':
        return parse_bytes(optarg, &o->offset, e);
    case 'l':
        return parse_bytes(optarg, &o->length, e);
    case OPT_SECRET:
        o->secret = optarg;
        return 0;
    case OPT_OUTPUT:
        o->output = optarg;
        return set_action(o, CAT_COPY, e);
    case OPT_MAP:
        return set_action(o, CAT_MAP, e);
    case OPT_INFO:
        return set_action(o, CAT_INFO, e);
    default:
        return err_fail(e, EINVAL, "%s '%s'; see snapfs-cat --help",
                        c == ':' ? "missing value of" : "unknown option", argv[optind - 1]);
    }
}

static int check_whole(const struct cat_options *o, int rest, struct err *e)
{
    if (rest != 1)
        return err_fail(e, EINVAL, "%s; see snapfs-cat --help",
                        rest ? "more than one image" : "no image given");
    if (o->source.tag && o->source.id)
        return err_fail(e, EINVAL, "-s and -i exclude each other");
    if (!o->source.format)
        return err_fail(e, EINVAL, "no -f FORMAT given: the format of '%s' is never guessed",
                        o->source.path);
    return 0;
}

int cat_options_parse(int argc, char **argv, struct cat_options *ret, struct err *e)
{
    struct cat_options o = {.length = UINT64_MAX};
    int c;
    while ((c = getopt_long(argc, argv, ":f:s:i:o:l:hV", long_options, NULL)) != -1) {
        if (c == 'h' || c == 'V') {
            *ret = (struct cat_options){.action = c == 'h' ? CAT_HELP : CAT_VERSION};
            return 0;
        }
        int r = parse_one(&o, c, argv, e);
        if (r < 0)
            return r;
    }
    o.source.path = argv[optind];
    int r = check_whole(&o, argc - optind, e);
    if (r < 0)
        return r;
    *ret = o;
    return 0;
}
