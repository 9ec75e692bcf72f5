/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_request.h - a <domainsnapshot> that asks for a new snapshot: reads it, and fills in the parts
 * that it leaves open. Pure functions; the XML is bounded as in xml.h. */
#ifndef SNAPFS_VIRT_XML_REQUEST_H
#define SNAPFS_VIRT_XML_REQUEST_H

#include "virt/xml.h"

enum { XML_UNSAID = -1 };

struct xml_request_disk {
    char *name;   /* a target, "vda", or the path of a disk, as libvirt allows */
    int where;    /* enum xml_where, or XML_UNSAID */
    char *type;   /* of the overlay: "file", "block", …; NULL = libvirt's default, "file" */
    char *driver; /* the overlay's format; NULL = libvirt's default, "qcow2" */
    char *file;   /* the overlay's path; NULL = not set */
    bool foreign; /* <source> names neither a file nor a block device */
};

struct xml_request {
    char *name, *description; /* NULL = not set */
    int memory;               /* enum xml_where, or XML_UNSAID */
    char *memory_file;        /* NULL = not set */
    struct xml_request_disk *disks;
    size_t n_disks;
};

/* Reads a document. EINVAL if it is not a <domainsnapshot>, or if snapshot='…' has a value that
 * libvirt does not know. */
int xml_request_parse(const char *xml, struct xml_request *ret, struct err *e);
/* Tells whether this is all of a <domainsnapshot>, or its beginning. EINVAL if it can be neither.
 * */
int xml_request_is_whole(const char *xml, bool *ret, struct err *e);

void xml_request_drop(struct xml_request *q);

/* Adds a disk with nothing set; `q` owns the disk and everything put into it. NULL if there is no
 * memory, or after XML_DISKS_MAX. `name` is copied. */
struct xml_request_disk *xml_request_add(struct xml_request *q, const char *name);

/* Writes the document for `q`: `base` (NULL = an empty one), plus the parts of `q` that `base`
 * lacks. EINVAL if XML cannot express a string. The caller owns it. */
int xml_request_write(const char *base, const struct xml_request *q, char **ret, struct err *e);

#endif
