/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source.c - see storage/source.h. No locks. */
#include "model/storage/source.h"

#include <string.h>

#include "model/storage/volumes.h"
#include "virt/xml.h"

const char *policy_path(struct volumes *volumes, const struct xml_source *s)
{
    if (s->path || s->uri)
        return s->path ? s->path : s->uri;
    return volumes_path(volumes, s);
}

const char *policy_format(const struct xml_source *s)
{
    return s->encrypted && s->format && !strcmp(s->format, "raw") ? "luks" : s->format;
}
