/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml.h - what snapfs reads from libvirt's <domain> and <domainsnapshot>, and the few it writes.
 *
 * Parsed with libxml2, no network, no entities, at most XML_TEXT_MAX bytes. Pure functions. Odd or
 * missing parts are no error where the rest can stand without them; a document that is not what it
 * should be is EINVAL.
 */
#ifndef SNAPFS_VIRT_XML_H
#define SNAPFS_VIRT_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

enum { XML_TEXT_MAX = 16 * 1024 * 1024, XML_DISKS_MAX = 4096, XML_CHAIN_MAX = 256 };

/* One file (or other source) of a chain as the XML names it. */
struct xml_source {
    char *type;          /* "file", "block", "volume", "network", …; "" when the disk is empty */
    char *path;          /* for file and block; NULL else */
    char *uri;           /* of a disk on another host (base/remote.h); NULL when it has none */
    char *extra;         /* what more the XML has about reading that, as "auth"; NULL: nothing */
    char *pool, *volume; /* for volume; NULL else */
    char *format;        /* NULL when the XML does not say */
    bool slice;          /* <slice>: the disk is a part of the file only */
    bool encrypted;      /* <encryption>: the guest saw other bytes than the file has */
    char *secret_uuid;   /* of that, in libvirt; NULL when it is told by */
    char *secret_usage;  /* its usage; NULL when there is none */
};

struct xml_disk {
    char *target; /* "vda"; "" when the XML has none */
    char *device; /* "disk", "cdrom", "floppy", "lun" */
    bool readonly, shareable, transient;
    unsigned sector; /* bytes of a sector as the guest sees it: 512 or 4096; 0: not said */
    char *snapshot;  /* the disk's own snapshot='…' attribute in <domain>, NULL if none */
    struct xml_source source;
    struct xml_source *backing; /* <backingStore> from the top down, as far as the XML goes */
    size_t n_backing;
    bool ends;                /* the XML ends the chain there; else it does not say what follows */
    struct xml_source mirror; /* where a block job copies it to; without a type: there is none */
};

struct xml_domain {
    char *name, *uuid;
    bool tpm;         /* it has a TPM that keeps its state in files */
    bool nvram;       /* it has UEFI variables in a file of their own, and */
    bool nvram_qcow2; /* that is a qcow2 one */
    struct xml_disk *disks;
    size_t n_disks;
};

/* Is the disk, or what it stands on, a part of a file only? */
bool xml_disk_sliced(const struct xml_disk *d);

int xml_domain_parse(const char *xml, struct xml_domain **ret, struct err *e);
void xml_domain_free(struct xml_domain *d); /* NULL allowed */
MEM_CLEANUP(struct xml_domain, xml_domain_free)

enum xml_where { XML_NO, XML_INTERNAL, XML_EXTERNAL, XML_MANUAL };

/* A disk in <domainsnapshot><disks> (or <revertDisks>). */
struct xml_snapshot_disk {
    char *target;
    enum xml_where where;
    struct xml_source overlay; /* the file that became active when the snapshot was taken */
};

struct xml_snapshot {
    char *name, *parent, *description, *state; /* parent and description may be NULL */
    int64_t created;                           /* seconds since 1970; 0 when the XML has none */
    enum xml_where memory;
    char *memory_file; /* NULL unless memory is external */
    struct xml_snapshot_disk *disks;
    size_t n_disks;
    struct xml_snapshot_disk *revert_disks; /* <revertDisks> */
    size_t n_revert_disks;
    bool delete_in_progress;   /* <snapshotDeleteInProgress/> anywhere */
    struct xml_domain *domain; /* the <domain> of then; NULL when the XML has none */
};

int xml_snapshot_parse(const char *xml, struct xml_snapshot **ret, struct err *e);
void xml_snapshot_free(struct xml_snapshot *s); /* NULL allowed */

/* The configuration that a running domain had when the snapshot was taken, its <inactiveDomain>;
 * NULL: the document has none. */
int xml_snapshot_config(const char *xml, struct xml_domain **ret, struct err *e);

MEM_CLEANUP(struct xml_snapshot, xml_snapshot_free)

/* The disk with that target in the snapshot's <domain>, or NULL. */
const struct xml_disk *xml_domain_disk(const struct xml_domain *d, const char *target);

/* The same snapshot document with another <description> (NULL or "" removes it). EINVAL when it is
 * no <domainsnapshot>. Owned by the caller. */
int xml_snapshot_describe(const char *xml, const char *description, char **ret, struct err *e);

/* The snapshot document `xml` with what `secure`, libvirt's document of that snapshot with secrets
 * (NULL = none), has more than `plain`, the same without: where `xml` has the same graphics, disk
 * or other device, and lacks that. Owned by the caller. */
int xml_snapshot_keep_secrets(const char *xml, const char *plain, const char *secure, char **ret,
                              struct err *e);

#endif
