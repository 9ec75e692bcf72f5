/* help.c - `snapfs --help`, printed from the rows of options.c and node/rows.c. */
#include <stdio.h>

#include "fuse/options.h"

static void print_options(FILE *out, bool mount_options)
{
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (!row->help || (row->name[0] == '-') == mount_options)
            continue;
        char name[64];
        snprintf(name, sizeof(name), "%s%s%s", mount_options ? "-o " : "", row->name,
                 row->value ? row->value : "");
        fprintf(out, "    %-20s %s\n", name, row->help);
    }
}

static void print_mount_words(FILE *out)
{
    fputs("    accepted from mount(8) and fstab(5), and nothing but what is the default here:",
          out);
    for (size_t i = 0; i < option_count(); i++)
        if (!option_at(i)->help)
            fprintf(out, " %s", option_at(i)->name);
    fputs(" x-*\n", out);
}

static void print_rows(FILE *out, enum place_kind where)
{
    for (size_t i = 0; i < row_count(); i++) {
        const struct row *row = row_at(i);
        if (row->where != where)
            continue;
        fprintf(out, "    %-20s %s\n", row->name, row->help);
        if (row->words)
            fprintf(out, "    %-20s words: %s\n", "", row->words);
    }
}

static void print_image(FILE *out, const char *name, const char *help)
{
    fprintf(out, "    %-20s %s, read-only\n", name, help);
}

void options_help(FILE *out)
{
    fputs("usage: snapfs [-o opt[,opt...]] [options] [URI] MOUNTPOINT\n\n"
          "Mounts the snapshots of libvirt's domains as files. URI is a libvirt connection, by\n"
          "default libvirt's own choice. Unmount with 'fusermount3 -u' or umount.\n\n"
          "options:\n",
          out);
    print_options(out, false);
    fputs("\nmount options:\n", out);
    print_options(out, true);
    print_mount_words(out);
    fputs("\nin a domain's directory:\n", out);
    print_rows(out, PLACE_DOMAIN);
    fputs("\nin a snapshot's directory:\n", out);
    print_rows(out, PLACE_SNAPSHOT);
    print_image(out, "DISK.raw", "the disk's bytes as the guest saw them");
    print_image(out, "memory", "the memory that was saved with it");
    fputs("\nin a tag's directory:\n", out);
    print_rows(out, PLACE_TAG);
    print_image(out, "DISK.raw", "the disk's bytes as the guest saw them");
}
