/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_doc.h - small steps on a libxml2 document, for the files that read and write libvirt's XML.
 * Inside virt/ only. Elements with a namespace are ignored. */
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

/* Parses `text`, whose outermost element must be `root`. EINVAL if it is not, or if the text:
 * - is not XML in UTF-8, or is too long;
 * - is nested too deeply, or has an element with too many attributes;
 * - has a DTD. */
int xml_doc_read(const char *text, const char *root, xmlDocPtr *ret, struct err *e);

/* Tells whether the outermost element has ended, or may continue. Fails as xml_doc_read if the text
 * is whole, or already wrong. */
int xml_doc_is_whole(const char *text, const char *root, bool *ret, struct err *e);

bool xml_is(const xmlNode *node, const char *name);

/* Return the first child element of that name, and the next of that name after a node; or NULL. */
xmlNodePtr xml_child(const xmlNode *node, const char *name);
xmlNodePtr xml_next(const xmlNode *node, const char *name);

/* Returns the node after `node` in document order inside `root`, NULL at the end. With `down` it
 * goes into the children of `node`. */
xmlNodePtr xml_walk(xmlNodePtr node, const xmlNode *root, bool down);

/* Read an attribute's value and an element's text; the caller owns them. NULL if there is none
 * (node may be NULL). ENOMEM. */
int xml_attr(xmlNodePtr node, const char *name, char **ret, struct err *e);
int xml_text(xmlNodePtr node, char **ret, struct err *e);

/* Reads an attribute's value, or `otherwise` if there is none. */
int xml_attr_or(xmlNodePtr node, const char *name, const char *otherwise, char **ret,
                struct err *e);

/* Counts the children of that name, for the size of an array. EINVAL if there are more than `max`.
 * */
int xml_count(const xmlNode *node, const char *name, size_t max, size_t *ret, struct err *e);

/* Fails with EINVAL if XML cannot express `s` (NULL allowed). `what` begins the sentence. */
int xml_check_text(const char *what, const char *s, struct err *e);

/* Removes the children of that name. */
void xml_remove_children(xmlNodePtr node, const char *name);

/* Makes the element the outermost one of its document, and writes that document. The caller owns
 * it. */
int xml_doc_write(xmlNodePtr root, char **ret, struct err *e);

/* ---- xml_domain.c ---- */

/* Reads the source that a <disk> or <backingStore> (`holder`) names. Its format is in `format_node`
 * (<driver> or <format>, may be NULL). */
int xml_source_read(xmlNodePtr holder, xmlNodePtr format_node, struct xml_source *ret,
                    struct err *e);
void xml_source_drop(struct xml_source *s);

/* Reads a <domain> element. */
int xml_domain_read(xmlNodePtr node, struct xml_domain **ret, struct err *e);

#endif
