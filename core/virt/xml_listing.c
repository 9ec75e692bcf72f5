/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_listing.c - see xml_listing.h. */
#include "virt/xml_listing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "virt/xml_doc.h"
#include "virt/xml_edit.h"

/* Returns libvirt's word for the state of a snapshot (virDomainSnapshotState). */
static const char *state_word(const struct xml_listing *l)
{
    if (!l->active)
        return "shutoff";
    return l->disk_only ? "disk-snapshot" : l->state;
}

static int add_value(xmlNodePtr root, const char *name, const char *value, struct err *e)
{
    xml_remove_children(root, name);
    return xml_add_text(root, name, value, e);
}

static int add_parent(xmlNodePtr root, const char *parent, struct err *e)
{
    xmlNodePtr node;
    xml_remove_children(root, "parent");
    int r = parent ? xml_add_child(root, "parent", &node, e) : 0;
    return r == 0 && parent ? xml_add_text(node, "name", parent, e) : r;
}

/* Adds <memory> if the request leaves it to libvirt. */
static int add_memory(xmlNodePtr root, bool internal, struct err *e)
{
    xmlNodePtr node = xml_child(root, "memory");
    int r = node ? 0 : xml_add_child(root, "memory", &node, e);
    if (r || xmlHasNsProp(node, (const xmlChar *)"snapshot", NULL) ||
        xmlHasNsProp(node, (const xmlChar *)"file", NULL))
        return r;
    return xml_set_attr(node, "snapshot", internal ? "internal" : "no", e);
}

static int add_domain(xmlNodePtr root, const char *xml, const char *name, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    xml_remove_children(root, name);
    int r = xml_doc_read(xml, "domain", &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr copy = xmlDocCopyNode(xmlDocGetRootElement(doc), root->doc, 1);
    if (!copy)
        return err_nomem(e);
    xmlNodeSetName(copy, (const xmlChar *)name);
    if (xmlAddChild(root, copy))
        return 0;
    xmlFreeNode(copy);
    return err_nomem(e);
}

static int fill(xmlNodePtr root, const struct xml_listing *l, struct err *e)
{
    char created[24];
    snprintf(created, sizeof(created), "%" PRId64, l->created);
    int r = add_value(root, "creationTime", created, e);
    if (r == 0)
        r = add_value(root, "state", state_word(l), e);
    if (r == 0)
        r = add_parent(root, l->parent, e);
    if (r == 0)
        r = add_memory(root, l->active && !l->disk_only, e);
    if (r == 0)
        r = add_domain(root, l->domain, "domain", e);
    return r == 0 && l->config ? add_domain(root, l->config, "inactiveDomain", e) : r;
}

int xml_listing_write(const struct xml_listing *l, char **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(l->request, "domainsnapshot", &doc, e);
    if (r == 0)
        r = fill(xmlDocGetRootElement(doc), l, e);
    return r < 0 ? r : xml_doc_write(xmlDocGetRootElement(doc), ret, e);
}
