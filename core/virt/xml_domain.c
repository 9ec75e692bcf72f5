/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_domain.c - reads <domain>: its disks and the chains that the XML describes. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/remote.h"
#include "virt/xml.h"
#include "virt/xml_doc.h"

/* ---- sources ---- */

void xml_source_drop(struct xml_source *s)
{
    free(s->type);
    free(s->path);
    free(s->uri);
    free(s->extra);
    free(s->pool);
    free(s->volume);
    free(s->format);
    free(s->secret_uuid);
    free(s->secret_usage);
    *s = (struct xml_source){0};
}

/* Returns the attribute of <source> that has the path. NULL if the type is not a file of the host.
 * */
static const char *path_attribute(const char *type)
{
    if (!strcmp(type, "file"))
        return "file";
    return !strcmp(type, "block") ? "dev" : NULL;
}

/* Finds an empty drive, and sets its type to "". A file or block disk without a path is empty, and
 * so is any disk without <source>. */
static int settle_type(xmlNodePtr source, struct xml_source *s, struct err *e)
{
    const char *attribute = path_attribute(s->type);
    int r = attribute ? xml_attr(source, attribute, &s->path, e) : 0;
    if (r == 0 && !strcmp(s->type, "volume"))
        r = xml_attr(source, "pool", &s->pool, e);
    if (r == 0 && s->pool)
        r = xml_attr(source, "volume", &s->volume, e);
    if (r == 0 && (!source || (attribute && !s->path)))
        s->type[0] = '\0';
    return r;
}

static bool is_one_of(const xmlChar *name, const char *const *names)
{
    while (*names && strcmp((const char *)name, *names) != 0)
        names++;
    return *names;
}

/* Returns the first part of a <source> that snapfs does not know, or NULL. snapfs knows the place
 * of a disk on another host, and the parts that any disk may have. */
static const xmlChar *find_extra(const xmlNode *source, bool tls)
{
    static const char *const attributes[] = {"protocol", "name", "index", "tls", NULL};
    static const char *const elements[] = {"host",        "encryption", "slices", "seclabel",
                                           "privateData", "reconnect",  NULL};
    for (const xmlAttr *a = source->properties; a; a = a->next)
        if (!is_one_of(a->name, attributes) || (tls && !strcmp((const char *)a->name, "tls")))
            return a->name;
    for (const xmlNode *c = source->children; c; c = c->next)
        if (c->type == XML_ELEMENT_NODE && !is_one_of(c->name, elements))
            return c->name;
    return NULL;
}

static int read_host(xmlNodePtr host, const char *protocol, struct text *hosts, char **socket,
                     struct err *e)
{
    autofree char *transport = NULL, *name = NULL, *port = NULL;
    int r = xml_attr_or(host, "transport", "tcp", &transport, e);
    r = r < 0 ? r : xml_attr_or(host, "name", "", &name, e);
    r = r < 0 ? r : xml_attr_or(host, "port", "", &port, e);
    if (r == 0 && !strcmp(transport, "tcp"))
        remote_add_host(hosts, protocol, name, port);
    if (r || strcmp(transport, "unix") != 0)
        return r;
    free(take(*socket));
    return xml_attr_or(host, "socket", "", socket, e);
}

static int read_remote(xmlNodePtr source, struct xml_source *s, struct err *e)
{
    autofree char *protocol = NULL, *name = NULL, *tls = NULL, *socket = NULL;
    autotext struct text hosts = {0};
    if (!source || strcmp(s->type, "network") != 0)
        return 0;
    int r = xml_attr_or(source, "protocol", "", &protocol, e);
    r = r < 0 ? r : xml_attr_or(source, "name", "", &name, e);
    r = r < 0 ? r : xml_attr_or(source, "tls", "no", &tls, e);
    for (xmlNodePtr h = xml_child(source, "host"); h && r == 0; h = xml_next(h, "host"))
        r = read_host(h, protocol, &hosts, &socket, e);
    if (r < 0)
        return r;
    s->uri = remote_write(&(struct remote){.protocol = protocol,
                                           .name = name,
                                           .socket = socket ? socket : "",
                                           .hosts = hosts.s ? hosts.s : ""});
    const xmlChar *extra = find_extra(source, strcmp(tls, "no") != 0);
    s->extra = extra ? strdup((const char *)extra) : NULL;
    return hosts.failed || (extra && !s->extra) ? err_nomem(e) : 0;
}

/* Reads <encryption>. libvirt used to write it below <disk>, and now writes it below <source>. */
static int read_encryption(const xmlNode *holder, const xmlNode *source, struct xml_source *s,
                           struct err *e)
{
    const xmlNode *node = xml_child(source, "encryption");
    if (!node)
        node = xml_child(holder, "encryption");
    s->encrypted = node != NULL;
    xmlNodePtr secret = xml_child(node, "secret");
    int r = xml_attr(secret, "uuid", &s->secret_uuid, e);
    return r < 0 ? r : xml_attr(secret, "usage", &s->secret_usage, e);
}

int xml_source_read(xmlNodePtr holder, xmlNodePtr format_node, struct xml_source *ret,
                    struct err *e)
{
    struct xml_source s = {0};
    xmlNodePtr source = xml_child(holder, "source");
    int r = xml_attr_or(holder, "type", source ? "file" : "", &s.type, e);
    if (r == 0)
        r = settle_type(source, &s, e);
    if (r == 0)
        r = xml_attr(format_node, "type", &s.format, e);
    s.slice = xml_child(xml_child(source, "slices"), "slice") != NULL;
    if (r == 0)
        r = read_remote(source, &s, e);
    if (r == 0)
        r = read_encryption(holder, source, &s, e);
    if (r < 0)
        xml_source_drop(&s);
    else
        *ret = s;
    return r;
}

/* ---- chains ---- */

static bool is_end(const xmlNode *layer)
{
    return layer && !xmlHasNsProp(layer, (const xmlChar *)"type", NULL);
}

/* Returns the next layer. A <backingStore/> without a type ends the chain. */
static xmlNodePtr next_layer(const xmlNode *holder)
{
    xmlNodePtr node = xml_child(holder, "backingStore");
    return is_end(node) ? NULL : node;
}

static int read_chain(const xmlNode *disk, struct xml_disk *d, struct err *e)
{
    size_t n = 0;
    for (const xmlNode *l = next_layer(disk); l; l = next_layer(l))
        if (++n > XML_CHAIN_MAX)
            return err_fail(e, EINVAL, "the backing chain of disk '%s' has more than %d layers",
                            d->target, XML_CHAIN_MAX);
    d->backing = calloc(n + 1, sizeof(*d->backing));
    if (!d->backing)
        return err_nomem(e);
    const xmlNode *last = disk;
    for (xmlNodePtr l = next_layer(disk); l; l = next_layer(l)) {
        last = l;
        int r = xml_source_read(l, xml_child(l, "format"), &d->backing[d->n_backing], e);
        if (r < 0)
            return r;
        d->n_backing++;
    }
    d->ends = is_end(xml_child(last, "backingStore"));
    return 0;
}

/* Reads <mirror>. Older versions of libvirt name the file in an attribute of <mirror> itself;
 * libvirt still writes that attribute besides <source>. */
static int read_mirror(const xmlNode *disk, struct xml_disk *d, struct err *e)
{
    xmlNodePtr mirror = xml_child(disk, "mirror");
    if (!mirror)
        return 0;
    int r = xml_source_read(mirror, xml_child(mirror, "format"), &d->mirror, e);
    if (r == 0 && !d->mirror.path)
        r = xml_attr(mirror, "file", &d->mirror.path, e);
    return r;
}

/* ---- disks ---- */

static void disk_drop(struct xml_disk *d)
{
    free(d->target);
    free(d->device);
    free(d->snapshot);
    xml_source_drop(&d->source);
    xml_source_drop(&d->mirror);
    for (size_t i = 0; i < d->n_backing; i++)
        xml_source_drop(&d->backing[i]);
    free(d->backing);
}

static int read_sector(xmlNodePtr blockio, unsigned *ret, struct err *e)
{
    autofree char *size = NULL;
    int r = xml_attr(blockio, "logical_block_size", &size, e);
    *ret = !size ? 0 : !strcmp(size, "512") ? 512 : !strcmp(size, "4096") ? 4096 : 0;
    return r;
}

static int read_disk(xmlNodePtr node, struct xml_disk *d, struct err *e)
{
    int r = xml_attr_or(xml_child(node, "target"), "dev", "", &d->target, e);
    if (r == 0)
        r = xml_attr_or(node, "device", "disk", &d->device, e);
    if (r == 0)
        r = xml_attr(node, "snapshot", &d->snapshot, e);
    if (r == 0)
        r = xml_source_read(node, xml_child(node, "driver"), &d->source, e);
    if (r == 0)
        r = read_chain(node, d, e);
    if (r == 0)
        r = read_mirror(node, d, e);
    if (r == 0)
        r = read_sector(xml_child(node, "blockio"), &d->sector, e);
    d->readonly = xml_child(node, "readonly");
    d->shareable = xml_child(node, "shareable");
    d->transient = xml_child(node, "transient");
    return r;
}

static int read_disks(const xmlNode *devices, struct xml_domain *d, struct err *e)
{
    size_t n;
    int r = xml_count(devices, "disk", XML_DISKS_MAX, &n, e);
    if (r < 0)
        return r;
    d->disks = calloc(n + 1, sizeof(*d->disks));
    if (!d->disks)
        return err_nomem(e);
    for (xmlNodePtr node = xml_child(devices, "disk"); node && r == 0;
         node = xml_next(node, "disk"))
        r = read_disk(node, &d->disks[d->n_disks++], e);
    return r;
}

/* ---- the domain ---- */

/* Reads the UEFI variables. With firmware='efi' libvirt may choose their file only at the domain's
 * start. */
static int read_nvram(xmlNodePtr os, struct xml_domain *d, struct err *e)
{
    autofree char *firmware = NULL, *format = NULL;
    xmlNodePtr nvram = xml_child(os, "nvram");
    int r = xml_attr(os, "firmware", &firmware, e);
    if (r == 0)
        r = xml_attr(nvram, "format", &format, e);
    d->nvram = nvram || (firmware && !strcmp(firmware, "efi"));
    d->nvram_qcow2 = format && !strcmp(format, "qcow2");
    return r;
}

static int read_tpm(xmlNodePtr tpm, struct xml_domain *d, struct err *e)
{
    autofree char *type = NULL;
    int r = xml_attr(xml_child(tpm, "backend"), "type", &type, e);
    d->tpm = type && !strcmp(type, "emulator");
    return r;
}

int xml_domain_read(xmlNodePtr node, struct xml_domain **ret, struct err *e)
{
    autodestroy(xml_domain_free) struct xml_domain *d = calloc(1, sizeof(*d));
    if (!d)
        return err_nomem(e);
    int r = xml_text(xml_child(node, "name"), &d->name, e);
    if (r == 0)
        r = xml_text(xml_child(node, "uuid"), &d->uuid, e);
    if (r == 0 && !d->name)
        r = err_fail(e, EINVAL, "the XML's <domain> has no <name>");
    if (r == 0)
        r = read_nvram(xml_child(node, "os"), d, e);
    if (r == 0)
        r = read_tpm(xml_child(xml_child(node, "devices"), "tpm"), d, e);
    if (r == 0)
        r = read_disks(xml_child(node, "devices"), d, e);
    if (r == 0)
        *ret = take(d);
    return r;
}

int xml_domain_parse(const char *xml, struct xml_domain **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(xml, "domain", &doc, e);
    return r < 0 ? r : xml_domain_read(xmlDocGetRootElement(doc), ret, e);
}

void xml_domain_free(struct xml_domain *d)
{
    if (!d)
        return;
    free(d->name);
    free(d->uuid);
    for (size_t i = 0; i < d->n_disks; i++)
        disk_drop(&d->disks[i]);
    free(d->disks);
    free(d);
}

bool xml_disk_sliced(const struct xml_disk *d)
{
    bool sliced = d->source.slice;
    for (size_t i = 0; i < d->n_backing; i++)
        sliced |= d->backing[i].slice;
    return sliced;
}

const struct xml_disk *xml_domain_disk(const struct xml_domain *d, const char *target)
{
    for (size_t i = 0; d && i < d->n_disks; i++)
        if (!strcmp(d->disks[i].target, target))
            return &d->disks[i];
    return NULL;
}
