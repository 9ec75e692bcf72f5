/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_doc.c - see xml_doc.h. No state except libxml2's own, initialised once.
 *
 * Without XML_PARSE_HUGE libxml2 refuses elements nested over 256 deep, and texts over 10 MB. Each
 * layer nests one <backingStore> deeper, and libvirt allows 200 layers.
 */
#include "virt/xml_doc.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <libxml/parser.h>

#include "base/text.h"

/* Before 2.12 libxml2 compares each attribute of an element with all others. 30,000 attributes fit
 * in 256 KiB, and take seconds. libvirt's largest elements have about twenty. */
enum { ATTRIBUTES_MAX = 256 };

static void begin_libxml(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, xmlInitParser);
}

/* Refuses a DTD, because it could declare entities. libvirt writes none. */
static void refuse_dtd(void *ctx, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system_id)
{
    (void)name, (void)external, (void)system_id;
    xmlParserCtxtPtr parser = ctx;
    bool *has_dtd = parser->_private;
    *has_dtd = true;
    xmlStopParser(parser);
}

static int fail_parse(xmlParserCtxtPtr parser, bool has_dtd, struct err *e)
{
    if (has_dtd)
        return err_fail(e, EINVAL, "the XML has a document type declaration");
    const xmlError *last = xmlCtxtGetLastError(parser);
    if (!last || !last->message)
        return err_fail(e, EINVAL, "the XML cannot be parsed");
    if (last->code == XML_ERR_NO_MEMORY)
        return err_nomem(e);
    return err_fail(e, EINVAL, "the XML cannot be parsed: line %d: %.*s", last->line,
                    (int)strcspn(last->message, "\n"), last->message);
}

static int parse(const char *text, size_t len, xmlDocPtr *ret, struct err *e)
{
    bool has_dtd = false;
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (!parser)
        return err_nomem(e);
    parser->_private = &has_dtd;
    parser->sax->internalSubset = refuse_dtd;
    xmlDocPtr doc = xmlCtxtReadMemory(parser, text, (int)len, NULL, "UTF-8",
                                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    int r = 0;
    if (!doc || has_dtd)
        r = fail_parse(parser, has_dtd, e);
    xmlFreeParserCtxt(parser);
    if (r < 0)
        xml_doc_free(doc);
    else
        *ret = doc;
    return r;
}

static const char *skip_past(const char *p, const char *what)
{
    const char *at = strstr(p, what);
    return at ? at + strlen(what) : p + strlen(p);
}

/* Skips the text between '<' and '>'. An attribute's value may have a '>' in it. */
static const char *skip_tag(const char *p, unsigned *ret_attributes)
{
    for (; *p && *p != '>'; p++) {
        if (*p != '"' && *p != '\'')
            continue;
        const char *end = strchr(p + 1, *p);
        if (!end)
            return p + strlen(p);
        p = end;
        ++*ret_attributes;
    }
    return p;
}

/* Counts attributes before libxml2 parses the text. If this count reads the text differently from
 * libxml2, libxml2 has found the text malformed by then. */
static bool attributes_fit(const char *text)
{
    unsigned n = 0;
    for (const char *p = text; n <= ATTRIBUTES_MAX && (p = strchr(p, '<'));) {
        n = 0;
        p++;
        if (!strncmp(p, "!--", 3))
            p = skip_past(p + 3, "-->");
        else if (!strncmp(p, "![CDATA[", 8))
            p = skip_past(p, "]]>");
        else if (*p == '?')
            p = skip_past(p, "?>");
        else
            p = skip_tag(p, &n);
    }
    return n <= ATTRIBUTES_MAX;
}

static int check_attributes(const char *text, struct err *e)
{
    if (attributes_fit(text))
        return 0;
    return err_fail(e, EINVAL, "the XML has an element with more than %d attributes",
                    ATTRIBUTES_MAX);
}

int xml_doc_read(const char *text, const char *root, xmlDocPtr *ret, struct err *e)
{
    begin_libxml();
    size_t len = strnlen(text, (size_t)XML_TEXT_MAX + 1);
    if (len > XML_TEXT_MAX)
        return err_fail(e, EINVAL, "the XML has more than %d bytes", XML_TEXT_MAX);
    int r = check_attributes(text, e);
    if (r < 0)
        return r;
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    r = parse(text, len, &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr top = xmlDocGetRootElement(doc);
    if (!top || !xml_is(top, root))
        return err_fail(e, EINVAL, "the XML is a <%s>, not a <%s>",
                        top ? (const char *)top->name : "?", root);
    *ret = take(doc);
    return 0;
}

/* ---- a text that is still incomplete ---- */

struct depth {
    unsigned now;
    bool closed; /* the outermost element ended */
};

static void one_in(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                   int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
                   const xmlChar **attributes)
{
    struct depth *d = ((xmlParserCtxtPtr)ctx)->_private;
    (void)name, (void)prefix, (void)uri, (void)n_namespaces, (void)namespaces;
    (void)n_attributes, (void)n_defaulted, (void)attributes;
    d->now++;
}

static void one_out(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct depth *d = ((xmlParserCtxtPtr)ctx)->_private;
    (void)name, (void)prefix, (void)uri;
    d->closed |= --d->now == 0;
}

static void stop_at_dtd(void *ctx, const xmlChar *name, const xmlChar *external,
                        const xmlChar *system_id)
{
    (void)name, (void)external, (void)system_id;
    xmlStopParser(ctx);
}

int xml_doc_is_whole(const char *text, const char *root, bool *ret, struct err *e)
{
    struct depth depth = {0};
    xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
                         .internalSubset = stop_at_dtd,
                         .startElementNs = one_in,
                         .endElementNs = one_out};
    begin_libxml();
    size_t len = strnlen(text, (size_t)XML_TEXT_MAX);
    int r = check_attributes(text, e);
    if (r < 0)
        return r;
    xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&sax, NULL, NULL, 0, NULL);
    if (!parser)
        return err_nomem(e);
    parser->_private = &depth;
    xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    bool bad = xmlParseChunk(parser, text, (int)len, 0) != XML_ERR_OK;
    xmlFreeParserCtxt(parser);
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    *ret = depth.closed;
    return bad || depth.closed ? xml_doc_read(text, root, &doc, e) : 0;
}

/* ---- steps ---- */

bool xml_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && !node->ns && !strcmp((const char *)node->name, name);
}

static xmlNodePtr first_of(xmlNodePtr node, const char *name)
{
    while (node && !xml_is(node, name))
        node = node->next;
    return node;
}

xmlNodePtr xml_child(const xmlNode *node, const char *name)
{
    return node ? first_of(node->children, name) : NULL;
}

xmlNodePtr xml_next(const xmlNode *node, const char *name)
{
    return first_of(node->next, name);
}

xmlNodePtr xml_walk(xmlNodePtr node, const xmlNode *root, bool down)
{
    if (down && node->type == XML_ELEMENT_NODE && node->children)
        return node->children;
    while (node != root && !node->next)
        node = node->parent;
    return node == root ? NULL : node->next;
}

/* Hands over a value that libxml2 allocated. NULL means that the allocation failed. */
static int own(xmlChar *value, char **ret, struct err *e)
{
    char *copy = value ? strdup((const char *)value) : NULL;
    xmlFree(value);
    if (!copy)
        return err_nomem(e);
    *ret = copy;
    return 0;
}

int xml_attr(xmlNodePtr node, const char *name, char **ret, struct err *e)
{
    const xmlChar *n = (const xmlChar *)name;
    *ret = NULL;
    if (!node || !xmlHasNsProp(node, n, NULL))
        return 0;
    return own(xmlGetNoNsProp(node, n), ret, e);
}

int xml_text(xmlNodePtr node, char **ret, struct err *e)
{
    *ret = NULL;
    return node ? own(xmlNodeGetContent(node), ret, e) : 0;
}

int xml_attr_or(xmlNodePtr node, const char *name, const char *otherwise, char **ret, struct err *e)
{
    int r = xml_attr(node, name, ret, e);
    if (r || *ret)
        return r;
    *ret = strdup(otherwise);
    return *ret ? 0 : err_nomem(e);
}

int xml_count(const xmlNode *node, const char *name, size_t max, size_t *ret, struct err *e)
{
    size_t n = 0;
    for (const xmlNode *c = xml_child(node, name); c; c = xml_next(c, name))
        if (++n > max)
            return err_fail(e, EINVAL, "the XML has more than %zu <%s> elements", max, name);
    *ret = n;
    return 0;
}

/* ---- writing ---- */

/* Tells whether XML 1.0 can express the text. It has no way to write control characters (except
 * tab, LF, CR) nor U+FFFE and U+FFFF. */
static bool can_be_written(const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r')
            return false;
        if (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
            return false;
    }
    return text_is_utf8(s); /* libxml2's own check accepts overlong forms */
}

int xml_check_text(const char *what, const char *s, struct err *e)
{
    if (!s || can_be_written(s))
        return 0;
    return err_fail(e, EINVAL,
                    "%s has control characters or is not UTF-8, which XML does not allow", what);
}

void xml_remove_children(xmlNodePtr node, const char *name)
{
    for (xmlNodePtr child; (child = xml_child(node, name));) {
        xmlUnlinkNode(child);
        xmlFreeNode(child);
    }
}

int xml_doc_write(xmlNodePtr root, char **ret, struct err *e)
{
    xmlChar *mem = NULL;
    int len = 0;
    if (root != xmlDocGetRootElement(root->doc)) {
        xmlNodePtr before = xmlDocSetRootElement(root->doc, root);
        xmlReconciliateNs(root->doc, root); /* namespaces that `before` declared */
        xmlFreeNode(before);
    }
    xmlDocDumpMemoryEnc(root->doc, &mem, &len, "UTF-8");
    return own(mem, ret, e);
}
