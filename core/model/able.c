/* able.c - see able.h.
 *
 * Measured are 9.0 and 11.3; between them the row of the more cautious one holds, but where
 * libvirt's own news name the version.
 */
#include "model/able.h"

#include <limits.h>
#include <string.h>

struct row {
    unsigned long from, before; /* versions */
    bool embedded;              /* also where libvirt's driver runs in our own process, with which
                                   it would end */
};

static const struct row rows[ABILITIES] = {
    /* 9.0 refuses it. From 9.9 on it is there, and up to 10.10 it removed the images of internal
     * parents. It is right in 11.3 (bytes compared, running and shut off), though its daemon ends
     * where no snapshot is current. */
    [ABLE_REVERT_EXTERNAL] = {11003000, ULONG_MAX, false},
    /* 9.0 removes the file that the other branch stands on; 11.3 rebases that, or refuses. */
    [ABLE_SEE_BRANCHES] = {11003000, ULONG_MAX, true},
    /* From 10.9 on the name is part of a job's id in QEMU (its news; measured in 11.3). */
    [ABLE_NAME_FREELY] = {0, 10009000, true},
};

static bool is_embedded(const char *uri)
{
    return strstr(uri, ":///embed") != NULL;
}

bool able(unsigned long version, const char *uri, enum ability a)
{
    const struct row *r = &rows[a];
    return version >= r->from && version < r->before && (r->embedded || !is_embedded(uri));
}
