/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_request.h - a <domainsnapshot> that asks for a new snapshot: what it says, and the same with
 * what it leaves open filled in. Pure functions; the XML is bounded as in xml.h.
 */
#ifndef SNAPFS_VIRT_XML_REQUEST_H
#define SNAPFS_VIRT_XML_REQUEST_H

#include "virt/xml.h"

enum { XML_UNSAID = -1 };

struct xml_request_disk {
    char *name;   /* a target, "vda", or the path of a disk, as libvirt allows */
    int where;    /* enum xml_where, or XML_UNSAID */
    char *type;   /* of the overlay: "file", "block", …; NULL = libvirt's default, "file" */
    char *driver; /* the overlay's format; NULL = libvirt's default, "qcow2" */
    char *file;   /* the overlay's path; NULL = not said */
    bool foreign; /* there is a <source> that names no file or block device */
};

struct xml_request {
    char *name, *description; /* NULL = not said */
    int memory;               /* enum xml_where, or XML_UNSAID */
    char *memory_file;        /* NULL = not said */
    struct xml_request_disk *disks;
    size_t n_disks;
};

/* Reads a document. EINVAL for one that is no <domainsnapshot>, and for a value of snapshot='…'
 * that libvirt does not know. */
int xml_request_parse(const char *xml, struct xml_request *ret, struct err *e);
/* Is this all of a <domainsnapshot>, or its beginning? EINVAL when it can be neither. */
int xml_request_is_whole(const char *xml, bool *ret, struct err *e);

void xml_request_drop(struct xml_request *q);

/* A disk more, all unsaid; `q` owns it and what is put in it. NULL without memory, or past
 * XML_DISKS_MAX. `name` is copied. */
struct xml_request_disk *xml_request_add(struct xml_request *q, const char *name);

/* The document for `q`: `base` (NULL = an empty one) with all that `q` says and `base` does not.
 * EINVAL when a string cannot stand in XML. Owned by the caller. */
int xml_request_write(const char *base, const struct xml_request *q, char **ret, struct err *e);

#endif
