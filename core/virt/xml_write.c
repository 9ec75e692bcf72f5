/* xml_write.c - makes <domainsnapshot> documents. Pure. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "virt/xml.h"
#include "virt/xml_doc.h"

/* ---- a new one ---- */

/* The way to write a byte in an element's text, NULL for as it is. */
static const char *escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

static void put_escaped(struct text *t, const char *s)
{
    for (; *s; s++) {
        const char *as = escape(*s);
        if (as)
            text_add(t, "%s", as);
        else
            text_put(t, s, 1);
    }
}

char *xml_snapshot_new(const char *name)
{
    autotext struct text t = {0};
    text_add(&t, "<domainsnapshot><name>");
    put_escaped(&t, name);
    text_add(&t, "</name></domainsnapshot>");
    return text_take(&t, NULL);
}

/* ---- another description ---- */

/* XML 1.0 has no way to write control characters (but tab, LF, CR) nor U+FFFE and U+FFFF. */
static bool can_be_written(const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r')
            return false;
        if (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
            return false;
    }
    return text_is_utf8(s); /* libxml2's own check lets overlong forms pass */
}

static void remove_descriptions(xmlNodePtr root)
{
    for (xmlNodePtr d; (d = xml_child(root, "description"));) {
        xmlUnlinkNode(d);
        xmlFreeNode(d);
    }
}

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

static int dump(xmlDocPtr doc, char **ret, struct err *e)
{
    xmlChar *mem = NULL;
    int len = 0;
    xmlDocDumpMemoryEnc(doc, &mem, &len, "UTF-8");
    char *copy = mem ? strdup((const char *)mem) : NULL;
    xmlFree(mem);
    if (!copy)
        return err_nomem(e);
    *ret = copy;
    return 0;
}

int xml_snapshot_describe(const char *xml, const char *description, char **ret, struct err *e)
{
    if (description && !can_be_written(description))
        return err_fail(
            e, EINVAL,
            "the description holds control characters or is not UTF-8, which XML cannot "
            "hold");
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = xml_doc_read(xml, "domainsnapshot", &doc, e);
    if (r)
        return r;
    xmlNodePtr root = xmlDocGetRootElement(doc);
    remove_descriptions(root);
    if (description && *description)
        r = add_description(root, description, e);
    return r ? r : dump(doc, ret, e);
}
