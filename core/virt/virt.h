/* SPDX-License-Identifier: GPL-3.0-or-later */
/* virt.h - the connection to libvirt, and every libvirt call snapfs makes.
 *
 * No vir* type leaves this folder. Objects are named by domain uuid (36 characters, lower case) and
 * snapshot name; they are looked up afresh in every call, since libvirt's objects die with the
 * connection. All functions may be called from any thread. Errors carry libvirt's own words and the
 * errno of the one table in virt/errors.c.
 *
 * When the daemon goes away a call waits up to VIRT_RECONNECT_WAIT seconds (counted from the loss)
 * for it to come back, then fails with EHOSTDOWN; calls made while it stays away fail at once after
 * one try. A call in flight when the connection breaks is not retried if it changes anything. A
 * read that gets no answer for VIRT_CALL_TIMEOUT seconds fails with ETIMEDOUT.
 */
#ifndef SNAPFS_VIRT_VIRT_H
#define SNAPFS_VIRT_VIRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"

enum { VIRT_RECONNECT_WAIT = 5, VIRT_CALL_TIMEOUT = 30, VIRT_UUID_LEN = 36 };

struct virt;

/* Connects; `uri` NULL = libvirt's default. With `readonly` every change fails with EROFS. Starts
 * the event loop thread. Called after the last fork. */
int virt_open(const char *uri, bool readonly, struct virt **ret, struct err *e);

/* Not while a call is being made. Takes at most some seconds, also when the daemon hangs. NULL
 * allowed. */
void virt_close(struct virt *v);
MEM_CLEANUP(struct virt, virt_close)

/* Reads that are under way or begin from now on are given up after about a second: what they would
 * find out nobody waits for. Before virt_close. */
void virt_hurry(struct virt *v);

const char *virt_uri(const struct virt *v);       /* libvirt's canonical URI; owned by v */
unsigned long virt_version(const struct virt *v); /* of the daemon's libvirt, 9000000 = 9.0.0 */

/* Is there no connection now? Waits for none, and has a lost one made again. */
bool virt_is_away(struct virt *v);

/* Do paths in libvirt's XML name files of ours: same host, root directory and mount namespace?
 * When not, `why` gets the sentence (errno EOPNOTSUPP). Asked again after each reconnect. */
bool virt_files_local(struct virt *v, struct err *why);

/* Counts reconnects and, where libvirt tells, changes; differs when what was read may be old. */
uint64_t virt_generation(const struct virt *v);

struct virt_domain {
    char *name;
    char uuid[VIRT_UUID_LEN + 1];
};

/* All domains, active and inactive, in no order. */
int virt_domains(struct virt *v, struct virt_domain **ret, size_t *ret_n, struct err *e);
void virt_domains_free(struct virt_domain *d, size_t n);

/* The uuid of the domain of that name, ENOENT. Unlike the list, which waits for each domain that
 * libvirt is busy with, it waits for that one alone (virDomainLookupByName). */
int virt_domain_named(struct virt *v, const char *name, char ret_uuid[VIRT_UUID_LEN + 1],
                      struct err *e);

struct virt_status {
    const char *state; /* virsh domstate's words: "running", "shut off", … ; static storage */
    bool active, persistent, managed_save;
    bool block_job, commits; /* some job on a disk, and one that merges an overlay */
};

/* One domain's state. Jobs are only asked for when `want_jobs` (it costs a call a disk). */
int virt_domain_status(struct virt *v, const char *uuid, bool want_jobs, struct virt_status *ret,
                       struct err *e);

/* Has its guest ever had a processor for longer than a start takes? One that was started paused,
 * and never resumed, has not. (virDomainGetVcpus) */
int virt_domain_has_run(struct virt *v, const char *uuid, bool *ret, struct err *e);

/* All that one look at a domain needs but its snapshots' XML, in as few calls as there can be. */
struct virt_look {
    struct virt_status status; /* but managed_save and jobs */
    char *name, *xml;          /* as virt_domain_xml has it; with virt_look_drop */
    size_t snapshots;          /* how many it has */
};

int virt_domain_look(struct virt *v, const char *uuid, struct virt_look *ret, struct err *e);
void virt_look_drop(struct virt_look *l);

/* The domain's XML as libvirt has it now, or, with `config`, as it will be at the next start; never
 * with secrets. Owned by the caller. */
int virt_domain_xml(struct virt *v, const char *uuid, bool config, char **ret, struct err *e);

/* The path of a volume of a storage pool; owned by the caller. ENOENT. */
int virt_volume_path(struct virt *v, const char *pool, const char *volume, char **ret,
                     struct err *e);

enum virt_volume { VIRT_VOLUME_NONE, VIRT_VOLUME_FILE, VIRT_VOLUME_BLOCK };

/* As what some storage pool that is active holds `path`, since it was last refreshed; NONE also
 * where libvirt has no storage driver (virStorageVolLookupByPath). */
int virt_volume_at(struct virt *v, const char *path, enum virt_volume *ret, struct err *e);

/* The value of a secret, by its uuid or, where that is NULL, as that of the volume `usage`. ENOENT;
 * EACCES: libvirt gives it to nobody, or the connection is read-only. */
int virt_secret(struct virt *v, const char *uuid, const char *usage, struct secret *ret,
                struct err *e);

struct virt_snapshots {
    size_t n;
    char **names;   /* and */
    char **xml;     /* the XML of each, same index, never with secrets; NULL = vanished meanwhile */
    char *current;  /* the current snapshot's name, NULL for none */
    size_t counted; /* in the budget */
};

/* All snapshots of a domain with their XML, in topological order where libvirt gives one. */
int virt_snapshots(struct virt *v, const char *uuid, struct virt_snapshots **ret, struct err *e);
void virt_snapshots_free(struct virt_snapshots *s); /* NULL allowed */
MEM_CLEANUP(struct virt_snapshots, virt_snapshots_free)

/* Tells one state of what libvirt keeps of a domain's snapshots from another: its daemon writes
 * each change (also which is current) to a file of the snapshot in a directory of the domain, by
 * way of a rename, or removes that file. A snapshot that is being made has none yet: count them,
 * too. */
struct virt_stamp {
    uint64_t dev, ino, mtime_ns; /* of the directory */
    unsigned long version;       /* of the daemon, which writes the XML */
};

/* False where that directory is not known or not ours to see, or has no file of one of `all` (which
 * may be NULL). */
bool virt_snapshots_stamp(struct virt *v, const char *domain, const struct virt_snapshots *all,
                          struct virt_stamp *ret);

/* When the daemon last wrote the snapshot's file (CLOCK_REALTIME, ns). False: it is not seen. */
bool virt_snapshot_written(struct virt *v, const char *domain, const char *snapshot,
                           uint64_t *ret_ns);

/* Brings to the disk what the daemon has written of the domain and its snapshots, so that no crash
 * of the machine brings back a document that names a file which is unlinked next. libvirt syncs
 * each file before it renames it, but not the directory. Where the directories are not ours to
 * open, everything is synced (sync(2)). */
void virt_sync_records(struct virt *v, const char *domain);

/* One snapshot's XML with secrets, for a redefine. */
int virt_snapshot_secure_xml(struct virt *v, const char *uuid, const char *name, char **ret,
                             struct err *e);

/* ---- changes; each is one libvirt call (virDomainSnapshotCreateXML, -Delete, RevertToSnapshot)
 * ---- */

enum virt_create_flag {
    VIRT_CREATE_DISK_ONLY = 1 << 0,
    VIRT_CREATE_ATOMIC = 1 << 1,
    VIRT_CREATE_REDEFINE = 1 << 2,
    VIRT_CREATE_CURRENT = 1 << 3,
    VIRT_CREATE_LIVE = 1 << 4,
    VIRT_CREATE_HALT = 1 << 5,
    VIRT_CREATE_REUSE_EXTERNAL = 1 << 6,
    VIRT_CREATE_NO_METADATA = 1 << 7,
};

/* `unsupported` (may be NULL) is set when libvirt answered that it cannot do this kind of snapshot
 * of this domain (CONFIG_UNSUPPORTED, OPERATION_UNSUPPORTED, ARGUMENT_UNSUPPORTED, or that it cannot
 * be migrated: xml_migrate.h). */
int virt_snapshot_create(struct virt *v, const char *uuid, const char *xml, unsigned flags,
                         bool *unsupported, struct err *e);

/* Has the guest's agent freeze its file systems (virDomainFSFreeze); and thaw them. EOPNOTSUPP: the
 * domain has no agent; ETIMEDOUT: it does not answer, or not within `seconds`, and is told to thaw
 * what it may freeze yet. */
int virt_freeze(struct virt *v, const char *uuid, int seconds, struct err *e);
int virt_thaw(struct virt *v, const char *uuid, int seconds, struct err *e);

/* With `metadata` libvirt only forgets it. Its children become its parent's. */
int virt_snapshot_delete(struct virt *v, const char *uuid, const char *name, bool metadata,
                         struct err *e);

enum virt_revert_flag {
    VIRT_REVERT_RUNNING = 1 << 0,
    VIRT_REVERT_PAUSED = 1 << 1,
    VIRT_REVERT_FORCE = 1 << 2,
    VIRT_REVERT_RESET_NVRAM = 1 << 3,
};

int virt_snapshot_revert(struct virt *v, const char *uuid, const char *name, unsigned flags,
                         struct err *e);

#endif
