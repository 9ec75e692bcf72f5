/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_edit.c - see xml_edit.h. Pure. */
#include "virt/xml_edit.h"

#include <errno.h>
#include <string.h>

#include "virt/xml_doc.h"

int xml_set_attr(xmlNodePtr node, const char *name, const char *value, struct err *e)
{
    return xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value) ? 0 : err_nomem(e);
}

int xml_add_child(xmlNodePtr node, const char *name, xmlNodePtr *ret, struct err *e)
{
    *ret = xmlNewChild(node, NULL, (const xmlChar *)name, NULL);
    return *ret ? 0 : err_nomem(e);
}

int xml_add_text(xmlNodePtr node, const char *name, const char *text, struct err *e)
{
    return xmlNewTextChild(node, NULL, (const xmlChar *)name, (const xmlChar *)text) ? 0
                                                                                     : err_nomem(e);
}

static bool has_attr(xmlNodePtr node, const char *name, const char *value)
{
    xmlChar *found = node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
    bool same = found && !strcmp((const char *)found, value);
    xmlFree(found);
    return same;
}

/* Finds the disk whose `attribute` is that target. The attribute is on its child `holder`, or on
 * the disk itself if `holder` is NULL. */
static xmlNodePtr find_disk(const xmlNode *disks, const char *holder, const char *attribute,
                            const char *target)
{
    for (xmlNodePtr disk = xml_child(disks, "disk"); disk; disk = xml_next(disk, "disk"))
        if (has_attr(holder ? xml_child(disk, holder) : disk, attribute, target))
            return disk;
    return NULL;
}

xmlNodePtr xml_find_domain_disk(const xmlNode *domain, const char *target)
{
    return find_disk(xml_child(domain, "devices"), "target", "dev", target);
}

xmlNodePtr xml_find_snapshot_disk(const xmlNode *disks, const char *target)
{
    return find_disk(disks, NULL, "name", target);
}

bool xml_is_on_file(xmlNodePtr disk, const char *file)
{
    return has_attr(xml_child(disk, "source"), "file", file);
}

bool xml_is_on_volume(xmlNodePtr disk, const char *pool, const char *volume)
{
    xmlNodePtr source = xml_child(disk, "source");
    return pool && volume && has_attr(source, "pool", pool) && has_attr(source, "volume", volume);
}

/* Removes the attributes that put the disk on a volume of a pool. */
static int make_file_disk(xmlNodePtr disk, xmlNodePtr source, struct err *e)
{
    xmlUnsetProp(source, (const xmlChar *)"pool");
    xmlUnsetProp(source, (const xmlChar *)"volume");
    xmlUnsetProp(source, (const xmlChar *)"mode");
    return xml_set_attr(disk, "type", "file", e);
}

int xml_put_on_file(xmlNodePtr disk, const char *target, const char *file, const char *format,
                    struct err *e)
{
    xmlNodePtr source = xml_child(disk, "source"), driver = xml_child(disk, "driver");
    if (!source)
        return err_fail(e, EINVAL, "the XML has no disk '%s' on a file", target);
    int r = driver ? 0 : xml_add_child(disk, "driver", &driver, e);
    if (r == 0)
        r = xml_set_attr(driver, "type", format, e);
    if (r == 0)
        r = make_file_disk(disk, source, e);
    return r < 0 ? r : xml_set_attr(source, "file", file, e);
}
