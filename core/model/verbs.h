/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verbs.h - what a user can do to a domain's snapshots.
 *
 * Every verb queues behind the others on the same domain (different domains run side by side),
 * reads the domain afresh, asks the guard (change/guard.h) whose bytes would change, and only then
 * makes the one libvirt call, or the steps of our own where libvirt's is not safe. 0 or -errno with
 * a sentence that says what to do about it where we know. A verb may take minutes: it never runs on
 * a thread that others wait for.
 */
#ifndef SNAPFS_MODEL_VERBS_H
#define SNAPFS_MODEL_VERBS_H

#include "model/activity/log.h"
#include "model/create/create.h"
#include "model/delete/verb.h"
#include "model/metadata/describe.h"
#include "model/revert/verb.h"

enum { VERB_WORDS_MAX = 4096 };

#endif
