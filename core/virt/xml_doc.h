/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_doc.h - small steps on a libxml2 document, for the files that read and write libvirt's XML.
 * Inside virt/ only. Elements are those without a namespace.
 */
#ifndef SNAPFS_VIRT_XML_DOC_H
#define SNAPFS_VIRT_XML_DOC_H

#include <stdbool.h>

#include <libxml/tree.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "virt/xml.h"

static inline void xml_doc_free(xmlDocPtr doc)
{
    if (doc)
        xmlFreeDoc(doc);
}
MEM_CLEANUP(struct _xmlDoc, xml_doc_free)

/* Parses `text`, whose outermost element has to be `root`. EINVAL: it is not, is no XML in
 * UTF-8, too long, nested too deeply, has an element with too many attributes, or a DTD. */
int xml_doc_read(const char *text, const char *root, xmlDocPtr *ret, struct err *e);

/* Did its outermost element end, or does it go on? As xml_doc_read for one that is whole, or bad
 * already. */
int xml_doc_is_whole(const char *text, const char *root, bool *ret, struct err *e);

bool xml_is(const xmlNode *node, const char *name);

/* The first child element of that name, and the next of that name after a node; NULL for none. */
xmlNodePtr xml_child(const xmlNode *node, const char *name);
xmlNodePtr xml_next(const xmlNode *node, const char *name);

/* The node after `node` in document order inside `root`, NULL at the end; `down`: with its
 * children. */
xmlNodePtr xml_walk(xmlNodePtr node, const xmlNode *root, bool down);

/* An attribute's value and an element's text; owned by the caller. NULL when there is none (node
 * may be NULL). ENOMEM. */
int xml_attr(xmlNodePtr node, const char *name, char **ret, struct err *e);
int xml_text(xmlNodePtr node, char **ret, struct err *e);

/* The same, "" or another default instead of NULL. */
int xml_attr_or(xmlNodePtr node, const char *name, const char *otherwise, char **ret,
                struct err *e);

/* How many children of that name; for sizing an array. E2BIG-like: EINVAL past `max`. */
int xml_count(const xmlNode *node, const char *name, size_t max, size_t *ret, struct err *e);

/* EINVAL when `s` (NULL allowed) holds what XML cannot; `what` begins the sentence. */
int xml_check_text(const char *what, const char *s, struct err *e);

/* Removes the children of that name. */
void xml_remove_children(xmlNodePtr node, const char *name);

/* The document that an element makes when it is the outermost one, which it then is; owned by the
 * caller. */
int xml_doc_write(xmlNodePtr root, char **ret, struct err *e);

/* ---- xml_domain.c ---- */

/* The source a <disk> or <backingStore> (`holder`) names; its format stands in `format_node`
 * (<driver> or <format>, may be NULL). */
int xml_source_read(xmlNodePtr holder, xmlNodePtr format_node, struct xml_source *ret,
                    struct err *e);
void xml_source_drop(struct xml_source *s);

/* A <domain> element. */
int xml_domain_read(xmlNodePtr node, struct xml_domain **ret, struct err *e);

#endif
