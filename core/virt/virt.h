/* SPDX-License-Identifier: GPL-3.0-or-later */
/* virt.h - the connection to libvirt, and every libvirt call snapfs makes. No vir* type leaves this
 * folder.
 *
 * Objects are named by domain uuid (36 characters, lower case) and snapshot name. Every call looks
 * them up again, because libvirt's objects die with the connection. Any thread may call any
 * function. Errors have libvirt's own words and the errno of the one table in virt/errors.c.
 *
 * If the daemon goes away, a call waits for its return, up to VIRT_RECONNECT_WAIT seconds from the
 * loss, and then fails with EHOSTDOWN. Later calls, while the daemon stays away, fail at once after
 * one try. A change that is in flight when the connection breaks is not retried. A read without an
 * answer for VIRT_CALL_TIMEOUT seconds fails with ETIMEDOUT.
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

/* Connects; `uri` NULL = libvirt's default. With `readonly` every change fails with EROFS. It
 * starts the event loop thread, so call it after the last fork. */
int virt_open(const char *uri, bool readonly, struct virt **ret, struct err *e);

/* Closes the connection. No call may be under way. It takes at most some seconds, even if the
 * daemon hangs. NULL allowed. */
void virt_close(struct virt *v);
MEM_CLEANUP(struct virt, virt_close)

/* From now on, reads end after about a second: those under way, and all later reads. No caller
 * waits for their results any more. Call it before virt_close. */
void virt_hurry(struct virt *v);

const char *virt_uri(const struct virt *v);       /* libvirt's canonical URI; owned by v */
unsigned long virt_version(const struct virt *v); /* of the daemon's libvirt, 9000000 = 9.0.0 */

/* Tells whether there is no connection now. The function does not wait. If the connection is lost,
 * another thread opens it again. */
bool virt_is_away(struct virt *v);

/* Tells whether paths in libvirt's XML name files of this host, in snapfs's root directory and
 * mount namespace. If not, `why` gets the sentence (errno EOPNOTSUPP). snapfs checks this again
 * after each reconnect. */
bool virt_files_local(struct virt *v, struct err *why);

/* Counts reconnects and the changes that libvirt reports. If the count has changed, data read
 * before may be old. */
uint64_t virt_generation(const struct virt *v);

struct virt_domain {
    char *name;
    char uuid[VIRT_UUID_LEN + 1];
};

/* Lists all domains, active and inactive, in no order. */
int virt_domains(struct virt *v, struct virt_domain **ret, size_t *ret_n, struct err *e);
void virt_domains_free(struct virt_domain *d, size_t n);

/* Finds the uuid of the domain of that name (virDomainLookupByName). If there is no such domain, it
 * fails with ENOENT. virt_domains waits for each domain that libvirt is busy with; this call waits
 * only for the named domain. */
int virt_domain_named(struct virt *v, const char *name, char ret_uuid[VIRT_UUID_LEN + 1],
                      struct err *e);

struct virt_status {
    const char *state; /* virsh domstate's words: "running", "shut off", … ; static storage */
    bool active, persistent, managed_save;
    bool block_job, commits; /* some job runs on a disk; a job that commits an overlay */
};

/* Reads one domain's state. It reads jobs only with `want_jobs`, because that costs a call per
 * disk. */
int virt_domain_status(struct virt *v, const char *uuid, bool want_jobs, struct virt_status *ret,
                       struct err *e);

/* Tells whether the guest ever had a processor for longer than a start takes (virDomainGetVcpus). A
 * domain that was started paused, and never resumed, has not. */
int virt_domain_has_run(struct virt *v, const char *uuid, bool *ret, struct err *e);

/* The data of one look at a domain, without its snapshots' XML, in as few calls as possible. */
struct virt_look {
    struct virt_status status; /* without managed_save and jobs */
    char *name, *xml;          /* as from virt_domain_xml; freed by virt_look_drop */
    size_t snapshots;          /* number of its snapshots */
};

int virt_domain_look(struct virt *v, const char *uuid, struct virt_look *ret, struct err *e);
void virt_look_drop(struct virt_look *l);

/* Reads the domain's XML as it is now or, with `config`, as it will be at the next start. It never
 * has secrets. The caller owns it. */
int virt_domain_xml(struct virt *v, const char *uuid, bool config, char **ret, struct err *e);

/* Returns the path of a volume of a storage pool; the caller owns the path. If there is no such
 * volume, it fails with ENOENT. */
int virt_volume_path(struct virt *v, const char *pool, const char *volume, char **ret,
                     struct err *e);

enum virt_volume { VIRT_VOLUME_NONE, VIRT_VOLUME_FILE, VIRT_VOLUME_BLOCK };

/* Tells what kind of volume `path` is in an active storage pool, as of the pool's last refresh
 * (virStorageVolLookupByPath). If there is no such volume, or if libvirt has no storage driver, the
 * result is VIRT_VOLUME_NONE. */
int virt_volume_at(struct virt *v, const char *path, enum virt_volume *ret, struct err *e);

/* Reads the value of the secret with this uuid. If `uuid` is NULL, finds the secret by the volume
 * `usage`. If there is no such secret, it fails with ENOENT. If libvirt gives the secret to no
 * client, or if the connection is read-only, it fails with EACCES. */
int virt_secret(struct virt *v, const char *uuid, const char *usage, struct secret *ret,
                struct err *e);

struct virt_snapshots {
    size_t n;
    char **names;   /* the snapshots' names */
    char **xml;     /* their XML, same index, without secrets; NULL = vanished meanwhile */
    char *current;  /* the current snapshot's name, NULL for none */
    size_t counted; /* bytes counted in the budget */
};

/* Reads all snapshots of a domain with their XML, in topological order if libvirt gives one. */
int virt_snapshots(struct virt *v, const char *uuid, struct virt_snapshots **ret, struct err *e);
void virt_snapshots_free(struct virt_snapshots *s); /* NULL allowed */
MEM_CLEANUP(struct virt_snapshots, virt_snapshots_free)

/* Stands for one state of libvirt's records of a domain's snapshots. For each change (also of the
 * current snapshot) the daemon renames a new file over the snapshot's file, or removes that file.
 * These files are in a directory of the domain. While libvirt makes a snapshot, the snapshot has no
 * file, so count the snapshots too. */
struct virt_stamp {
    uint64_t dev, ino, mtime_ns; /* of the directory */
    unsigned long version;       /* of the daemon, which writes the XML */
};

/* Returns false if that directory is unknown, or if snapfs does not see it. Also returns false if a
 * snapshot of `all` (may be NULL) has no file in it. */
bool virt_snapshots_stamp(struct virt *v, const char *domain, const struct virt_snapshots *all,
                          struct virt_stamp *ret);

/* Reads when the daemon last wrote the snapshot's file (CLOCK_REALTIME, ns). Returns false if
 * snapfs does not see the file. */
bool virt_snapshot_written(struct virt *v, const char *domain, const char *snapshot,
                           uint64_t *ret_ns);

/* Writes the daemon's records of the domain and its snapshots to the disk. Otherwise a crash of the
 * machine could bring back a document that names a file which snapfs unlinks next. libvirt syncs
 * each file before it renames it, but not the directory. If snapfs cannot open the directories, it
 * syncs everything (sync(2)). */
void virt_sync_records(struct virt *v, const char *domain);

/* Reads one snapshot's XML with secrets, for a redefine. */
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

/* Makes a snapshot. `unsupported` (may be NULL) is set if libvirt answered that it cannot make this
 * kind of snapshot of this domain. Such answers are CONFIG_UNSUPPORTED, OPERATION_UNSUPPORTED,
 * ARGUMENT_UNSUPPORTED, or that the domain cannot be migrated (xml_migrate.h). */
int virt_snapshot_create(struct virt *v, const char *uuid, const char *xml, unsigned flags,
                         bool *unsupported, struct err *e);

/* Has the guest's agent freeze its file systems (virDomainFSFreeze), or thaw them. EOPNOTSUPP: the
 * domain has no agent. ETIMEDOUT: the agent does not answer, or not within `seconds`; it is told to
 * thaw, because it may still freeze. */
int virt_freeze(struct virt *v, const char *uuid, int seconds, struct err *e);
int virt_thaw(struct virt *v, const char *uuid, int seconds, struct err *e);

/* Deletes a snapshot. With `metadata` libvirt only forgets it. Its children become its parent's. */
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
