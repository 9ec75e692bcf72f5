/* volumes.h - the files of those volumes of storage pools that a domain's disks are on, which the
 * XML does not name: libvirt is asked, once for each reading of the domain. */
#ifndef SNAPFS_MODEL_VOLUMES_H
#define SNAPFS_MODEL_VOLUMES_H

struct virt;
struct volumes;
struct xml_source;

/* `v` must outlive it. NULL without memory. */
struct volumes *volumes_new(struct virt *v);
void volumes_free(struct volumes *all); /* NULL allowed */

/* The path of the file or device of a source that is a volume; NULL: it is none, or libvirt knows
 * no path on this host. Borrowed from `all`. */
const char *volumes_path(struct volumes *all, const struct xml_source *s);

#endif
