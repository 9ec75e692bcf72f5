/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_xml_revert.c - the documents of a revert, from snapshots as libvirt 9.0 and 11.3 write them.
 * The result is read by our own parser, and compared as text. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "tap.h"
#include "virt/xml.h"
#include "virt/xml_move.h"
#include "virt/xml_revert.h"

#define UUID "dc95d4bd-10b8-433e-bb61-0d45c979c951"
#define OTHER_UUID "11111111-2222-3333-4444-555555555555"

#define DISK(path, index, target, chain)                                                           \
    "      <disk type='file' device='disk'>\n"                                                     \
    "        <driver name='qemu' type='raw' cache='none'/>\n"                                      \
    "        <source file='" path "'" index "/>\n" chain "        <target dev='" target            \
    "' bus='virtio'/>\n      </disk>\n"
#define CHAIN                                                                                      \
    "        <backingStore type='file' index='3'>\n          <format type='qcow2'/>\n          "   \
    "<source file='/i/base.qcow2'/>\n          <backingStore/>\n        </backingStore>\n"
#define CDROM                                                                                      \
    "      <disk type='file' device='cdrom'>\n        <driver name='qemu' type='raw'/>\n        "  \
    "<source file='/i/a.iso' index='4'/>\n        <backingStore/>\n        <target dev='sda' "     \
    "bus='sata'/>\n        <readonly/>\n      </disk>\n"
#define GRAPHICS                                                                                   \
    "      <graphics type='vnc' port='-1' passwd='s&lt;cret'/>\n    </devices>\n"                  \
    "    <qemu:commandline>\n      <qemu:arg value='-x'/>\n    </qemu:commandline>\n"
#define DOMAIN(element, attributes, disks)                                                             \
    "  <" element " type='qemu'" attributes                                                            \
    " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n    <name>web</name>\n    <uuid>" UUID \
    "</uuid>\n    <memory unit='KiB'>32768</memory>\n    <os>\n      <type arch='x86_64' "             \
    "machine='pc-i440fx-7.2'>hvm</type>\n      <boot dev='hd'/>\n    </os>\n    <devices>\n" disks     \
        CDROM GRAPHICS "  </" element ">\n"
#define SNAPSHOT(more, domains)                                                                    \
    "<domainsnapshot>\n  <name>m1</name>\n  <state>running</state>\n  <parent>\n    "              \
    "<name>e1</name>\n  </parent>\n  <creationTime>1795251754</creationTime>\n  <memory "          \
    "snapshot='external' file='/i/web.m1.memory'/>\n  <disks>\n    <disk name='vda' "              \
    "snapshot='external' type='file'>\n      <driver type='qcow2'/>\n      <source "               \
    "file='/i/a.m1'/>\n    </disk>\n    <disk name='vdb' snapshot='external' type='file'>\n"       \
    "      <driver type='qcow2'/>\n      <source file='/i/b.m1'/>\n    </disk>\n    <disk "        \
    "name='sda' snapshot='no'/>\n  </disks>\n" more domains                                        \
    "  <cookie>\n    <slirpHelper/>\n  </cookie>\n</domainsnapshot>\n"
#define BOTH DISK("/i/a.e1", " index='1'", "vda", CHAIN) DISK("/i/b.e1", "", "vdb", "")

static const char running[] =
    SNAPSHOT("", DOMAIN("domain", " id='3'", BOTH) DOMAIN("inactiveDomain", "", BOTH));
static const char shut_off[] = SNAPSHOT("", DOMAIN("domain", "", BOTH));
static const char hot_plugged[] =
    SNAPSHOT("", DOMAIN("domain", " id='3'", BOTH)
                     DOMAIN("inactiveDomain", "", DISK("/i/a.e1", "", "vda", CHAIN)));
static const char other_file[] = SNAPSHOT(
    "", DOMAIN("domain", " id='3'", BOTH) DOMAIN(
            "inactiveDomain", "", DISK("/i/a.e1", "", "vda", CHAIN) DISK("/i/z", "", "vdb", "")));
static const char reverted_to[] =
    SNAPSHOT("  <revertDisks>\n    <disk name='vda' snapshot='external' type='file'>\n      "
             "<driver type='qcow2'/>\n      <source file='/i/a.1795251800'/>\n    </disk>\n  "
             "</revertDisks>\n",
             DOMAIN("domain", "", BOTH));

static const struct xml_moved moved[] = {
    {"vda", "/i/a.e1", "qcow2", "/i/a.n'<&\"1"},
    {"vdb", "/i/b.e1", "raw", "/i/b.n1"},
};

enum { MOVED = sizeof(moved) / sizeof(*moved) };

static void check_disks(const struct xml_domain *d, const char *what)
{
    for (size_t i = 0; i < MOVED; i++) {
        const struct xml_disk *disk = xml_domain_disk(d, moved[i].target);
        if (!TAP_OK(disk != NULL, "%s: it has the disk %s", what, moved[i].target))
            continue;
        TAP_STR(disk->source.path, moved[i].file, "on the new file");
        TAP_STR(disk->source.format, "qcow2", "which is a qcow2");
        TAP_OK(!disk->n_backing, "and nothing is said of its chain");
    }
    const struct xml_disk *cdrom = xml_domain_disk(d, "sda");
    TAP_OK(cdrom && !strcmp(cdrom->source.path, "/i/a.iso") && !strcmp(cdrom->source.format, "raw"),
           "%s: the CD drive is as it was", what);
}

static void check_text(const char *xml, const char *what)
{
    TAP_OK(!strstr(xml, "index="), "%s: no place in a chain is named", what);
    TAP_OK(!strstr(xml, "backingStore"), "%s: no chain is", what);
    TAP_OK(!strstr(xml, " id="), "%s: no running domain's id", what);
    TAP_OK(strstr(xml, "s&lt;cret") != NULL, "%s: secrets stay", what);
    TAP_OK(strstr(xml, "cache=\"none\"") != NULL, "%s: so does how a disk is driven", what);
    TAP_OK(strstr(xml, "xmlns:qemu=") && strstr(xml, "<qemu:arg value=\"-x\"/>"),
           "%s: and what belongs to QEMU alone", what);
}

static void test_domain(const char *snapshot, const char *what)
{
    autofree char *xml = NULL;
    autodestroy(xml_domain_free) struct xml_domain *d = NULL;
    struct err e = {0};
    int r = xml_revert_domain(snapshot, "new <name>", moved, MOVED, NULL, 0, &xml, &e);
    if (!r)
        r = xml_domain_parse(xml, &d, &e);
    if (!TAP_OK(r == 0, "%s: the domain to be is made: %s", what, e.text))
        return;
    TAP_STR(d->name, "new <name>", "under the name that is given");
    TAP_STR(d->uuid, UUID, "with its uuid");
    check_disks(d, what);
    check_text(xml, what);
}

/* Elements that only a running domain has show which of the two was taken. */
static void test_choice(void)
{
    static const char live[] = DOMAIN("domain", " id='3'", BOTH);
    static const char config[] = DOMAIN("inactiveDomain", "", BOTH);
    autotext struct text t = {0};
    autofree char *xml = NULL;
    text_add(&t, "<domainsnapshot>%.*s<mark/></domain>%s</domainsnapshot>",
             (int)(strstr(live, "  </domain>") - live), live, config);
    struct err e = {0};
    int r = t.failed ? -ENOMEM : xml_revert_domain(t.s, "web", moved, MOVED, NULL, 0, &xml, &e);
    TAP_OK(r == 0 && !strstr(xml, "<mark/>"), "the configuration is preferred: %s", e.text);
}

#define ON_VOLUME(mark)                                                                            \
    "      <disk type='volume' device='disk'" mark ">\n        <driver name='qemu' type='raw'/>\n" \
    "        <source pool='p' volume='v' mode='host'/>\n        <target dev='vda'/>\n      </disk>\n"

/* A disk on a volume is the same one in both, whatever its file is, and on a file from then on. */
static void test_volume(void)
{
    static const char snapshot[] =
        SNAPSHOT("", DOMAIN("domain", " id='3'", ON_VOLUME(" snapshot='no'"))
                         DOMAIN("inactiveDomain", "", ON_VOLUME("")));
    const struct xml_moved to = {.target = "vda", .base = "/p/v", .file = "/p/v.new"};
    const struct xml_place places[] = {{.target = "vda",
                                        .from = "/p/v",
                                        .to = "/x",
                                        .format = "qcow2",
                                        .pool = "p",
                                        .volume = "w"},
                                       {.target = "vda",
                                        .from = "/p/v",
                                        .to = "/y",
                                        .format = "qcow2",
                                        .pool = "p",
                                        .volume = "v"}};
    struct xml_domain *d autodestroy(xml_domain_free) = NULL;
    struct xml_snapshot *s autodestroy(xml_snapshot_free) = NULL;
    autofree char *xml = NULL, *moved_xml = NULL;
    struct err e = {0};
    int r = xml_revert_domain(snapshot, "web", &to, 1, NULL, 0, &xml, &e);
    if (!TAP_OK(r == 0 && xml_domain_parse(xml, &d, &e) == 0, "on an overlay: %s", e.text))
        return;
    const struct xml_disk *disk = xml_domain_disk(d, "vda");
    TAP_OK(!disk->snapshot, "the configuration is preferred");
    TAP_STR(disk->source.type, "file", "its disk is a file");
    TAP_STR(disk->source.path, "/p/v.new", "and that one");
    TAP_OK(!strstr(xml, "pool=") && !strstr(xml, "volume=") && !strstr(xml, "mode="),
           "nothing of the volume is left");
    r = xml_move_snapshot(snapshot, places, 2, &moved_xml, &e);
    if (!TAP_OK(r == 0 && xml_snapshot_parse(moved_xml, &s, &e) == 0, "moved: %s", e.text))
        return;
    TAP_STR(xml_domain_disk(s->domain, "vda")->source.path, "/y", "by the volume that it is on");
}

/* The chain that counts is written to its end; other disks get none. */
static void test_chains(void)
{
    static const struct xml_layer layers[] = {{"/i/a.e1", "qcow2", false}, {"/dev/x", "raw", true}};
    static const struct xml_chain chains[] = {
        {"vda", layers, 2}, {"vdb", NULL, 0}, {"vdz", layers, 1}};
    struct xml_domain *d autodestroy(xml_domain_free) = NULL;
    autofree char *xml = NULL;
    struct err e = {0};
    int r = xml_revert_domain(running, "web", moved, MOVED, chains, 3, &xml, &e);
    if (!TAP_OK(r == 0 && xml_domain_parse(xml, &d, &e) == 0, "with chains: %s", e.text))
        return;
    const struct xml_disk *vda = xml_domain_disk(d, "vda"), *vdb = xml_domain_disk(d, "vdb");
    if (!TAP_OK(vda->n_backing == 2 && vda->ends, "vda has both layers, and an end"))
        return;
    TAP_STR(vda->backing[0].path, "/i/a.e1", "the content");
    TAP_STR(vda->backing[0].format, "qcow2", "in its format");
    TAP_STR(vda->backing[1].type, "block", "then a device");
    TAP_STR(vda->backing[1].path, "/dev/x", "that one");
    TAP_OK(!vdb->n_backing && vdb->ends, "vdb ends at once");
    TAP_OK(!xml_domain_disk(d, "sda")->ends, "of the CD drive nothing is said");
}

static void test_saved(void)
{
    static const char saved[] = DOMAIN("domain", " id='3'", BOTH);
    autofree char *xml = NULL;
    autodestroy(xml_domain_free) struct xml_domain *d = NULL;
    struct err e = {0};
    int r = xml_revert_saved(saved, moved, MOVED, NULL, 0, &xml, &e);
    if (!r)
        r = xml_domain_parse(xml, &d, &e);
    if (!TAP_OK(r == 0, "a saved memory's domain is moved: %s", e.text))
        return;
    TAP_STR(d->name, "web", "and keeps its name");
    check_disks(d, "saved");
    check_text(xml, "saved");
}

static void test_snapshot(const char *suffix)
{
    autofree char *xml = NULL;
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    struct err e = {0};
    int r = xml_revert_snapshot(running, suffix, moved, MOVED, &xml, &e);
    if (!r)
        r = xml_snapshot_parse(xml, &s, &e);
    if (!TAP_OK(r == 0, "the snapshot is redefined: %s", e.text))
        return;
    for (size_t i = 0; i < MOVED; i++) {
        autotext struct text want = {0};
        text_add(&want, "%s%s", moved[i].file, suffix);
        TAP_STR(s->disks[i].overlay.path, want.s, "its overlay is the new file");
    }
    TAP_OK(s->n_disks == 3 && s->disks[2].where == XML_NO, "a disk left out is left out");
    TAP_STR(s->name, "m1", "its name stays");
    TAP_STR(s->parent, "e1", "its parent");
    TAP_STR(s->memory_file, "/i/web.m1.memory", "its memory");
    TAP_OK(s->created == 1795251754, "its time");
    const struct xml_disk *disk = xml_domain_disk(s->domain, "vda");
    TAP_OK(disk && !strcmp(disk->source.path, "/i/a.e1") && disk->n_backing == 1,
           "the domain of then stays, with its chain");
    TAP_OK(strstr(xml, "<inactiveDomain ") && strstr(xml, "<slirpHelper/>") &&
               strstr(xml, "s&lt;cret"),
           "and so does all else");
}

static void test_maker(void)
{
    autofree char *xml = NULL;
    autodestroy(xml_domain_free) struct xml_domain *d = NULL;
    struct err e = {0};
    int r = xml_revert_scratch(running, "tmp", OTHER_UUID, moved, MOVED, &xml, &e);
    if (!r)
        r = xml_domain_parse(xml, &d, &e);
    if (!TAP_OK(r == 0, "the domain that makes overlays is made: %s", e.text))
        return;
    TAP_STR(d->name, "tmp", "under its name");
    TAP_STR(d->uuid, OTHER_UUID, "with its uuid");
    TAP_OK(d->n_disks == MOVED, "it has the disks that get an overlay, and no other");
    for (size_t i = 0; i < d->n_disks; i++) {
        TAP_STR(d->disks[i].source.path, moved[i].base, "on what holds their content");
        TAP_STR(d->disks[i].source.format, moved[i].format, "in its format");
    }
    TAP_OK(strstr(xml, "machine=\"pc-i440fx-7.2\"") && strstr(xml, "<domain type=\"qemu\">"),
           "it is of the same machine");
    TAP_OK(!strstr(xml, "cret") && !strstr(xml, "qemu:arg"), "and has nothing else of it");
}

static void test_overlays(void)
{
    autofree char *xml = NULL;
    autotext struct text whole = {0};
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    struct err e = {0};
    if (!TAP_OK(xml_revert_overlays(moved, MOVED, &xml, &e) == 0, "it is written: %s", e.text))
        return;
    text_add(&whole, "<domainsnapshot><name>x</name>%s",
             strstr(xml, "<domainsnapshot>") + strlen("<domainsnapshot>"));
    if (!TAP_OK(xml_snapshot_parse(whole.s, &s, &e) == 0, "the overlays are asked for: %s", e.text))
        return;
    TAP_OK(s->n_disks == MOVED, "each of them");
    for (size_t i = 0; i < s->n_disks; i++) {
        TAP_STR(s->disks[i].target, moved[i].target, "by its disk");
        TAP_STR(s->disks[i].overlay.path, moved[i].file, "and file");
        TAP_OK(s->disks[i].where == XML_EXTERNAL, "as an external one");
    }
}

/* The content of vda was merged from `from` to `to`. */
static void test_moved(void)
{
    static const struct xml_place places[] = {{"vda", "/i/a.e1", "/i/base.raw", "raw"},
                                              {"vda", "/i/elsewhere", "/i/x", "qcow2"},
                                              {"vdx", "/i/a.e1", "/i/x", "qcow2"}};
    struct xml_snapshot *before autodestroy(xml_snapshot_free) = NULL;
    struct xml_snapshot *s autodestroy(xml_snapshot_free) = NULL;
    autofree char *xml = NULL;
    struct err e = {0};
    xml_snapshot_parse(running, &before, &e);
    TAP_OK(xml_move_snapshot(running, places, 3, &xml, &e) == 0, "moved: %s", e.text);
    if (!TAP_OK(xml && xml_snapshot_parse(xml, &s, &e) == 0, "it can be read: %s", e.text))
        return;
    const struct xml_disk *disk = xml_domain_disk(s->domain, "vda");
    TAP_STR(disk->source.path, "/i/base.raw", "its disk is on the other file");
    TAP_STR(disk->source.format, "raw", "in that format");
    TAP_OK(disk->n_backing == 0, "what stood below is forgotten");
    const struct xml_disk *other = xml_domain_disk(s->domain, "vdb");
    TAP_STR(other->source.path, xml_domain_disk(before->domain, "vdb")->source.path,
            "the other disk stays");
    TAP_STR(s->disks[0].overlay.path, before->disks[0].overlay.path, "so does the overlay");
}

/* The backing file of vda was merged into the file below. */
static void test_stands_on_merged(void)
{
    struct xml_snapshot *before autodestroy(xml_snapshot_free) = NULL;
    struct xml_snapshot *s autodestroy(xml_snapshot_free) = NULL;
    autofree char *xml = NULL;
    struct err e = {0};
    xml_snapshot_parse(running, &before, &e);
    const struct xml_disk *was = xml_domain_disk(before->domain, "vda");
    if (!TAP_OK(was->n_backing > 0, "the XML says what it stands on"))
        return;
    const struct xml_place place = {"vda", was->backing[was->n_backing - 1].path, "/i/x", "qcow2"};
    TAP_OK(xml_move_snapshot(running, &place, 1, &xml, &e) == 0, "moved: %s", e.text);
    if (!TAP_OK(xml && xml_snapshot_parse(xml, &s, &e) == 0, "it can be read: %s", e.text))
        return;
    const struct xml_disk *disk = xml_domain_disk(s->domain, "vda");
    TAP_STR(disk->source.path, was->source.path, "its disk is on the same file");
    TAP_STR(disk->source.format, was->source.format, "in the same format");
    TAP_OK(disk->n_backing == was->n_backing && !disk->ends, "on the file that took it");
    TAP_STR(disk->backing[disk->n_backing - 1].path, "/i/x", "which is that one");
}

#define CHAINED                                                                                    \
    "<domain><name>x</name><devices><disk type='file'><driver type='qcow2'/><source file='/i/c'/>" \
    "<backingStore type='file'><format type='qcow2'/><source file='/i/b'/>"                        \
    "<backingStore type='file'><format type='qcow2'/><source file='/i/a'/>"                        \
    "<backingStore type='file'><format type='raw'/><source file='/i/base'/><backingStore/>"        \
    "</backingStore></backingStore></backingStore><target dev='vda'/></disk></devices></domain>"

/* The chain of the disk once the place is moved, as "c:qcow2 b:qcow2 …" and "." for its end. */
static void check_moved(struct xml_place place, const char *want, const char *what)
{
    struct xml_domain *d autodestroy(xml_domain_free) = NULL;
    autotext struct text t = {0};
    autofree char *xml = NULL;
    struct err e = {0};
    place.target = "vda";
    int r = xml_move_domain(CHAINED, &place, 1, &xml, &e);
    if (!TAP_OK(r == 0 && xml_domain_parse(xml, &d, &e) == 0, "%s: %s", what, e.text))
        return;
    const struct xml_disk *x = &d->disks[0];
    text_add(&t, "%s:%s", x->source.path, x->source.format);
    for (size_t i = 0; i < x->n_backing; i++)
        text_add(&t, " %s:%s", x->backing[i].path, x->backing[i].format);
    text_add(&t, "%s", x->ends ? " ." : "");
    TAP_STR(t.s, want, what);
}

/* The merged file is left out, and the files below stay. */
static void test_domain_moved(void)
{
    check_moved((struct xml_place){.from = "/i/c", .to = "/i/b", .format = "qcow2"},
                "/i/b:qcow2 /i/a:qcow2 /i/base:raw .", "the top is merged");
    check_moved((struct xml_place){.from = "/i/b", .to = "/i/a", .format = "qcow2"},
                "/i/c:qcow2 /i/a:qcow2 /i/base:raw .", "the middle is");
    check_moved((struct xml_place){.from = "/i/a", .to = "/i/base", .format = "raw"},
                "/i/c:qcow2 /i/b:qcow2 /i/base:raw .", "the last but one is");
    check_moved((struct xml_place){.from = "/i/b", .to = "/i/base", .format = "raw"},
                "/i/c:qcow2 /i/base:raw .", "what was between went before");
    check_moved((struct xml_place){.from = "/i/b", .to = "/i/x", .format = "qcow2"},
                "/i/c:qcow2 /i/x:qcow2", "what is below another file libvirt finds out");
    check_moved((struct xml_place){.from = "/i/c", .to = "/i/n", .format = "qcow2", .copied = true},
                "/i/n:qcow2 /i/b:qcow2 /i/a:qcow2 /i/base:raw .", "a copy is on what it was on");
    check_moved((struct xml_place){.from = "/i/x", .to = "/i/y", .format = "qcow2"},
                "/i/c:qcow2 /i/b:qcow2 /i/a:qcow2 /i/base:raw .", "nothing is");
    static const struct xml_place place = {"vda", "/i/base.qcow2", "/i/x", "qcow2"};
    autofree char *xml = NULL;
    struct err e = {0};
    int r = xml_move_domain(DOMAIN("domain", "", BOTH), &place, 1, &xml, &e);
    TAP_OK(r == 0 && strstr(xml, "s&lt;cret"), "its secrets stay: %s", e.text);
}

static void names_none(const char *xml, const char *what)
{
    struct xml_snapshot *s autodestroy(xml_snapshot_free) = NULL;
    struct err e = {0};
    if (!TAP_OK(xml && xml_snapshot_parse(xml, &s, &e) == 0, "%s can be read: %s", what, e.text))
        return;
    TAP_OK(s->n_revert_disks == 0, "it has no <revertDisks>");
    for (size_t i = 0; i < s->n_disks; i++) {
        const char *path = s->disks[i].overlay.path;
        TAP_OK(!path || (strlen(path) > 5 && !strcmp(path + strlen(path) - 5, ".none")),
               "disk %zu names no file: %s", i, path ? path : "-");
        TAP_OK(!path || !strstr(path, ".none.none"), "once");
    }
}

static void test_withdrawn(void)
{
    static const struct xml_place none[] = {{"vda", "/nowhere", "/i/x", "qcow2"}};
    autofree char *once = NULL, *twice = NULL, *moved_too = NULL;
    struct err e = {0};
    TAP_OK(xml_withdraw_snapshot(running, &once, &e) == 0, "withdrawn: %s", e.text);
    names_none(once, "a snapshot");
    TAP_OK(once && xml_withdraw_snapshot(once, &twice, &e) == 0, "again: %s", e.text);
    names_none(twice, "one that was withdrawn before");
    TAP_OK(xml_move_snapshot(reverted_to, none, 1, &moved_too, &e) == 0, "moved: %s", e.text);
    names_none(moved_too, "one with <revertDisks>");
}

static void test_refused(void)
{
    static const struct xml_moved none[] = {{"vdc", "/i/c", "raw", "/i/c.n"}};
    autofree char *xml = NULL;
    struct err e = {0};
    TAP_OK(xml_revert_snapshot(running, "", none, 1, &xml, &e) == -EINVAL && !xml,
           "a disk that the snapshot has not: %s", e.text);
    TAP_OK(xml_revert_domain(running, "x", none, 1, NULL, 0, &xml, &e) == -EINVAL && !xml,
           "nor its domain: %s", e.text);
    TAP_OK(xml_revert_scratch(running, "x", OTHER_UUID, none, 1, &xml, &e) == -EINVAL && !xml,
           "nor the one that makes overlays: %s", e.text);
    TAP_OK(xml_revert_saved("<domainsnapshot/>", moved, MOVED, NULL, 0, &xml, &e) == -EINVAL &&
               !xml,
           "another document: %s", e.text);
    TAP_OK(xml_revert_domain("<domainsnapshot><name>x</name></domainsnapshot>", "x", NULL, 0, NULL,
                             0, &xml, &e) == -EINVAL &&
               !xml,
           "no <domain>: %s", e.text);
}

int main(void)
{
    test_domain(running, "running");
    test_domain(shut_off, "shut off");
    test_domain(hot_plugged, "a disk the configuration has not");
    test_domain(other_file, "a disk the configuration has on another file");
    test_choice();
    test_volume();
    test_saved();
    test_chains();
    test_snapshot("");
    test_snapshot(".none");
    test_maker();
    test_overlays();
    test_moved();
    test_stands_on_merged();
    test_domain_moved();
    test_withdrawn();
    test_refused();
    return tap_done();
}
