/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change.h - the calls that change a domain itself: the steps of longer procedures.
 *
 * As in virt.h, a change is one libvirt call and is never retried. After EHOSTDOWN or ETIMEDOUT the
 * caller must look up whether the change was made. Calls that change a snapshot are in virt.h.
 */
#ifndef SNAPFS_VIRT_CHANGE_H
#define SNAPFS_VIRT_CHANGE_H

#include "virt/virt.h"

/* Makes or replaces the persistent configuration of the domain whose uuid is in the document
 * (virDomainDefineXML). */
int virt_domain_define(struct virt *v, const char *xml, struct err *e);

/* Reads the domain's configuration for its next start, with secrets. A caller can define the domain
 * again with it. The caller owns the result. */
int virt_domain_secure_config(struct virt *v, const char *uuid, char **ret, struct err *e);

/* Reads the XML of a running domain, with secrets, in the form that a snapshot keeps. The caller
 * owns the result. */
int virt_domain_secure_xml(struct virt *v, const char *uuid, char **ret, struct err *e);

/* Undefines a domain that is shut off and has no snapshots (virDomainUndefine). If there is no such
 * domain, it fails with ENOENT. */
int virt_domain_undefine(struct virt *v, const char *uuid, struct err *e);

/* Destroys a domain (virDomainDestroy). If the domain does not run, it fails with EBUSY. */
int virt_domain_destroy(struct virt *v, const char *uuid, struct err *e);

/* Resumes a domain (virDomainResume). If the domain does not run or is not paused, it fails with
 * EBUSY. */
int virt_domain_resume(struct virt *v, const char *uuid, struct err *e);

enum virt_start_flag {
    VIRT_START_RUNNING = 1 << 0, /* overrides a saved state; a start without one runs anyway */
    VIRT_START_PAUSED = 1 << 1,
    VIRT_START_RESET_NVRAM = 1 << 2,
};

/* Starts a domain (virDomainCreateWithFlags). If the domain runs already, it fails with EBUSY. */
int virt_domain_start(struct virt *v, const char *uuid, unsigned flags, struct err *e);

/* Starts the domain from the saved memory in `file` (virDomainRestoreFlags). `xml` replaces the
 * document in the file. The file does not change. */
int virt_domain_restore(struct virt *v, const char *file, const char *xml, unsigned flags,
                        struct err *e);

/* Reads the domain's XML in a file of saved memory, with secrets (virDomainSaveImageGetXMLDesc).
 * The caller owns it. */
int virt_saved_xml(struct virt *v, const char *file, char **ret, struct err *e);

#endif
