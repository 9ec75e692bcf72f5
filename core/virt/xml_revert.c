/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_revert.c - see xml_revert.h. Pure. */
#include "virt/xml_revert.h"

#include <errno.h>
#include <string.h>

#include "virt/xml_doc.h"
#include "virt/xml_edit.h"
#include "virt/xml_request.h"

/* ---- a domain on other files ---- */

static bool on_same_volume(xmlNodePtr disk, xmlNodePtr other)
{
    autofree char *pool = NULL, *volume = NULL;
    xmlNodePtr source = xml_child(other, "source");
    return xml_attr(source, "pool", &pool, NULL) == 0 &&
           xml_attr(source, "volume", &volume, NULL) == 0 && xml_is_on_volume(disk, pool, volume);
}

/* Tells whether the domain has all these disks. Each disk must be on its base file, or on the same
 * volume as in the other domain. */
static bool has_disks(const xmlNode *domain, const xmlNode *other, const struct xml_moved *disks,
                      size_t n)
{
    bool all = domain != NULL;
    for (size_t i = 0; all && i < n; i++) {
        xmlNodePtr disk = xml_find_domain_disk(domain, disks[i].target);
        all = xml_is_on_file(disk, disks[i].base) ||
              on_same_volume(disk, xml_find_domain_disk(other, disks[i].target));
    }
    return all;
}

/* Puts a disk on its new file. A <mirror> is removed, because its copy does not continue. */
static int move_disk(const xmlNode *domain, const struct xml_moved *moved, struct err *e)
{
    xmlNodePtr disk = xml_find_domain_disk(domain, moved->target);
    xml_remove_children(disk, "mirror");
    return xml_put_on_file(disk, moved->target, moved->file, "qcow2", e);
}

/* Removes the chains and ids, which belong to a running domain. If the XML has no chain for a disk,
 * libvirt finds the chain itself. */
static void forget_chains(xmlNodePtr domain)
{
    xmlUnsetProp(domain, (const xmlChar *)"id");
    for (xmlNodePtr disk = xml_child(xml_child(domain, "devices"), "disk"); disk;
         disk = xml_next(disk, "disk")) {
        xmlNodePtr source = xml_child(disk, "source");
        if (source)
            xmlUnsetProp(source, (const xmlChar *)"index");
        xml_remove_children(disk, "backingStore");
    }
}

static int move_disks(xmlNodePtr domain, const struct xml_moved *disks, size_t n, struct err *e)
{
    int r = 0;
    forget_chains(domain);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = move_disk(domain, &disks[i], e);
    return r;
}

static int add_layer(xmlNodePtr *above, const struct xml_layer *l, struct err *e)
{
    xmlNodePtr layer, format, source;
    int r = xml_add_child(*above, "backingStore", &layer, e);
    if (r == 0)
        r = xml_set_attr(layer, "type", l->block ? "block" : "file", e);
    if (r == 0)
        r = xml_add_child(layer, "format", &format, e);
    if (r == 0)
        r = xml_set_attr(format, "type", l->format, e);
    if (r == 0)
        r = xml_add_child(layer, "source", &source, e);
    *above = layer;
    return r < 0 ? r : xml_set_attr(source, l->block ? "dev" : "file", l->path, e);
}

static int write_chain(xmlNodePtr disk, const struct xml_chain *c, struct err *e)
{
    xmlNodePtr end;
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n; i++)
        r = add_layer(&disk, &c->layers[i], e);
    return r < 0 ? r : xml_add_child(disk, "backingStore", &end, e);
}

static int write_chains(const xmlNode *domain, const struct xml_chain *chains, size_t n,
                        struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        xmlNodePtr disk = xml_find_domain_disk(domain, chains[i].target);
        r = disk ? write_chain(disk, &chains[i], e) : 0;
    }
    return r;
}

static int set_name(xmlNodePtr domain, const char *name, struct err *e)
{
    xmlNodePtr node = xml_child(domain, "name");
    xmlNodePtr text = xmlNewDocText(domain->doc, (const xmlChar *)name);
    if (!node || !text) {
        xmlFreeNode(text);
        return text ? err_fail(e, EINVAL, "the XML's <domain> has no <name>") : err_nomem(e);
    }
    xmlNodeSetContent(node, NULL);
    if (xmlAddChild(node, text))
        return 0;
    xmlFreeNode(text);
    return err_nomem(e);
}

int xml_revert_domain(const char *snapshot, const char *name, const struct xml_moved *disks,
                      size_t n, const struct xml_chain *chains, size_t n_chains, char **ret,
                      struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(snapshot, "domainsnapshot", &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr root = xmlDocGetRootElement(doc), domain = xml_child(root, "inactiveDomain");
    if (!has_disks(domain, xml_child(root, "domain"), disks, n))
        domain = xml_child(root, "domain");
    if (!domain)
        return err_fail(e, EINVAL, "the snapshot's XML has no <domain>");
    xmlNodeSetName(domain, (const xmlChar *)"domain");
    r = set_name(domain, name, e);
    if (r == 0)
        r = move_disks(domain, disks, n, e);
    if (r == 0)
        r = write_chains(domain, chains, n_chains, e);
    return r < 0 ? r : xml_doc_write(domain, ret, e);
}

int xml_revert_saved(const char *saved, const struct xml_moved *disks, size_t n,
                     const struct xml_chain *chains, size_t n_chains, char **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(saved, "domain", &doc, e);
    if (r < 0)
        return r;
    r = move_disks(xmlDocGetRootElement(doc), disks, n, e);
    if (r == 0)
        r = write_chains(xmlDocGetRootElement(doc), chains, n_chains, e);
    return r < 0 ? r : xml_doc_write(xmlDocGetRootElement(doc), ret, e);
}

/* ---- the snapshot ---- */

static int rename_overlay(const xmlNode *disks, const char *suffix, const struct xml_moved *moved,
                          struct err *e)
{
    xmlNodePtr source = xml_child(xml_find_snapshot_disk(disks, moved->target), "source");
    if (!source)
        return err_fail(e, EINVAL, "the XML has no disk '%s' on a file", moved->target);
    autotext struct text path = {0};
    text_add(&path, "%s%s", moved->file, suffix);
    return path.failed ? err_nomem(e) : xml_set_attr(source, "file", path.s, e);
}

int xml_revert_snapshot(const char *snapshot, const char *suffix, const struct xml_moved *disks,
                        size_t n, char **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(snapshot, "domainsnapshot", &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr root = xmlDocGetRootElement(doc);
    xml_remove_children(root, "revertDisks");
    for (size_t i = 0; r == 0 && i < n; i++)
        r = rename_overlay(xml_child(root, "disks"), suffix, &disks[i], e);
    return r < 0 ? r : xml_doc_write(root, ret, e);
}

/* ---- the domain that is never started ---- */

static int copy_attr(xmlNodePtr from, xmlNodePtr to, const char *name, struct err *e)
{
    autofree char *value = NULL;
    int r = xml_attr(from, name, &value, e);
    return r || !value ? r : xml_set_attr(to, name, value, e);
}

/* Copies <os><type arch= machine=>hvm</type></os> from the other domain. */
static int add_os(xmlNodePtr from, xmlNodePtr to, struct err *e)
{
    xmlNodePtr type = xml_child(xml_child(from, "os"), "type"), os;
    if (!type)
        return err_fail(e, EINVAL, "the snapshot's XML has no <os> with a <type>");
    int r = xml_add_child(to, "os", &os, e);
    if (r < 0)
        return r;
    xmlNodePtr copy = xmlDocCopyNode(type, to->doc, 1);
    if (copy && xmlAddChild(os, copy))
        return 0;
    xmlFreeNode(copy);
    return err_nomem(e);
}

enum { LETTERS = 26, OWN_NAME_MAX = 8 };

/* Makes "vda" for the first disk, "vdaa" after "vdz". If a domain is shut off, libvirt pairs its
 * overlays with its disks by their order. If the disks are on several buses, the order differs
 * between libvirt's two copies of the domain. So all disks are on one bus, and their names follow
 * the order on that bus. */
static void own_name(size_t i, char ret[OWN_NAME_MAX])
{
    char letters[OWN_NAME_MAX] = "", *at = letters + sizeof(letters) - 1;
    for (i++; i && at > letters + 2; i = (i - 1) / LETTERS)
        *--at = (char)('a' + (i - 1) % LETTERS);
    *--at = 'd';
    *--at = 'v';
    memmove(ret, at, strlen(at) + 1);
}

static int add_target(xmlNodePtr disk, size_t i, struct err *e)
{
    xmlNodePtr target;
    char name[OWN_NAME_MAX];
    own_name(i, name);
    int r = xml_add_child(disk, "target", &target, e);
    if (r == 0)
        r = xml_set_attr(target, "dev", name, e);
    return r < 0 ? r : xml_set_attr(target, "bus", "virtio", e);
}

static int add_disk(xmlNodePtr devices, const struct xml_moved *moved, size_t i, struct err *e)
{
    xmlNodePtr disk, driver, source;
    int r = xml_add_child(devices, "disk", &disk, e);
    if (r == 0)
        r = xml_set_attr(disk, "type", "file", e);
    if (r == 0)
        r = xml_add_child(disk, "driver", &driver, e);
    if (r == 0)
        r = xml_set_attr(driver, "type", moved->format, e);
    if (r == 0)
        r = xml_add_child(disk, "source", &source, e);
    if (r == 0)
        r = xml_set_attr(source, "file", moved->base, e);
    return r < 0 ? r : add_target(disk, i, e);
}

static int fill_scratch(xmlNodePtr from, xmlNodePtr to, const char *name, const char *uuid,
                        const struct xml_moved *disks, size_t n, struct err *e)
{
    xmlNodePtr devices;
    int r = copy_attr(from, to, "type", e);
    if (r == 0)
        r = xml_add_text(to, "name", name, e);
    if (r == 0)
        r = xml_add_text(to, "uuid", uuid, e);
    if (r == 0)
        r = xml_add_text(to, "memory", "65536", e); /* KiB; the domain never runs */
    if (r == 0)
        r = add_os(from, to, e);
    if (r == 0)
        r = xml_add_child(to, "devices", &devices, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_disk(devices, &disks[i], i, e);
    return r;
}

int xml_revert_scratch(const char *snapshot, const char *name, const char *uuid,
                       const struct xml_moved *disks, size_t n, char **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL, made = NULL;
    int r = xml_doc_read(snapshot, "domainsnapshot", &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr from = xml_child(xmlDocGetRootElement(doc), "domain");
    if (!has_disks(from, from, disks, n))
        return err_fail(e, EINVAL, "the snapshot's XML has no <domain> with its disks");
    made = xmlNewDoc((const xmlChar *)"1.0");
    xmlNodePtr to = made ? xmlNewDocNode(made, NULL, (const xmlChar *)"domain", NULL) : NULL;
    if (!to)
        return err_nomem(e);
    xmlDocSetRootElement(made, to);
    r = fill_scratch(from, to, name, uuid, disks, n, e);
    return r < 0 ? r : xml_doc_write(to, ret, e);
}

static int add_overlay(struct xml_request *q, const struct xml_moved *disk, size_t i, struct err *e)
{
    char name[OWN_NAME_MAX];
    own_name(i, name);
    struct xml_request_disk *d = xml_request_add(q, name);
    if (!d)
        return err_nomem(e);
    d->where = XML_EXTERNAL;
    d->type = strdup("file");
    d->driver = strdup("qcow2");
    d->file = strdup(disk->file);
    return d->type && d->driver && d->file ? 0 : err_nomem(e);
}

int xml_revert_overlays(const struct xml_moved *disks, size_t n, char **ret, struct err *e)
{
    struct xml_request q = {.memory = XML_UNSAID};
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_overlay(&q, &disks[i], i, e);
    if (r == 0)
        r = xml_request_write(NULL, &q, ret, e);
    xml_request_drop(&q);
    return r;
}
