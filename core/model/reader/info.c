/* SPDX-License-Identifier: GPL-3.0-or-later */
/* info.c - see reader/info.h: virsh snapshot-info's keys, then those of snapfs. No locks. */
#include "model/reader/info.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "image/partitions.h"
#include "model/reader/open.h"
#include "model/reader/unmanaged.h"
#include "virt/xml.h"

/* Adds "Key:", padded as virsh pads it, then the value. No other function adds a line to `info`. */
static void add(struct text *t, const char *key, const char *value)
{
    int pad = 15 - (int)strlen(key) - 1;
    text_line(t, "%s:%*s %s", key, pad > 0 ? pad : 0, "", value);
}

static void add_number(struct text *t, const char *key, size_t value)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%zu", value);
    add(t, key, digits);
}

enum { STAMP_SIZE = 40 };

static const char *stamp(int64_t created, char buf[STAMP_SIZE])
{
    time_t when = (time_t)created;
    struct tm tm;
    *buf = '\0';
    if (gmtime_r(&when, &tm))
        strftime(buf, STAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return buf;
}

static void add_created(struct text *t, int64_t created)
{
    char buf[STAMP_SIZE];
    add(t, "Created", stamp(created, buf));
}

static const char *location(const struct xml_snapshot *x)
{
    if (x->memory == XML_EXTERNAL)
        return "external";
    for (size_t i = 0; i < x->n_disks; i++)
        if (x->disks[i].where == XML_EXTERNAL)
            return "external";
    return "internal";
}

static const char *memory(const struct xml_snapshot *x)
{
    if (x->memory == XML_EXTERNAL && x->memory_file)
        return x->memory_file;
    return x->memory == XML_EXTERNAL ? "external" : x->memory == XML_INTERNAL ? "internal" : "no";
}

/* Returns whether the domain has NVRAM that the snapshot lacks. Only an internal snapshot can hold
 * NVRAM, and only if the NVRAM is a qcow2 file. */
static bool lacks_nvram(const struct xml_snapshot *x)
{
    bool internal = !strcmp(location(x), "internal");
    return x->domain && x->domain->nvram && !(internal && x->domain->nvram_qcow2);
}

/* Returns whether the domain has a TPM that the snapshot lacks. QEMU saves the state of an emulated
 * TPM with the memory. */
static bool lacks_tpm(const struct xml_snapshot *x)
{
    return x->domain && x->domain->tpm && x->memory != XML_INTERNAL && x->memory != XML_EXTERNAL;
}

/* Adds a line about one disk: "KEY TARGET: value". */
static void add_of(struct text *t, const char *key, const char *target, const struct text *value)
{
    autotext struct text whole = {0};
    text_add(&whole, "%s %s", key, target);
    if (whole.failed || value->failed)
        t->failed = true;
    else
        add(t, whole.s, value->s);
}

/* Adds the partitions that are known. They are known if a program has looked at the image or at one
 * of its partitions. */
static void add_partitions(const struct domain *d, const struct snapshot_disk *disk, struct text *t)
{
    const struct partitions *known = images_partitions(d, disk);
    autotext struct text numbers = {0};
    for (size_t i = 0; known && i < known->n; i++)
        text_add(&numbers, "%s%u", i ? " " : "", known->all[i].number);
    if (numbers.len)
        add_of(t, "Partitions", disk->target, &numbers);
}

static void add_image(struct model *m, struct domain *d, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct text *t)
{
    const char *key = disk->memory ? "Saved" : "Disk";
    struct image_facts facts;
    struct err why;
    const char *chain;
    autotext struct text what = {0}, where = {0};
    if (images_probe(m, d, s, disk, &facts, &chain, &why) < 0) {
        text_add(&what, "cannot be read: %s: %s", err_name(why.no), why.text);
        add_of(t, key, disk->target, &what);
        return;
    }
    text_add(&what, "%s, %" PRIu64 " bytes", disk->tag ? "internal" : "external", facts.size);
    text_add(&where, "%s", chain);
    add_of(t, key, disk->target, &what);
    add_of(t, "Chain", disk->target, &where);
    add_partitions(d, disk, t);
}

static void add_disks(struct model *m, struct domain *d, const struct snapshot *s, struct text *t)
{
    autotext struct text names = {0};
    for (size_t i = 0; i < s->n_disks; i++)
        text_add(&names, "%s%s", i ? " " : "", s->disks[i].target);
    add(t, "Disks", s->n_disks && !names.failed ? names.s : "-");
    for (size_t i = 0; i < s->n_images; i++)
        add_image(m, d, s, &s->disks[i], t);
}

/* Adds the entry of a tag that libvirt does not know. */
static void add_untracked(struct text *t, const struct snapshot_disk *disk)
{
    autotext struct text entry = {0};
    char created[STAMP_SIZE];
    const struct untracked_tag *s = disk->untracked_tag;
    text_add(&entry, "id %s, %s, %" PRIu64 " bytes of memory, in '%s'", s->id,
             stamp(s->date, created), s->vm_state_size, s->path);
    add_of(t, "Tag", disk->target, &entry);
}

int model_tag_info(struct model *m, struct domain *d, const struct snapshot *tag, char **ret,
                   size_t *ret_len, struct err *e)
{
    const struct tag_list *all = domain_tags(d);
    autotext struct text t = {0};
    add(&t, "Name", tag->name);
    add(&t, "Domain", d->name);
    add(&t, "Metadata", "no");
    add_created(&t, snapshot_created(tag));
    add_disks(m, d, tag, &t);
    for (size_t i = 0; i < tag->n_disks; i++)
        add_untracked(&t, &tag->disks[i]);
    if (all && all->n_left_out)
        add_number(&t, "Not shown", all->n_left_out);
    *ret = text_take(&t, ret_len);
    return *ret ? 0 : err_nomem(e);
}

int model_info(struct model *m, struct domain *d, const struct snapshot *s, char **ret,
               size_t *ret_len, struct err *e)
{
    autotext struct text t = {0};
    add(&t, "Name", s->name);
    add(&t, "Domain", d->name);
    add(&t, "Current", d->current == s ? "yes" : "no");
    add(&t, "State", s->parsed->state ? s->parsed->state : "-");
    add(&t, "Location", location(s->parsed));
    add(&t, "Parent", s->parent ? s->parent->name : "-");
    add_number(&t, "Children", s->n_children);
    add_number(&t, "Descendants", s->n_descendants);
    add(&t, "Metadata", "yes");
    add_created(&t, s->parsed->created);
    add(&t, "Memory", memory(s->parsed));
    if (lacks_nvram(s->parsed))
        add(&t, "NVRAM", "not in the snapshot");
    if (lacks_tpm(s->parsed))
        add(&t, "TPM", "not in the snapshot");
    add_disks(m, d, s, &t);
    add(&t, "Needed-by", "see the file 'needed-by'");
    *ret = text_take(&t, ret_len);
    return *ret ? 0 : err_nomem(e);
}
