/* SPDX-License-Identifier: GPL-3.0-or-later */
/* advice.c - see advice.h. No locks: model->advised is atomic, and a warning that two threads say
 * at once does no harm. */
#include "model/graph/advice.h"

#include <stdatomic.h>

#include "base/hash.h"
#include "model/graph/mount_path.h"
#include "model/state.h"

static bool was_said(struct model *m, const char *what)
{
    uint64_t hash = hash_end(hash_str(HASH_START, what));
    for (size_t i = 0; i < ADVISED_MAX; i++)
        if (atomic_load(&m->advised[i]) == hash)
            return true;
    atomic_store(&m->advised[hash % ADVISED_MAX], hash);
    return false;
}

void advise_of_current(struct model *m, const struct graph *g)
{
    for (size_t i = 0; m->options.say && i < graph_n_users(g); i++) {
        const char *mount_path = graph_user(g, i)->mount_path;
        autotext struct text line = {0};
        if (!mount_path || !mount_path_is_current(mount_path))
            continue;
        graph_describe(g, i, &line);
        text_add(&line,
                 " uses '%s' in a mount, which is another image as soon as a snapshot is made; "
                 "make the clone on the path through 'by-name'",
                 mount_path);
        if (!line.failed && !was_said(m, line.s))
            m->options.say(true, line.s);
    }
}
