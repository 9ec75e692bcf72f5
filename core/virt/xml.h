/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml.h - the parts of libvirt's <domain> and <domainsnapshot> that snapfs reads, and the few it
 * writes.
 *
 * libxml2 parses them, without network or entities, at most XML_TEXT_MAX bytes. Pure functions. Odd
 * or missing parts are not an error if the rest has a meaning without them. A document of the wrong
 * kind is EINVAL.
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
    char *type;          /* "file", "block", "volume", "network", …; "" if the disk is empty */
    char *path;          /* for file and block; else NULL */
    char *uri;           /* of a disk on another host (base/remote.h); NULL: none */
    char *extra;         /* the XML's further data for reading it, such as "auth"; NULL: none */
    char *pool, *volume; /* for volume; else NULL */
    char *format;        /* NULL if the XML has none */
    bool slice;          /* <slice>: the disk is only a part of the file */
    bool encrypted;      /* <encryption>: the guest saw other bytes than the file has */
    char *secret_uuid;   /* of that encryption's secret in libvirt; or NULL */
    char *secret_usage;  /* the usage of that secret; or NULL */
};

struct xml_disk {
    char *target; /* "vda"; "" if the XML has none */
    char *device; /* "disk", "cdrom", "floppy", "lun" */
    bool readonly, shareable, transient;
    unsigned sector; /* bytes of a sector as the guest sees it: 512 or 4096; 0: unknown */
    char *snapshot;  /* the disk's own snapshot='…' attribute in <domain>; or NULL */
    struct xml_source source;
    struct xml_source *backing; /* <backingStore> from the top down, as far as the XML has it */
    size_t n_backing;
    bool ends;                /* the XML ends the chain there; else its end is unknown */
    struct xml_source mirror; /* the target of a block job's copy; no type: no such job */
};

struct xml_domain {
    char *name, *uuid;
    bool tpm;         /* it has a TPM that keeps its state in files */
    bool nvram;       /* it has UEFI variables in a file of their own */
    bool nvram_qcow2; /* that file is qcow2 */
    struct xml_disk *disks;
    size_t n_disks;
};

/* Tells whether the disk, or a backing file of it, is only a part of a file. */
bool xml_disk_sliced(const struct xml_disk *d);

int xml_domain_parse(const char *xml, struct xml_domain **ret, struct err *e);
void xml_domain_free(struct xml_domain *d); /* NULL allowed */
MEM_CLEANUP(struct xml_domain, xml_domain_free)

enum xml_where { XML_NO, XML_INTERNAL, XML_EXTERNAL, XML_MANUAL };

/* A disk in <domainsnapshot><disks> (or <revertDisks>). */
struct xml_snapshot_disk {
    char *target;
    enum xml_where where;
    struct xml_source overlay; /* the file that became active at the snapshot */
};

struct xml_snapshot {
    char *name, *parent, *description, *state; /* parent and description may be NULL */
    int64_t created;                           /* seconds since 1970; 0 if the XML has none */
    enum xml_where memory;
    char *memory_file; /* NULL unless memory is external */
    struct xml_snapshot_disk *disks;
    size_t n_disks;
    struct xml_snapshot_disk *revert_disks; /* <revertDisks> */
    size_t n_revert_disks;
    bool delete_in_progress;   /* <snapshotDeleteInProgress/> anywhere */
    struct xml_domain *domain; /* the <domain> at the snapshot; NULL if the XML has none */
};

int xml_snapshot_parse(const char *xml, struct xml_snapshot **ret, struct err *e);
void xml_snapshot_free(struct xml_snapshot *s); /* NULL allowed */

/* Reads the configuration that a running domain had at the snapshot, its <inactiveDomain>. NULL if
 * the document has none. */
int xml_snapshot_config(const char *xml, struct xml_domain **ret, struct err *e);

MEM_CLEANUP(struct xml_snapshot, xml_snapshot_free)

/* Returns the disk with that target in the snapshot's <domain>, or NULL. */
const struct xml_disk *xml_domain_disk(const struct xml_domain *d, const char *target);

/* Writes the same snapshot document with another <description> (NULL or "" removes it). EINVAL if
 * it is not a <domainsnapshot>. The caller owns it. */
int xml_snapshot_describe(const char *xml, const char *description, char **ret, struct err *e);

/* Writes the <pool> of a directory of mode 0770 for that owner and group. EINVAL if XML cannot
 * express the name or the path. The caller owns it. */
int xml_pool_write(const char *name, const char *path, uid_t uid, gid_t gid, char **ret,
                   struct err *e);

/* Adds secrets to the snapshot document `xml`; the caller owns the result. `secure` is libvirt's
 * document of that snapshot with secrets (NULL = none), and `plain` is the same document without.
 * If `secure` has something that `plain` has not, the function adds it to the same graphics, disk
 * or other device of `xml`, unless it is there already. */
int xml_snapshot_keep_secrets(const char *xml, const char *plain, const char *secure, char **ret,
                              struct err *e);

#endif
