/* SPDX-License-Identifier: GPL-3.0-or-later */
/* help.c - `snapfs --help`, printed from the rows of options.c and node/rows.c. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "fuse/options.h"

enum { HELP_COLUMN = 25, HELP_WIDTH = 78 };

/* Prints `text` from HELP_COLUMN on, and ends the line. The cursor must be at HELP_COLUMN. */
static void print_wrapped(FILE *out, const char *text)
{
    size_t at = HELP_COLUMN;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (at > HELP_COLUMN && at + 1 + len > HELP_WIDTH) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            at = HELP_COLUMN;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > HELP_COLUMN ? " " : "", (int)len, text);
        text += len + strspn(text + len, " ");
    }
    fputc('\n', out);
}

static void print_item(FILE *out, const char *name, const char *help)
{
    if (fprintf(out, "    %-20s ", name) > HELP_COLUMN)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    print_wrapped(out, help);
}

static void print_options(FILE *out, bool mount_options)
{
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (!row->help || (row->name[0] == '-') == mount_options)
            continue;
        char name[64];
        snprintf(name, sizeof(name), "%s%s%s", mount_options ? "-o " : "", row->name,
                 row->value ? row->value : "");
        print_item(out, name, row->help);
    }
}

static void print_mount_words(FILE *out)
{
    autotext struct text words = {0};
    text_add(&words, "accepted from mount(8) and fstab(5), without effect:");
    for (size_t i = 0; i < option_count(); i++)
        if (!option_at(i)->help)
            text_add(&words, " %s", option_at(i)->name);
    text_add(&words, " x-*");
    if (!words.failed)
        print_item(out, "others", words.s);
}

static void print_rows(FILE *out, enum place_kind where)
{
    for (size_t i = 0; i < row_count(); i++) {
        const struct row *row = row_at(i);
        if (row->where != where)
            continue;
        print_item(out, row->name, row->help);
        if (row->words) {
            autotext struct text words = {0};
            text_add(&words, "words: ");
            row->words(&words);
            print_item(out, "", words.failed ? "" : words.s);
        }
    }
}

static void print_image(FILE *out, const char *name, const char *help)
{
    autotext struct text t = {0};
    text_add(&t, "%s, read-only", help);
    print_item(out, name, t.failed ? help : t.s);
}

static void print_disk(FILE *out)
{
    print_image(out, "DISK.raw", "the disk's bytes as the guest saw them");
    print_image(out, "DISK-partN.raw", "not listed: the bytes of its partition N");
    print_item(out, "DISK.cow",
               "not listed: the disk's bytes, for writes that are lost with the last close; of a "
               "partition DISK-partN.cow");
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
    print_disk(out);
    print_image(out, "memory", "the memory that was saved with it");
    fputs("\nin a tag's directory:\n", out);
    print_rows(out, PLACE_TAG);
    print_disk(out);
}
