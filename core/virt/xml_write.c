/* xml_write.c - changes <domainsnapshot> documents. Pure. */
#include <errno.h>
#include <string.h>

#include "virt/xml.h"
#include "virt/xml_doc.h"

/* libvirt writes it right after the name. */
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

/* ---- passwords ---- */

static bool copy_attribute(xmlNodePtr from, xmlNodePtr to, const char *name)
{
    autofree char *value = NULL;
    if (xml_attr(from, name, &value, NULL) < 0)
        return false;
    if (!value || xmlHasNsProp(to, (const xmlChar *)name, NULL))
        return true;
    return xmlNewProp(to, (const xmlChar *)name, (const xmlChar *)value);
}

/* From the n-th <graphics> of one <domain> to the n-th of the other, where both are of one type. */
static bool copy_passwords(xmlNodePtr from, xmlNodePtr to)
{
    xmlNodePtr a = xml_child(xml_child(from, "devices"), "graphics");
    xmlNodePtr b = xml_child(xml_child(to, "devices"), "graphics");
    bool ok = true;
    for (; ok && a && b; a = xml_next(a, "graphics"), b = xml_next(b, "graphics")) {
        autofree char *x = NULL, *y = NULL;
        ok = xml_attr(a, "type", &x, NULL) == 0 && xml_attr(b, "type", &y, NULL) == 0;
        if (ok && x && y && !strcmp(x, y))
            ok = copy_attribute(a, b, "passwd") && copy_attribute(a, b, "passwdValidTo");
    }
    return ok;
}

int xml_snapshot_keep_secrets(const char *xml, const char *secure, char **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL, other = NULL;
    int r = xml_doc_read(xml, "domainsnapshot", &doc, e);
    if (!r && secure)
        r = xml_doc_read(secure, "domainsnapshot", &other, e);
    if (r)
        return r;
    xmlNodePtr to = xmlDocGetRootElement(doc), from = other ? xmlDocGetRootElement(other) : NULL;
    if (!copy_passwords(xml_child(from, "domain"), xml_child(to, "domain")) ||
        !copy_passwords(xml_child(from, "inactiveDomain"), xml_child(to, "inactiveDomain")))
        return err_nomem(e);
    return xml_doc_write(to, ret, e);
}
