/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_write.c - changes <domainsnapshot> documents. Pure. */
#include <errno.h>
#include <string.h>

#include "virt/xml.h"
#include "virt/xml_doc.h"

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
    if (!r)
        r = xml_doc_read(xml, "domainsnapshot", &doc, e);
    if (r)
        return r;
    xmlNodePtr root = xmlDocGetRootElement(doc);
    xml_remove_children(root, "description");
    if (description && *description)
        r = add_description(root, description, e);
    return r ? r : xml_doc_write(root, ret, e);
}
