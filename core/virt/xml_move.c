/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_move.c - see xml_move.h. */
#include "virt/xml_move.h"

#include <string.h>

#include "virt/xml_doc.h"
#include "virt/xml_edit.h"
#include "virt/xml_revert.h"

static xmlNodePtr find_layer(xmlNodePtr disk, const char *file)
{
    xmlNodePtr layer = xml_child(disk, "backingStore");
    while (layer && !xml_is_on_file(layer, file))
        layer = xml_child(layer, "backingStore");
    return layer;
}

/* Moves the chain up: `holder` is now on a file that was further down in its chain. The XML's
 * layers below that file are now below `holder`. If the XML does not have that file, libvirt finds
 * the layers in the headers. */
static void close_gap(xmlNodePtr holder, const char *file)
{
    xmlNodePtr layer = find_layer(holder, file), below = xml_child(layer, "backingStore");
    if (below)
        xmlUnlinkNode(below);
    xml_remove_children(holder, "backingStore");
    if (below)
        xmlAddChild(holder, below);
}

static int put_layer(xmlNodePtr layer, const struct xml_place *p, struct err *e)
{
    xmlNodePtr source = xml_child(layer, "source"), format = xml_child(layer, "format");
    int r = format ? 0 : xml_add_child(layer, "format", &format, e);
    if (r == 0)
        r = xml_set_attr(format, "type", p->format, e);
    return r < 0 ? r : xml_set_attr(source, "file", p->to, e);
}

static int move_disk(const xmlNode *domain, const struct xml_place *p, struct err *e)
{
    xmlNodePtr disk = xml_find_domain_disk(domain, p->target);
    bool moved =
        disk && (xml_is_on_file(disk, p->from) || xml_is_on_volume(disk, p->pool, p->volume));
    xmlNodePtr holder = moved ? disk : disk ? find_layer(disk, p->from) : NULL;
    if (!holder)
        return 0;
    if (!p->copied)
        close_gap(holder, p->to);
    return moved ? xml_put_on_file(disk, p->target, p->to, p->format, e) : put_layer(holder, p, e);
}

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

static int withdraw_disk(xmlNodePtr disk, struct err *e)
{
    xmlNodePtr source = xml_child(disk, "source");
    autofree char *file = NULL;
    autotext struct text none = {0};
    int r = xml_attr(source, "file", &file, e);
    if (r || !file || ends_in(file, XML_REVERT_NONE))
        return r;
    text_add(&none, "%s" XML_REVERT_NONE, file);
    return none.failed ? err_nomem(e) : xml_set_attr(source, "file", none.s, e);
}

static int withdraw(xmlNodePtr root, struct err *e)
{
    int r = 0;
    xmlNodePtr disk = xml_child(xml_child(root, "disks"), "disk");
    for (; r == 0 && disk; disk = xml_next(disk, "disk"))
        r = withdraw_disk(disk, e);
    xml_remove_children(root, "revertDisks");
    return r;
}

int xml_move_snapshot(const char *snapshot, const struct xml_place *places, size_t n, char **ret,
                      struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(snapshot, "domainsnapshot", &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr root = xmlDocGetRootElement(doc);
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = move_disk(xml_child(root, "domain"), &places[i], e);
        if (r == 0)
            r = move_disk(xml_child(root, "inactiveDomain"), &places[i], e);
    }
    if (r == 0 && xml_child(root, "revertDisks"))
        r = withdraw(root, e);
    return r < 0 ? r : xml_doc_write(root, ret, e);
}

int xml_move_domain(const char *domain, const struct xml_place *places, size_t n, char **ret,
                    struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(domain, "domain", &doc, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = move_disk(xmlDocGetRootElement(doc), &places[i], e);
    return r < 0 ? r : xml_doc_write(xmlDocGetRootElement(doc), ret, e);
}

int xml_withdraw_snapshot(const char *snapshot, char **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(snapshot, "domainsnapshot", &doc, e);
    if (r == 0)
        r = withdraw(xmlDocGetRootElement(doc), e);
    return r < 0 ? r : xml_doc_write(xmlDocGetRootElement(doc), ret, e);
}
