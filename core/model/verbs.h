/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verbs.h - the changes that a user can make to a domain's snapshots.
 *
 * Every verb queues behind the others on the same domain (different domains run side by side) and
 * reads the domain afresh. Then the verb asks the guard (change/guard.h) which bytes would change.
 * After that, the verb makes the one libvirt call, or runs snapfs's own procedure if libvirt's call
 * is not safe. It returns 0, or -errno with a message that names the remedy if there is one. A verb
 * may take minutes, so it never runs on a thread that others wait for.
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
