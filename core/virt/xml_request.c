/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_request.c - see xml_request.h. Pure. */
#include "virt/xml_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virt/xml_doc.h"

static const char *const where_words[] = {
    [XML_NO] = "no",
    [XML_INTERNAL] = "internal",
    [XML_EXTERNAL] = "external",
    [XML_MANUAL] = "manual",
};

static void disk_drop(struct xml_request_disk *d)
{
    free(d->name);
    free(d->type);
    free(d->driver);
    free(d->file);
}

void xml_request_drop(struct xml_request *q)
{
    free(q->name);
    free(q->description);
    free(q->memory_file);
    for (size_t i = 0; i < q->n_disks; i++)
        disk_drop(&q->disks[i]);
    free(q->disks);
    *q = (struct xml_request){.memory = XML_UNSAID};
}

struct xml_request_disk *xml_request_add(struct xml_request *q, const char *name)
{
    if (q->n_disks == XML_DISKS_MAX)
        return NULL;
    if (!mem_room(q->disks, q->n_disks))
        return NULL;
    struct xml_request_disk *d = &q->disks[q->n_disks];
    *d = (struct xml_request_disk){.name = strdup(name), .where = XML_UNSAID};
    if (!d->name)
        return NULL;
    q->n_disks++;
    return d;
}

/* ---- reading ---- */

static int read_where(xmlNodePtr node, int *ret, struct err *e)
{
    autofree char *word = NULL;
    int r = xml_attr(node, "snapshot", &word, e);
    if (r || !word)
        return r;
    for (int i = 0; i < (int)(sizeof(where_words) / sizeof(*where_words)); i++)
        if (!strcmp(word, where_words[i])) {
            *ret = i;
            return 0;
        }
    return err_fail(e, EINVAL, "snapshot='%s' is not no, internal, external or manual", word);
}

static int read_source(xmlNodePtr node, struct xml_request_disk *d, struct err *e)
{
    xmlNodePtr source = xml_child(node, "source");
    const char *type = d->type ? d->type : "file";
    if (!source)
        return 0;
    int r = 0;
    if (!strcmp(type, "file") || !strcmp(type, "block"))
        r = xml_attr(source, strcmp(type, "file") ? "dev" : "file", &d->file, e);
    d->foreign = !d->file;
    return r;
}

static int read_disk(xmlNodePtr node, struct xml_request *q, struct err *e)
{
    autofree char *name = NULL;
    int r = xml_attr(node, "name", &name, e);
    if (r < 0)
        return r;
    if (!name)
        return err_fail(e, EINVAL, "a <disk> of the document has no name");
    struct xml_request_disk *d = xml_request_add(q, name);
    if (!d)
        return err_nomem(e);
    r = read_where(node, &d->where, e);
    if (r == 0)
        r = xml_attr(node, "type", &d->type, e);
    if (r == 0)
        r = xml_attr(xml_child(node, "driver"), "type", &d->driver, e);
    return r < 0 ? r : read_source(node, d, e);
}

static int read_request(xmlNodePtr root, struct xml_request *q, struct err *e)
{
    xmlNodePtr memory = xml_child(root, "memory"), disks = xml_child(root, "disks");
    int r = xml_text(xml_child(root, "name"), &q->name, e);
    if (r == 0)
        r = xml_text(xml_child(root, "description"), &q->description, e);
    if (r == 0)
        r = read_where(memory, &q->memory, e);
    if (r == 0)
        r = xml_attr(memory, "file", &q->memory_file, e);
    if (r == 0 && q->memory == XML_UNSAID && q->memory_file)
        q->memory = XML_EXTERNAL;
    for (xmlNodePtr d = xml_child(disks, "disk"); d && r == 0; d = xml_next(d, "disk"))
        r = read_disk(d, q, e);
    return r;
}

int xml_request_parse(const char *xml, struct xml_request *ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    struct xml_request q = {.memory = XML_UNSAID};
    int r = xml_doc_read(xml, "domainsnapshot", &doc, e);
    if (r == 0)
        r = read_request(xmlDocGetRootElement(doc), &q, e);
    if (r < 0)
        xml_request_drop(&q);
    else
        *ret = q;
    return r;
}

int xml_request_is_whole(const char *xml, bool *ret, struct err *e)
{
    return xml_doc_is_whole(xml, "domainsnapshot", ret, e);
}

/* ---- writing ---- */

static const xmlChar *x(const char *s)
{
    return (const xmlChar *)s;
}

/* Returns the child of that name, or adds one at the end. NULL if there is no memory. */
static xmlNodePtr need_child(xmlNodePtr node, const char *name)
{
    xmlNodePtr child = xml_child(node, name);
    return child ? child : xmlNewChild(node, NULL, x(name), NULL);
}

/* Sets an attribute that is not set yet. A NULL value sets nothing. */
static bool set_attr(xmlNodePtr node, const char *name, const char *value)
{
    if (!node)
        return false;
    return !value || xmlHasNsProp(node, x(name), NULL) || xmlNewProp(node, x(name), x(value));
}

static bool set_text(xmlNodePtr root, const char *name, const char *value)
{
    return !value || xml_child(root, name) || xmlNewTextChild(root, NULL, x(name), x(value));
}

/* Returns the <disk> of that name, or adds one. */
static xmlNodePtr need_disk(xmlNodePtr root, const char *name)
{
    xmlNodePtr disks = need_child(root, "disks");
    for (xmlNodePtr d = xml_child(disks, "disk"); d; d = xml_next(d, "disk")) {
        autofree char *given = NULL;
        if (xml_attr(d, "name", &given, NULL) < 0)
            return NULL;
        if (given && !strcmp(given, name))
            return d;
    }
    xmlNodePtr made = disks ? xmlNewChild(disks, NULL, x("disk"), NULL) : NULL;
    return set_attr(made, "name", name) ? made : NULL;
}

static bool write_disk(xmlNodePtr root, const struct xml_request_disk *d)
{
    xmlNodePtr node = need_disk(root, d->name);
    bool ok = set_attr(node, "snapshot", d->where == XML_UNSAID ? NULL : where_words[d->where]) &&
              set_attr(node, "type", d->type);
    if (ok && d->driver)
        ok = set_attr(need_child(node, "driver"), "type", d->driver);
    if (ok && d->file)
        ok = set_attr(need_child(node, "source"),
                      d->type && !strcmp(d->type, "block") ? "dev" : "file", d->file);
    return ok;
}

static bool write_request(xmlNodePtr root, const struct xml_request *q)
{
    bool ok = set_text(root, "name", q->name) && set_text(root, "description", q->description);
    if (ok && q->memory != XML_UNSAID) {
        xmlNodePtr memory = need_child(root, "memory");
        ok = set_attr(memory, "snapshot", where_words[q->memory]) &&
             set_attr(memory, "file", q->memory_file);
    }
    for (size_t i = 0; ok && i < q->n_disks; i++)
        ok = write_disk(root, &q->disks[i]);
    return ok;
}

static int check_strings(const struct xml_request *q, struct err *e)
{
    int r = xml_check_text("the name", q->name, e);
    if (r == 0)
        r = xml_check_text("the description", q->description, e);
    if (r == 0)
        r = xml_check_text("the memory's file", q->memory_file, e);
    for (size_t i = 0; r == 0 && i < q->n_disks; i++) {
        r = xml_check_text("a disk's name", q->disks[i].name, e);
        if (r == 0)
            r = xml_check_text("an overlay's type", q->disks[i].type, e);
        if (r == 0)
            r = xml_check_text("an overlay's driver", q->disks[i].driver, e);
        if (r == 0)
            r = xml_check_text("an overlay's file", q->disks[i].file, e);
    }
    return r;
}

int xml_request_write(const char *base, const struct xml_request *q, char **ret, struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    int r = check_strings(q, e);
    if (r == 0)
        r = xml_doc_read(base ? base : "<domainsnapshot/>", "domainsnapshot", &doc, e);
    if (r < 0)
        return r;
    xmlNodePtr root = xmlDocGetRootElement(doc);
    if (!write_request(root, q))
        return err_nomem(e);
    return xml_doc_write(root, ret, e);
}
