/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_secrets.c - xml_snapshot_keep_secrets (xml.h). Pure.
 *
 * libvirt shows secrets only to some clients. snapfs finds them, of whatever kind, by a comparison
 * of libvirt's two documents of the snapshot. They are passwords of graphics, cookies of disks on
 * web servers, and whatever later versions hide. Only these parts are put into the third document,
 * at the same place.
 */
#include <errno.h>
#include <string.h>

#include "virt/xml.h"
#include "virt/xml_doc.h"

enum { DEPTH_MAX = 64 }; /* of elements; libvirt's documents have some ten */

static bool same_attr(xmlNodePtr a, xmlNodePtr b, const char *name)
{
    autofree char *x = NULL, *y = NULL;
    bool read = xml_attr(a, name, &x, NULL) == 0 && xml_attr(b, name, &y, NULL) == 0;
    return read && (x && y ? !strcmp(x, y) : !x && !y);
}

static bool has_attrs_of(xmlNodePtr a, xmlNodePtr b)
{
    for (xmlAttrPtr one = a->properties; one; one = one->next)
        if (!one->ns && strcmp((const char *)one->name, "index") != 0 &&
            !same_attr(a, b, (const char *)one->name))
            return false;
    return true;
}

static xmlNodePtr next_element(xmlNodePtr node)
{
    while (node && (node->type != XML_ELEMENT_NODE || node->ns))
        node = node->next;
    return node;
}

static xmlNodePtr first_element(xmlNodePtr node)
{
    return node ? next_element(node->children) : NULL;
}

/* Counts the siblings before it that have its name. */
static size_t place_of(xmlNodePtr node)
{
    size_t n = 0;
    for (xmlNodePtr one = first_element(node->parent); one && one != node;
         one = next_element(one->next))
        n += xml_is(one, (const char *)node->name);
    return n;
}

static xmlNodePtr child_at(xmlNodePtr parent, const char *name, size_t place)
{
    xmlNodePtr child = xml_child(parent, name);
    while (child && place--)
        child = xml_next(child, name);
    return child;
}

/* Tells whether both sources are the same object on the same host. */
static bool same_source(xmlNodePtr a, xmlNodePtr b)
{
    xmlNodePtr x = xml_child(a, "host"), y = xml_child(b, "host");
    bool same = has_attrs_of(a, b) && has_attrs_of(b, a);
    for (; same && x && y; x = xml_next(x, "host"), y = xml_next(y, "host"))
        same = has_attrs_of(x, y) && has_attrs_of(y, x);
    return same && !x && !y;
}

/* Tells whether both are the same device. A secret must not go to another device. */
static bool is_match(xmlNodePtr a, xmlNodePtr b)
{
    if (xml_is(a, "source"))
        return same_source(a, b);
    return same_attr(a, b, "type") && same_attr(a, b, "name") &&
           same_attr(xml_child(a, "target"), xml_child(b, "target"), "dev");
}

/* Finds the counterpart: a disk by its target, at any place; any other element by its place. */
static xmlNodePtr counterpart(xmlNodePtr node, xmlNodePtr parent)
{
    const char *name = (const char *)node->name;
    xmlNodePtr found = NULL;
    if (strcmp(name, "disk") != 0)
        found = child_at(parent, name, place_of(node));
    for (xmlNodePtr one = xml_child(parent, "disk"); !strcmp(name, "disk") && !found && one;
         one = xml_next(one, "disk"))
        found = is_match(node, one) ? one : NULL;
    return found && is_match(node, found) ? found : NULL;
}

static int copy_attrs(xmlNodePtr secure, xmlNodePtr plain, xmlNodePtr to, struct err *e)
{
    for (xmlAttrPtr a = secure->properties; a; a = a->next) {
        autofree char *value = NULL;
        const char *name = (const char *)a->name;
        if (a->ns || xmlHasNsProp(to, a->name, NULL) || same_attr(secure, plain, name))
            continue;
        int r = xml_attr(secure, name, &value, e);
        if (r == 0 && value && !xmlNewProp(to, a->name, (const xmlChar *)value))
            r = err_nomem(e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int copy_element(xmlNodePtr secret, xmlNodePtr to, struct err *e)
{
    xmlNodePtr copy = xmlDocCopyNode(secret, to->doc, 1);
    if (copy && xmlAddChild(to, copy))
        return 0;
    xmlFreeNode(copy);
    return err_nomem(e);
}

/* Copies the parts that `secure` has and `plain` lacks into `to`. All three are the same element.
 * */
static int merge(xmlNodePtr secure, xmlNodePtr plain, xmlNodePtr to, int depth, struct err *e)
{
    int r = depth > DEPTH_MAX ? err_fail(e, EINVAL, "the XML is nested too deeply")
                              : copy_attrs(secure, plain, to, e);
    for (xmlNodePtr one = first_element(secure); r == 0 && one; one = next_element(one->next)) {
        const char *name = (const char *)one->name;
        xmlNodePtr shown = child_at(plain, name, place_of(one));
        xmlNodePtr same = shown ? counterpart(shown, to) : NULL;
        if (same)
            r = merge(one, shown, same, depth + 1, e);
        else if (!shown && !xml_child(to, name))
            r = copy_element(one, to, e);
    }
    return r;
}

int xml_snapshot_keep_secrets(const char *xml, const char *plain, const char *secure, char **ret,
                              struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL, shown = NULL, all = NULL;
    int r = xml_doc_read(xml, "domainsnapshot", &doc, e);
    if (r == 0 && secure)
        r = xml_doc_read(plain, "domainsnapshot", &shown, e);
    if (r == 0 && secure)
        r = xml_doc_read(secure, "domainsnapshot", &all, e);
    if (r == 0 && secure)
        r = merge(xmlDocGetRootElement(all), xmlDocGetRootElement(shown), xmlDocGetRootElement(doc),
                  0, e);
    return r < 0 ? r : xml_doc_write(xmlDocGetRootElement(doc), ret, e);
}
