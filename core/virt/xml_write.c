/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_write.c - changes <domainsnapshot> documents, and makes those of pools. Pure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "virt/xml.h"
#include "virt/xml_doc.h"
#include "virt/xml_edit.h"

/* Adds the description directly after the name, as libvirt does. */
static int add_description(xmlNodePtr root, const char *description, struct err *e)
{
    xmlNodePtr name = xml_child(root, "name");
    xmlNodePtr node = xmlNewDocNode(root->doc, NULL, (const xmlChar *)"description", NULL);
    if (!node)
        return err_nomem(e);
    xmlNodePtr text = xmlNewDocText(root->doc, (const xmlChar *)description);
    if (!text || !xmlAddChild(node, text)) {
        xmlFreeNode(text);
        xmlFreeNode(node);
        return err_nomem(e);
    }
    if (name)
        xmlAddNextSibling(name, node);
    else
        xmlAddChild(root, node);
    return 0;
}

int xml_snapshot_describe(const char *xml, const char *description, char **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_check_text("the description", description, e);
    if (r == 0)
        r = xml_doc_read(xml, "domainsnapshot", &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr root = xmlDocGetRootElement(doc);
    xml_remove_children(root, "description");
    if (description && *description)
        r = add_description(root, description, e);
    return r < 0 ? r : xml_doc_write(root, ret, e);
}

static int add_id(xmlNodePtr node, const char *name, unsigned long id, struct err *e)
{
    char text[24];
    snprintf(text, sizeof(text), "%lu", id);
    return xml_add_text(node, name, text, e);
}

static int add_target(xmlNodePtr root, const char *path, uid_t uid, gid_t gid, struct err *e)
{
    xmlNodePtr target = NULL, permissions = NULL;
    int r = xml_add_child(root, "target", &target, e);
    if (!r)
        r = xml_add_text(target, "path", path, e);
    if (!r)
        r = xml_add_child(target, "permissions", &permissions, e);
    if (!r)
        r = xml_add_text(permissions, "mode", "0770", e);
    if (!r)
        r = add_id(permissions, "owner", uid, e);
    return r ? r : add_id(permissions, "group", gid, e);
}

int xml_pool_write(const char *name, const char *path, uid_t uid, gid_t gid, char **ret,
                   struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_check_text("the pool's name", name, e);
    if (!r)
        r = xml_check_text("the directory's path", path, e);
    if (!r)
        r = xml_doc_read("<pool type=\"dir\"/>", "pool", &doc, e);
    if (r)
        return r;
    xmlNodePtr root = xmlDocGetRootElement(doc);
    r = xml_add_text(root, "name", name, e);
    if (!r)
        r = add_target(root, path, uid, gid, e);
    return r ? r : xml_doc_write(root, ret, e);
}
