/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_parse.c - reads <domainsnapshot>. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virt/xml.h"
#include "virt/xml_doc.h"

/* ---- disks ---- */

/* Reads the word for a disk. A disk without a word was not captured. */
static enum xml_where where_of(const char *word)
{
    if (word && !strcmp(word, "internal"))
        return XML_INTERNAL;
    if (word && !strcmp(word, "external"))
        return XML_EXTERNAL;
    return word && !strcmp(word, "manual") ? XML_MANUAL : XML_NO;
}

static int read_where(xmlNodePtr node, enum xml_where *ret, struct err *e)
{
    autofree char *word = NULL;
    int r = xml_attr(node, "snapshot", &word, e);
    if (r == 0)
        *ret = where_of(word);
    return r;
}

static int read_disk(xmlNodePtr node, struct xml_snapshot_disk *d, struct err *e)
{
    int r = xml_attr_or(node, "name", "", &d->target, e);
    if (r == 0)
        r = read_where(node, &d->where, e);
    if (r == 0)
        r = xml_source_read(node, xml_child(node, "driver"), &d->overlay, e);
    return r;
}

static void disks_free(struct xml_snapshot_disk *disks, size_t n)
{
    for (size_t i = 0; disks && i < n; i++) {
        free(disks[i].target);
        xml_source_drop(&disks[i].overlay);
    }
    free(disks);
}

/* Reads the disks of `holder`, which is <disks>, <revertDisks> or NULL. */
static int read_disks(const xmlNode *holder, struct xml_snapshot_disk **ret, size_t *ret_n,
                      struct err *e)
{
    size_t n, done = 0;
    int r = xml_count(holder, "disk", XML_DISKS_MAX, &n, e);
    if (r < 0)
        return r;
    struct xml_snapshot_disk *disks = calloc(n + 1, sizeof(*disks));
    if (!disks)
        return err_nomem(e);
    for (xmlNodePtr node = xml_child(holder, "disk"); node && r == 0; node = xml_next(node, "disk"))
        r = read_disk(node, &disks[done++], e);
    if (r < 0) {
        disks_free(disks, done);
        return r;
    }
    *ret = disks;
    *ret_n = done;
    return 0;
}

/* ---- the rest ---- */

/* Finds libvirt's mark of a delete. It skips <metadata>, which belongs to other programs. */
static bool find_delete_mark(xmlNodePtr root)
{
    for (xmlNodePtr n = root; n; n = xml_walk(n, root, !xml_is(n, "metadata")))
        if (xml_is(n, "snapshotDeleteInProgress"))
            return true;
    return false;
}

static int read_memory(xmlNodePtr node, struct xml_snapshot *s, struct err *e)
{
    if (!node)
        return 0;
    int r = read_where(node, &s->memory, e);
    return r == 0 && s->memory == XML_EXTERNAL ? xml_attr(node, "file", &s->memory_file, e) : r;
}

static int read_created(xmlNodePtr node, int64_t *ret, struct err *e)
{
    autofree char *text = NULL;
    int r = xml_text(node, &text, e);
    if (r || !text)
        return r;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *ret = errno || end == text || *end ? 0 : value;
    return 0;
}

static int read_texts(const xmlNode *root, struct xml_snapshot *s, struct err *e)
{
    int r = xml_text(xml_child(root, "name"), &s->name, e);
    if (r == 0)
        r = xml_text(xml_child(xml_child(root, "parent"), "name"), &s->parent, e);
    if (r == 0)
        r = xml_text(xml_child(root, "description"), &s->description, e);
    if (r == 0)
        r = xml_text(xml_child(root, "state"), &s->state, e);
    if (r == 0 && !s->state && !(s->state = strdup("")))
        r = err_nomem(e);
    if (r == 0 && (!s->name || !*s->name))
        r = err_fail(e, EINVAL, "the XML's <domainsnapshot> has no <name>");
    return r;
}

static int read_parts(xmlNodePtr root, struct xml_snapshot *s, struct err *e)
{
    int r = read_created(xml_child(root, "creationTime"), &s->created, e);
    if (r == 0)
        r = read_memory(xml_child(root, "memory"), s, e);
    if (r == 0)
        r = read_disks(xml_child(root, "disks"), &s->disks, &s->n_disks, e);
    if (r == 0)
        r = read_disks(xml_child(root, "revertDisks"), &s->revert_disks, &s->n_revert_disks, e);
    s->delete_in_progress = find_delete_mark(root);
    return r;
}

int xml_snapshot_parse(const char *xml, struct xml_snapshot **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(xml, "domainsnapshot", &doc, e);
    if (r < 0)
        return r;
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = calloc(1, sizeof(*s));
    if (!s)
        return err_nomem(e);
    xmlNodePtr root = xmlDocGetRootElement(doc), domain = xml_child(root, "domain");
    r = read_texts(root, s, e);
    if (r == 0)
        r = read_parts(root, s, e);
    if (r == 0 && xml_child(domain, "name"))
        r = xml_domain_read(domain, &s->domain, e);
    if (r == 0)
        *ret = take(s);
    return r;
}

int xml_snapshot_config(const char *xml, struct xml_domain **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    *ret = NULL;
    int r = xml_doc_read(xml, "domainsnapshot", &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr config = xml_child(xmlDocGetRootElement(doc), "inactiveDomain");
    return xml_child(config, "name") ? xml_domain_read(config, ret, e) : 0;
}

void xml_snapshot_free(struct xml_snapshot *s)
{
    if (!s)
        return;
    free(s->name);
    free(s->parent);
    free(s->description);
    free(s->state);
    free(s->memory_file);
    disks_free(s->disks, s->n_disks);
    disks_free(s->revert_disks, s->n_revert_disks);
    xml_domain_free(s->domain);
    free(s);
}
