/* SPDX-License-Identifier: GPL-3.0-or-later */
/* redefine.c - see metadata/redefine.h. Locks: those of change/operation.h, for the whole. */
#include "model/metadata/redefine.h"

#include <errno.h>
#include <string.h>

#include "base/mounts.h"
#include "image/id.h"
#include "image/layers.h"
#include "image/source.h"
#include "model/catalog/document.h"
#include "model/change/flag_words.h"
#include "model/change/operation.h"
#include "model/change/outcome.h"
#include "model/graph/survey.h"
#include "model/metadata/describe.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/storage/source.h"

struct redefinition {
    struct operation operation;
    bool current;                 /* the user wrote the word `current` */
    const char *xml;              /* the document as the user wrote it */
    struct xml_snapshot *parsed;  /* the parsed document */
    const struct snapshot *known; /* the snapshot of that name now, NULL for none */
    struct survey survey;
    struct mounts *mounts;
};

static void redefinition_end(struct redefinition *d)
{
    survey_drop(&d->survey);
    mounts_free(d->mounts);
    xml_snapshot_free(d->parsed);
    operation_end(&d->operation);
}

/* ---- the text that was written ---- */

static int parse_words(const char *line, bool *current, struct err *e)
{
    for (const char *at = line;;) {
        autofree char *word = NULL;
        int r = words_next(&at, WORDS_BLANKS, &word, e);
        if (r < 0 || !word)
            return r;
        if (strcmp(word, "current") != 0)
            return err_fail(e, EINVAL, "unknown word '%.64s': 'redefine' takes the word 'current'",
                            word);
        *current = true;
    }
}

int redefine_check_words(const char *words, struct err *e)
{
    bool ignored;
    return parse_words(words, &ignored, e);
}

static int parse_text(struct redefinition *d, const char *words, const char *xml, struct err *e)
{
    d->xml = xml;
    int r = parse_words(words, &d->current, e);
    if (r == 0)
        r = xml_snapshot_parse(d->xml, &d->parsed, e);
    if (r == 0 && !d->parsed->domain)
        r = err_fail(e, EINVAL, "the document has no <domain>, as a copy of snapshot.xml has");
    return r;
}

/* ---- the files that the document names ---- */

static const char *path_of(const struct redefinition *d, const struct xml_disk *x)
{
    return policy_path(d->operation.domain->volumes, &x->source);
}

static const struct xml_disk *content_of(const struct redefinition *d,
                                         const struct xml_snapshot_disk *disk)
{
    const struct xml_disk *x = xml_domain_disk(d->parsed->domain, disk->target);
    bool captured = disk->where == XML_INTERNAL || disk->where == XML_EXTERNAL;
    return captured && x && !x->source.uri && path_of(d, x) ? x : NULL;
}

static bool same_file(const struct redefinition *d, const char *a, const char *b)
{
    return names_same_file(d->survey.names, a, b);
}

/* Returns whether a file is there. Also false inside a snapfs mount, in which snapfs opens no
 * file. */
static bool is_there(const struct redefinition *d, const char *path)
{
    struct stat st;
    return follow_stat(d->mounts, path, &st);
}

/* Returns whether the file is gone. snapfs cannot tell for a file on another host. */
static bool is_gone(const struct redefinition *d, const char *path)
{
    struct stat remote;
    return !image_remote_stat(path, &remote) && !is_there(d, path);
}

static bool keeps_disk(const struct redefinition *d, const struct snapshot_disk *was)
{
    const struct xml_disk *x = xml_domain_disk(d->parsed->domain, was->target);
    const char *path = x ? path_of(d, x) : NULL;
    enum xml_where where = was->tag ? XML_INTERNAL : XML_EXTERNAL;
    bool same = false;
    for (size_t k = 0; path && k < d->parsed->n_disks; k++) {
        const struct xml_snapshot_disk *disk = &d->parsed->disks[k];
        same |= !strcmp(disk->target, was->target) && disk->where == where &&
                same_file(d, path, was->path);
    }
    return same;
}

static bool keeps_memory(const struct redefinition *d, const struct snapshot_disk *was)
{
    const struct xml_snapshot *x = d->parsed;
    if (was->tag)
        return x->memory == XML_INTERNAL;
    return x->memory == XML_EXTERNAL && x->memory_file && same_file(d, x->memory_file, was->path);
}

/* Checks that a snapshot that libvirt lists keeps its present bytes, unless these are gone. */
static int check_known(const struct redefinition *d, struct err *e)
{
    for (size_t i = 0; d->known && i < d->known->n_images; i++) {
        const struct snapshot_disk *was = &d->known->disks[i];
        if (!was->path || is_gone(d, was->path))
            continue;
        if (was->memory ? !keeps_memory(d, was) : !keeps_disk(d, was))
            return err_fail(
                e, EBUSY,
                "the document does not look for the bytes of %s'%s' in '%s', where the snapshot "
                "has them",
                was->memory ? "" : "disk ", was->target, was->path);
    }
    return 0;
}

/* Checks that the file has exactly one tag of that name, and that no other snapshot has this
 * tag. */
static int check_tag(const struct redefinition *d, const struct xml_disk *x, struct err *e)
{
    const struct graph *g = d->survey.graph;
    const char *name = d->parsed->name;
    unsigned found = 0;
    for (size_t i = 0; i < graph_n_users(g); i++) {
        const struct graph_user *u = graph_user(g, i);
        int file = graph_chain(g, i, 0);
        if (!u->tag || !u->tag_id || u->again || strcmp(u->tag, name) != 0 ||
            file == GRAPH_NO_FILE || !same_file(d, graph_file_path(g, file), path_of(d, x)))
            continue;
        if (u->snapshot && strcmp(u->domain, d->operation.domain->name) != 0)
            return err_fail(e, EBUSY, "the tag '%s' in '%s' is that of a snapshot of domain '%s'",
                            name, path_of(d, x), u->domain);
        found++;
    }
    if (found != 1)
        return err_fail(
            e, found ? EBUSY : ENOENT,
            "'%s' holds %u tags '%s', so one cannot tell which has the bytes of disk '%s'",
            path_of(d, x), found, name, x->target);
    return 0;
}

/* Returns whether the chain of `overlay` leads to `base`. If the overlay is missing, returns
 * true. */
static bool uses_base(const struct redefinition *d, const char *overlay, const char *base)
{
    struct image_source source = {.path = overlay, .format = "qcow2"};
    struct image_policy policy = follow_policy(d->mounts);
    struct image_layer *layers = NULL;
    size_t n = 0;
    bool unknown, found = false;
    if (!is_there(d, overlay))
        return true;
    image_layers(&source, &policy, &layers, &n, &unknown, NULL);
    for (size_t i = 1; i < n; i++)
        found |= same_file(d, layers[i].path, base);
    image_layers_free(layers, n);
    return found;
}

static int check_external(const struct redefinition *d, const struct xml_snapshot_disk *disk,
                          const struct xml_disk *x, struct err *e)
{
    if (!is_there(d, path_of(d, x)))
        return err_fail(e, ENOENT, "file '%s' is missing; the snapshot needs it for disk '%s'",
                        path_of(d, x), x->target);
    if (disk->overlay.path && !uses_base(d, disk->overlay.path, path_of(d, x)))
        return err_fail(
            e, EBUSY,
            "the overlay '%s' of disk '%s' is not on '%s', into which a delete would merge it",
            disk->overlay.path, x->target, path_of(d, x));
    return 0;
}

/* Checks that the snapshot can be current. When libvirt reverts, it removes the files that the
 * current snapshot names as its overlays. */
static int check_current(const struct redefinition *d, const struct xml_snapshot_disk *disk,
                         const struct xml_disk *x, struct err *e)
{
    const struct xml_disk *live = xml_domain_disk(d->survey.live, disk->target);
    const char *named = disk->where == XML_EXTERNAL ? disk->overlay.path : path_of(d, x);
    if (!d->current || (d->known && d->known == d->operation.domain->current))
        return 0;
    if (!named || !is_there(d, named))
        return 0;
    const char *now = live ? path_of(d, live) : NULL;
    if (now && same_file(d, now, named))
        return 0;
    return err_fail(
        e, EBUSY, "it cannot be current: the live disk '%s' is not '%s', which the document names",
        disk->target, named);
}

static int check_files(struct redefinition *d, struct err *e)
{
    struct err why;
    if (!virt_files_local(d->operation.m->virt, &why))
        return 0; /* only metadata is changed, and the files cannot be looked at */
    d->mounts = mounts_read();
    if (!d->mounts)
        return err_nomem(e);
    int r = survey_make(d->operation.m, d->operation.domain, SURVEY_ALL, &d->survey, e);
    if (r == 0)
        r = check_known(d, e);
    for (size_t i = 0; r == 0 && i < d->parsed->n_disks; i++) {
        const struct xml_snapshot_disk *disk = &d->parsed->disks[i];
        const struct xml_disk *x = content_of(d, disk);
        if (!x)
            continue;
        r = disk->where == XML_INTERNAL ? check_tag(d, x, e) : check_external(d, disk, x, e);
        if (r == 0)
            r = check_current(d, disk, x, e);
    }
    return r;
}

/* ---- putting the snapshot back ---- */

static int check_document(struct redefinition *d, struct err *e)
{
    const struct xml_domain *of = d->parsed->domain;
    if (of->uuid && strcasecmp(of->uuid, d->operation.domain->uuid) != 0)
        return err_fail(e, EINVAL,
                        "cannot redefine '%s': its document is of domain '%s' with another uuid, "
                        "%s; replace that <uuid> by %s in it",
                        d->parsed->name, of->name, of->uuid, d->operation.domain->uuid);
    int r = d->known ? guard_describe(d->known, e) : 0;
    if (r == 0 && d->parsed->n_revert_disks)
        r = err_fail(e, EBUSY,
                     "the document has <revertDisks>, which libvirt would forget, and remove the "
                     "wrong files at the next revert");
    return r < 0 ? r : check_files(d, e);
}

/* Makes the document, with the secrets that libvirt has for the snapshot now. */
static int with_secrets(const struct redefinition *d, char **ret, struct err *e)
{
    autofree char *secure = NULL;
    int r = 0;
    if (d->known)
        r = virt_snapshot_secure_xml(d->operation.m->virt, d->operation.domain->uuid,
                                     d->known->name, &secure, e);
    return r < 0 ? r
                 : xml_snapshot_keep_secrets(d->xml, d->known ? d->known->doc->xml : NULL, secure,
                                             ret, e);
}

/* Returns whether the snapshot is put back: libvirt lists it, with another document than before. */
static bool is_back(const struct domain *now, const void *ctx)
{
    const struct redefinition *d = ctx;
    return d->known ? outcome_is_rewritten(now, d->known)
                    : domain_find_name(now, d->parsed->name) != NULL;
}

static int put_back(struct redefinition *d, const char *xml, struct text *remark, struct err *e)
{
    unsigned flags = VIRT_CREATE_REDEFINE;
    const struct domain *domain = d->operation.domain;
    struct outcome o = {
        .before = domain, .is_done = is_back, .ctx = d, .done = "the metadata is there"};
    if (d->current || (d->known && domain->current == d->known))
        flags |= VIRT_CREATE_CURRENT;
    int r = operation_confirm(&d->operation, e);
    if (r < 0)
        return r;
    operation_renumber(&d->operation); /* the document may give the snapshot other bytes */
    r = virt_snapshot_create(d->operation.m->virt, domain->uuid, xml, flags, NULL, e);
    return r < 0 ? outcome_settle(d->operation.m, &o, remark, e) : 0;
}

int redefine(struct model *m, const char *uuid, const char *words, const char *xml,
             struct text *remark, struct err *e)
{
    struct redefinition d __attribute__((cleanup(redefinition_end))) = {0};
    autofree char *whole = NULL;
    int r = parse_text(&d, words, xml, e);
    if (r == 0)
        r = operation_begin(&d.operation, m, uuid, e);
    if (r < 0)
        return r;
    d.known = domain_find_name(d.operation.domain, d.parsed->name);
    r = check_document(&d, e);
    if (r == 0)
        r = with_secrets(&d, &whole, e);
    if (r == 0)
        r = put_back(&d, whole, remark, e);
    if (r == 0)
        text_add(remark, "%sthe metadata of '%s' is put back", remark->len ? "; " : "",
                 d.parsed->name);
    return r;
}
