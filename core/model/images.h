/* images.h - from a snapshot's disk to its bytes: which files may be opened, what is in them. */
#ifndef SNAPFS_MODEL_IMAGES_H
#define SNAPFS_MODEL_IMAGES_H

#include "image/image.h"
#include "model/model.h"

struct mounts;

/* What is remembered of each image with its domain: readable or not, and its size. */
struct probes *probes_new(size_t n);
void probes_free(struct probes *p); /* NULL allowed */

/* model_image_facts, and the chain in image_describe_chain's words, owned by `d`. */
int images_probe(struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image_facts *ret_facts,
                 const char **ret_chain, struct err *e);

/* The snapshot tables of the files that one reading of a domain met, so that a file with a thousand
 * tags is read once. */
struct tag_tables;
struct tag_tables *tag_tables_new(const struct model *m);
void tag_tables_free(struct tag_tables *t); /* NULL allowed */
MEM_CLEANUP(struct tag_tables, tag_tables_free)

/* The table of one file, owned by `t`; -errno when it cannot be read. */
int tag_tables_get(struct tag_tables *t, const char *path, const char *format,
                   const struct image_tags **ret, struct err *e);

/* Sets disk->ident and, where the bytes cannot be found, disk->no and reason. A domain_identify_fn
 * (domain.h) whose ctx is a struct tag_tables. */
int images_identify(void *ctx, const struct snapshot *s, struct snapshot_disk *disk,
                    struct err *e);

/* The policy for every file that a chain of this domain may open. `allowance` must outlive the
 * policy's use. */
struct allowance {
    const struct model *model;
    const struct domain *domain;     /* may be NULL: then only named files of none */
    const struct snapshot *snapshot; /* whose XML is asked first for formats; may be NULL */
    const struct mounts *mounts;
};
struct image_policy images_policy(struct allowance *a);

#endif
