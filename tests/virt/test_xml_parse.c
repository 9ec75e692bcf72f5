/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_xml_parse.c - <domain> and <domainsnapshot> as libvirt writes them, and odd ones. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "tap.h"
#include "virt/xml.h"

static const char *const domain_xml =
    "<domain type='qemu' id='1' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
    "<name>web&amp;01 \xc3\xa9</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>"
    "<metadata><x:a xmlns:x='u'><disk/></x:a></metadata><devices>"
    "<disk type='file' device='disk' snapshot='external'><driver name='qemu' type='qcow2'/>"
    "<source file='/v/web &quot;1&quot;.s1' index='2'/>"
    "<backingStore type='file' index='1'><format type='qcow2'/><source file='/v/web.qcow2'/>"
    "<backingStore type='block'><format type='raw'/><source dev='/dev/vg/base'/><backingStore/>"
    "</backingStore></backingStore><target dev='vda' bus='virtio'/></disk>"
    "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='sda'/>"
    "<readonly/></disk>"
    "<disk type='network' device='disk'><driver name='qemu' type='raw'/>"
    "<source protocol='nbd' name='x'><host name='h' port='1'/></source><target dev='vdb'/>"
    "<shareable/></disk>"
    "<disk type='volume' device='disk' snapshot='no'><source pool='p' volume='v'/>"
    "<target dev='vdc'/><transient/></disk>"
    "<disk type='block' device='lun'><driver type='raw'/><source dev='/dev/sdx'/>"
    "<target dev='sdb'/></disk>"
    "<disk type='file'><driver type='raw'/><source file='/l'><encryption format='luks'/></source>"
    "<target dev='vdd'/></disk>"
    "<disk type='file'><driver type='raw'/><source file='/s'><slices>"
    "<slice type='storage' offset='1' size='2'/></slices></source><target dev='vde'/></disk>"
    "<qemu:disk/></devices></domain>";

static void check_chain(const struct xml_disk *vda)
{
    TAP_STR(vda->source.type, "file", "vda is a file");
    TAP_STR(vda->source.path, "/v/web \"1\".s1", "vda's path, with quotes");
    TAP_STR(vda->source.format, "qcow2", "vda's format");
    TAP_STR(vda->snapshot, "external", "vda's snapshot attribute");
    if (TAP_OK(vda->n_backing == 2, "vda has two layers below (%zu)", vda->n_backing)) {
        TAP_STR(vda->backing[0].path, "/v/web.qcow2", "the first layer's path");
        TAP_STR(vda->backing[0].format, "qcow2", "the first layer's format");
        TAP_STR(vda->backing[1].type, "block", "the second layer is a block device");
        TAP_STR(vda->backing[1].path, "/dev/vg/base", "the second layer's path");
    }
}

static void check_end(const char *below, const char *mirror, bool ends)
{
    struct xml_domain *d autodestroy(xml_domain_free) = NULL;
    autotext struct text t = {0};
    struct err e = {0};
    text_add(&t,
             "<domain><name>x</name><devices><disk type='file'><source file='/a'/>%s%s"
             "<target dev='vda'/></disk></devices></domain>",
             below, mirror);
    if (!TAP_OK(xml_domain_parse(t.s, &d, &e) == 0, "'%s': %s", below, e.text))
        return;
    TAP_OK(d->disks[0].ends == ends, "the chain %s", ends ? "ends" : "goes on");
    TAP_STR(d->disks[0].mirror.path, *mirror ? "/m" : NULL, "where it is copied to");
}

static void test_ends(void)
{
    check_end("", "", false);
    check_end("<backingStore/>", "<mirror type='file' file='/m'/>", true);
    check_end("<backingStore type='file'><source file='/b'/></backingStore>",
              "<mirror type='file'><format type='raw'/><source file='/m'/></mirror>", false);
    check_end("<backingStore type='file'><source file='/b'/><backingStore/></backingStore>", "",
              true);
}

static void check_others(const struct xml_domain *d)
{
    const struct xml_disk *sda = xml_domain_disk(d, "sda"), *vdb = xml_domain_disk(d, "vdb");
    const struct xml_disk *vdc = xml_domain_disk(d, "vdc"), *sdb = xml_domain_disk(d, "sdb");
    if (!TAP_OK(sda && vdb && vdc && sdb, "the other disks are found by target"))
        return;
    TAP_STR(sda->device, "cdrom", "sda is a cdrom");
    TAP_STR(sda->source.type, "", "sda is empty");
    TAP_OK(sda->readonly && !sda->shareable && !sda->transient, "sda is read-only");
    TAP_STR(vdb->source.type, "network", "vdb is on the network");
    TAP_OK(!vdb->source.path && vdb->shareable, "vdb has no path and is shareable");
    TAP_STR(vdb->source.uri, "nbd://h:1/x", "but a URI");
    TAP_STR(vdc->source.type, "volume", "vdc is a volume");
    TAP_STR(vdc->snapshot, "no", "vdc is left out of snapshots");
    TAP_OK(!vdc->source.path && !vdc->source.format && vdc->transient, "vdc: path, format, flag");
    TAP_STR(sdb->source.path, "/dev/sdx", "sdb's device");
    TAP_STR(sdb->device, "lun", "sdb is a lun");
    TAP_OK(!sdb->snapshot && sdb->n_backing == 0, "sdb has no attribute and no chain");
    TAP_OK(xml_domain_disk(d, "vdz") == NULL, "no disk of an unknown target");
    TAP_OK(xml_domain_disk(NULL, "vda") == NULL, "no disk of no domain");
}

static void test_domain(void)
{
    autodestroy(xml_domain_free) struct xml_domain *d = NULL;
    struct err e = {0};
    int r = xml_domain_parse(domain_xml, &d, &e);
    if (!TAP_OK(r == 0, "a <domain> is read: %s", e.text))
        return;
    TAP_STR(d->name, "web&01 \xc3\xa9", "its name");
    TAP_STR(d->uuid, "6695eb01-f6a4-8304-79aa-97f2502e193f", "its uuid");
    TAP_OK(d->n_disks == 7, "seven disks (%zu)", d->n_disks);
    check_chain(&d->disks[0]);
    check_others(d);
    const struct xml_disk *vdd = xml_domain_disk(d, "vdd"), *vde = xml_domain_disk(d, "vde");
    TAP_OK(vdd && vdd->source.encrypted && !vdd->source.slice, "vdd is encrypted");
    TAP_OK(vde && vde->source.slice && !vde->source.encrypted, "vde is a slice of its file");
    TAP_OK(vdd && vde && !xml_disk_sliced(vdd) && xml_disk_sliced(vde), "and vdd is not");
}

/* A <source>, its URI, and its further parts. */
static const char *const remotes[][3] = {
    {"<source protocol='http' name='d/x'><host name='h' port='8080'/></source>",
     "http://h:8080/d/x", NULL},
    {"<source protocol='http' name='x' index='2' tls='no'> <host name='h'/> "
     "<privateData/><seclabel/></source>",
     "http://h:80/x", NULL},
    {"<source protocol='http' name='x' query='a=b'><host name='h'/></source>", "http://h:80/x",
     "query"},
    {"<source protocol='http' name='x'><host name='h'/><cookies/></source>", "http://h:80/x",
     "cookies"},
    {"<source protocol='https' name='x'><host name='h'/><ssl verify='no'/></source>",
     "https://h:443/x", "ssl"},
    {"<source protocol='http' name='x'><host name='h'/><timeout seconds='6'/></source>",
     "http://h:80/x", "timeout"},
    {"<source protocol='nbd' name='x' tls='yes'><host name='h'/></source>", "nbd://h:10809/x",
     "tls"},
    {"<source protocol='nbd' name='x'><host transport='unix' socket='/s'/></source>",
     "nbd+unix:///x?socket=/s", NULL},
    {"<source protocol='iscsi' name='iqn.a:b/1'><host name='h'/><auth/></source>",
     "iscsi://h:3260/iqn.a:b/1", "auth"},
    {"<source protocol='iscsi' name='iqn.a:b/1'><host name='h' transport='rdma'/></source>", NULL,
     NULL},
    {"<source protocol='rbd' name='p/i'><host name='h' port='1'/><host name='i' port='2'/></source>",
     "rbd:p/i:mon_host=h\\:1\\;i\\:2", NULL},
    {"<source protocol='rbd' name='p/i'><config file='/c'/></source>", "rbd:p/i", "config"},
    {"<source protocol='ssh' name='x'><host name='h'/></source>", NULL, NULL},
    {"<source protocol='http' name='x y'><host name='h'/></source>", NULL, NULL},
};

static void test_remotes(void)
{
    for (size_t i = 0; i < sizeof(remotes) / sizeof(*remotes); i++) {
        autodestroy(xml_domain_free) struct xml_domain *d = NULL;
        autotext struct text xml = {0};
        text_add(&xml,
                 "<domain><name>n</name><devices><disk type='network'>%s</disk></devices></domain>",
                 remotes[i][0]);
        if (!TAP_OK(xml_domain_parse(xml.s, &d, NULL) == 0 && d->n_disks == 1, "%s", remotes[i][0]))
            return;
        TAP_STR(d->disks[0].source.uri, remotes[i][1], "its URI");
        TAP_STR(d->disks[0].source.extra, remotes[i][2], "and what more it has");
    }
}

static const char *const snapshot_xml =
    "<domainsnapshot><name>e 1</name><description>why &lt;not&gt;\nso</description>"
    "<state>disk-snapshot</state><parent><name>../p</name></parent>"
    "<creationTime>1700000000</creationTime><memory snapshot='external' file='/m &amp; m'/>"
    "<disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>"
    "<source file='/v/o1'/></disk><disk name='vdb' snapshot='no'/>"
    "<disk name='vdc' snapshot='internal'/><disk name='vdd' snapshot='manual'/>"
    "<disk name='vde'/></disks>"
    "<revertDisks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>"
    "<source file='/v/r1'/></disk></revertDisks>"
    "<domain type='kvm'><name>d</name><uuid>u</uuid><devices><disk type='file'>"
    "<driver type='raw'/><source file='/v/c'/><target dev='vda'/></disk></devices></domain>"
    "<inactiveDomain><name>other</name></inactiveDomain></domainsnapshot>";

static void check_snapshot_disks(const struct xml_snapshot *s)
{
    if (!TAP_OK(s->n_disks == 5 && s->n_revert_disks == 1, "its disks (%zu, %zu)", s->n_disks,
                s->n_revert_disks))
        return;
    TAP_OK(s->disks[0].where == XML_EXTERNAL && s->disks[1].where == XML_NO &&
               s->disks[2].where == XML_INTERNAL && s->disks[3].where == XML_MANUAL &&
               s->disks[4].where == XML_NO,
           "where each disk is");
    TAP_STR(s->disks[0].target, "vda", "the first's target");
    TAP_STR(s->disks[0].overlay.path, "/v/o1", "its overlay");
    TAP_STR(s->disks[0].overlay.format, "qcow2", "the overlay's format");
    TAP_OK(!s->disks[1].overlay.path, "no overlay of a disk left out");
    TAP_STR(s->revert_disks[0].overlay.path, "/v/r1", "the overlay of the revert");
}

static void test_nvram(void)
{
    static const struct {
        const char *os;
        bool nvram, qcow2;
    } cases[] = {
        {"<os><type>hvm</type></os>", false, false},
        {"<os firmware='bios'/>", false, false},
        {"<os firmware='efi'/>", true, false},
        {"<os><nvram>/a</nvram></os>", true, false},
        {"<os><nvram format='qcow2'>/a</nvram></os>", true, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct xml_domain *d autodestroy(xml_domain_free) = NULL;
        struct text t = {0};
        struct err e = {0};
        text_add(&t, "<domain><name>d</name>%s</domain>", cases[i].os);
        TAP_OK(xml_domain_parse(t.s, &d, &e) == 0 && d->nvram == cases[i].nvram &&
                   d->nvram_qcow2 == cases[i].qcow2,
               "NVRAM of %s", cases[i].os);
        text_drop(&t);
    }
}

static void test_snapshot(void)
{
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    struct err e = {0};
    int r = xml_snapshot_parse(snapshot_xml, &s, &e);
    if (!TAP_OK(r == 0, "a <domainsnapshot> is read: %s", e.text))
        return;
    TAP_STR(s->name, "e 1", "its name");
    TAP_STR(s->parent, "../p", "its parent");
    TAP_STR(s->description, "why <not>\nso", "its description");
    TAP_STR(s->state, "disk-snapshot", "its state");
    TAP_OK(s->created == 1700000000, "its time");
    TAP_OK(s->memory == XML_EXTERNAL, "its memory is external");
    TAP_STR(s->memory_file, "/m & m", "the memory file");
    TAP_OK(!s->delete_in_progress, "no delete in progress");
    check_snapshot_disks(s);
    const struct xml_disk *vda = xml_domain_disk(s->domain, "vda");
    TAP_STR(vda ? vda->source.path : NULL, "/v/c", "the content file stands in <domain>");
}

static void test_sparse(void)
{
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL, *t = NULL;
    struct err e = {0};
    int r = xml_snapshot_parse("<domainsnapshot><name>n</name><domain><uuid>u</uuid></domain>"
                               "<creationTime>soon</creationTime></domainsnapshot>",
                               &s, &e);
    if (TAP_OK(r == 0, "a sparse one is read: %s", e.text)) {
        TAP_OK(!s->parent && !s->description && !s->memory_file, "what is missing is NULL");
        TAP_STR(s->state, "", "the state is empty");
        TAP_OK(s->created == 0 && s->memory == XML_NO && !s->n_disks && !s->domain, "and the rest");
    }
    r = xml_snapshot_parse("<domainsnapshot><name>n</name><disks><disk name='vda'>"
                           "<snapshotDeleteInProgress/></disk></disks></domainsnapshot>",
                           &t, &e);
    TAP_OK(r == 0 && t->delete_in_progress, "a delete in progress is seen");
}

static void test_foreign_mark(void)
{
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    int r = xml_snapshot_parse(
        "<domainsnapshot><name>n</name><domain><name>d</name><metadata><snapshotDeleteInProgress/>"
        "</metadata><x:snapshotDeleteInProgress xmlns:x='u'/></domain></domainsnapshot>",
        &s, NULL);
    TAP_OK(r == 0 && !s->delete_in_progress, "a mark in another's metadata is none of ours");
}

/* A snapshot whose disk has `depth` layers, nested as libvirt nests them. */
static char *deep_snapshot(unsigned depth)
{
    struct text t = {0};
    text_add(&t, "<domainsnapshot><name>n</name><domain><name>d</name><devices>"
                 "<disk type='file'><source file='/t'/><target dev='vda'/>");
    for (unsigned i = 0; i < depth; i++)
        text_add(&t, "<backingStore type='file'><format type='qcow2'/><source file='/l%u'/>", i);
    text_add(&t, "<backingStore/>");
    for (unsigned i = 0; i < depth; i++)
        text_add(&t, "</backingStore>");
    text_add(&t, "</disk></devices></domain></domainsnapshot>");
    return text_take(&t, NULL);
}

static void test_depth(void)
{
    autofree char *xml = deep_snapshot(200), *more = deep_snapshot(100000);
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL, *no = NULL;
    struct err e = {0};
    int r = xml_snapshot_parse(xml, &s, &e);
    const struct xml_disk *vda = s ? xml_domain_disk(s->domain, "vda") : NULL;
    if (TAP_OK(r == 0 && vda && vda->n_backing == 200, "200 layers are read: %s", e.text))
        TAP_STR(vda->backing[199].path, "/l199", "the last of them");
    r = xml_snapshot_parse(more, &no, &e);
    TAP_OK(r == -EINVAL && !no, "100000 layers are refused: %s", e.text);
}

static void test_many_disks(void)
{
    autotext struct text t = {0};
    text_add(&t, "<domain><name>d</name><devices>");
    for (int i = 0; i <= XML_DISKS_MAX; i++)
        text_add(&t, "<disk/>");
    text_add(&t, "</devices></domain>");
    struct xml_domain *d = NULL;
    struct err e = {0};
    TAP_OK(xml_domain_parse(t.s, &d, &e) == -EINVAL && !d, "too many disks: %s", e.text);
}

static void test_long(void)
{
    size_t len = (size_t)XML_TEXT_MAX + 1;
    autofree char *xml = malloc(len + 1);
    struct xml_domain *d = NULL;
    struct err e = {0};
    if (!TAP_OK(xml != NULL, "memory for a long document"))
        return;
    memset(xml, ' ', len);
    memcpy(xml, "<domain>", 8);
    xml[len] = '\0';
    TAP_OK(xml_domain_parse(xml, &d, &e) == -EINVAL && !d, "too long: %s", e.text);
}

/* A document with so many attributes, the first with a value that looks like the end of the tag,
 * and with other things full of quotes. */
static int parse_attributes(int n, struct err *e)
{
    autotext struct text t = {0};
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    text_add(&t, "<?x \"\"?><domainsnapshot><!-- ' <a b=''> --><description>");
    for (int i = 0; i < 300; i++)
        text_add(&t, "a=''");
    text_add(&t, "<![CDATA[<a '' \">]]></description><name");
    for (int i = 0; i < n; i++)
        text_add(&t, " a%d='>'", i);
    text_add(&t, ">n</name></domainsnapshot>");
    return xml_snapshot_parse(t.s, &s, e);
}

static void test_many_attributes(void)
{
    struct err e = {0};
    TAP_OK(parse_attributes(256, &e) == 0, "256 attributes: %s", e.text);
    TAP_OK(parse_attributes(257, &e) == -EINVAL, "257: %s", e.text);
    TAP_OK(parse_attributes(100000, &e) == -EINVAL, "100000, in no time: %s", e.text);
}

static void refuse(const char *xml, const char *what)
{
    struct xml_snapshot *s = NULL;
    struct err e = {0};
    int r = xml_snapshot_parse(xml, &s, &e);
    TAP_OK(r == -EINVAL && e.no == EINVAL && e.text[0] && !s, "refused: %s: %s", what, e.text);
}

static void test_refused(void)
{
    refuse("", "nothing");
    refuse("x", "no XML");
    refuse("<domainsnapshot><name>n</name>", "cut off");
    refuse("<domain><name>n</name></domain>", "another root");
    refuse("<x:domainsnapshot xmlns:x='u'><name>n</name></x:domainsnapshot>", "another namespace");
    refuse("<domainsnapshot/>", "no name");
    refuse("<domainsnapshot><name/></domainsnapshot>", "an empty name");
    refuse("<!DOCTYPE domainsnapshot [<!ENTITY a 'aaaa'>]>"
           "<domainsnapshot><name>&a;</name></domainsnapshot>",
           "an entity");
    refuse("<!DOCTYPE domainsnapshot SYSTEM 'file:///etc/passwd'>"
           "<domainsnapshot><name>n</name></domainsnapshot>",
           "an external DTD");
    refuse("<?xml version='1.0' encoding='ISO-8859-1'?>"
           "<domainsnapshot><name>\xe9</name></domainsnapshot>",
           "another encoding");
    refuse("<domainsnapshot><name>\xff\xfe</name></domainsnapshot>", "no UTF-8");
}

int main(void)
{
    test_ends();
    test_domain();
    test_remotes();
    test_nvram();
    test_snapshot();
    test_sparse();
    test_foreign_mark();
    test_depth();
    test_many_disks();
    test_many_attributes();
    test_long();
    test_refused();
    return tap_done();
}
