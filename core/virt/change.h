/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change.h - the calls that change a domain itself: what a procedure of several steps is made of.
 *
 * As in virt.h: a change is one libvirt call, never retried; EHOSTDOWN or ETIMEDOUT means that
 * whether it was made has to be looked up. What a snapshot's own calls change stands in virt.h.
 */
#ifndef SNAPFS_VIRT_CHANGE_H
#define SNAPFS_VIRT_CHANGE_H

#include "virt/virt.h"

/* virDomainDefineXML: makes or replaces the persistent configuration of the domain whose uuid the
 * document has. */
int virt_domain_define(struct virt *v, const char *xml, struct err *e);

/* The domain's configuration for its next start, with secrets, to be defined again; owned by the
 * caller. */
int virt_domain_secure_config(struct virt *v, const char *uuid, char **ret, struct err *e);

/* The XML of a domain that runs, as a snapshot of it keeps it, with secrets; owned by the caller.
 */
int virt_domain_secure_xml(struct virt *v, const char *uuid, char **ret, struct err *e);

/* virDomainUndefine of a domain that is shut off and has no snapshots. ENOENT. */
int virt_domain_undefine(struct virt *v, const char *uuid, struct err *e);

/* virDomainDestroy. EBUSY when it does not run. */
int virt_domain_destroy(struct virt *v, const char *uuid, struct err *e);

/* virDomainResume. EBUSY when it does not run, or is not paused. */
int virt_domain_resume(struct virt *v, const char *uuid, struct err *e);

enum virt_start_flag {
    VIRT_START_RUNNING = 1 << 0, /* whatever a saved state says; a start without one runs anyway */
    VIRT_START_PAUSED = 1 << 1,
    VIRT_START_RESET_NVRAM = 1 << 2,
};

/* virDomainCreateWithFlags. EBUSY when it runs already. */
int virt_domain_start(struct virt *v, const char *uuid, unsigned flags, struct err *e);

/* virDomainRestoreFlags: starts the domain from the saved memory in `file`, with `xml` for the
 * document that the file holds. The file stays as it is. */
int virt_domain_restore(struct virt *v, const char *file, const char *xml, unsigned flags,
                        struct err *e);

/* The domain's XML that a file of saved memory holds, with secrets (virDomainSaveImageGetXMLDesc);
 * owned by the caller. */
int virt_saved_xml(struct virt *v, const char *file, char **ret, struct err *e);

#endif
