/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_xml.c - the input is one of libvirt's documents; behind a NUL byte a description for it. */
#include <string.h>

#include "virt/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_domain(const struct xml_domain *d)
{
    if (!d->name || d->n_disks > XML_DISKS_MAX)
        __builtin_trap();
    for (size_t i = 0; i < d->n_disks; i++) {
        const struct xml_disk *disk = &d->disks[i];
        if (!disk->target || !disk->device || !disk->source.type || disk->n_backing > XML_CHAIN_MAX)
            __builtin_trap();
        const struct xml_disk *found = xml_domain_disk(d, disk->target);
        if (!found || found > disk)
            __builtin_trap();
    }
}

static void check_snapshot(const struct xml_snapshot *s)
{
    if (!s->name || !*s->name || !s->state || s->n_disks > XML_DISKS_MAX)
        __builtin_trap();
    for (size_t i = 0; i < s->n_disks; i++)
        if (!s->disks[i].target || !s->disks[i].overlay.type)
            __builtin_trap();
    if (s->domain)
        check_domain(s->domain);
}

/* A document with another description is the same snapshot with that description. */
static void describe(const char *xml, const struct xml_snapshot *s, const char *text)
{
    autofree char *changed = NULL;
    autodestroy(xml_snapshot_free) struct xml_snapshot *again = NULL;
    struct err e;
    if (xml_snapshot_describe(xml, text, &changed, &e) < 0)
        return;
    if (xml_snapshot_parse(changed, &again, &e) < 0 || strcmp(again->name, s->name) != 0 ||
        again->n_disks != s->n_disks || again->created != s->created)
        __builtin_trap();
    if (*text ? !again->description || strcmp(again->description, text) != 0
              : again->description != NULL)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autofree char *xml = malloc(size + 2);
    autodestroy(xml_domain_free) struct xml_domain *d = NULL;
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    struct err e;
    if (!xml)
        return 0;
    memcpy(xml, data, size);
    xml[size] = xml[size + 1] = '\0';
    if (xml_domain_parse(xml, &d, &e) == 0)
        check_domain(d);
    if (xml_snapshot_parse(xml, &s, &e) == 0) {
        check_snapshot(s);
        describe(xml, s, xml + strlen(xml) + (strlen(xml) < size));
    }
    return 0;
}
