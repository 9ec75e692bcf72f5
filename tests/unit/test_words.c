/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a new snapshot, and the plan that they give for a domain's disks. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "model/create/plan.h"
#include "model/create/words.h"
#include "tap.h"

static void refused(const char *words, const char *says)
{
    struct wish w;
    struct err e = {0};
    int r = words_parse(words, &w, &e);
    TAP_OK(r == -EINVAL && strstr(e.text, says), "'%s' is refused: %s", words, e.text);
    wish_drop(&w);
}

static bool parsed(const char *words, struct wish *w)
{
    struct err e = {0};
    return TAP_OK(words_parse(words, w, &e) == 0, "'%.*s' is read: %s", (int)strcspn(words, "\n"),
                  words, e.text);
}

static void test_flags(void)
{
    struct wish w;
    if (parsed("  one\tdisk-only  quiesce live halt atomic reuse-external no-metadata\n", &w))
        TAP_OK(w.flags ==
                   (VIRT_CREATE_DISK_ONLY | WISH_QUIESCE | VIRT_CREATE_LIVE | VIRT_CREATE_HALT |
                    VIRT_CREATE_ATOMIC | VIRT_CREATE_REUSE_EXTERNAL | VIRT_CREATE_NO_METADATA),
               "every flag has its word");
    TAP_STR(w.request.name, "one", "the first word is the name");
    wish_drop(&w);
    if (parsed("one", &w))
        TAP_OK(wish_is_default(&w), "a name alone leaves the kind to libvirt");
    wish_drop(&w);
    if (parsed("one atomic halt description=x", &w))
        TAP_OK(wish_is_default(&w), "so do words that say nothing of the kind");
    wish_drop(&w);
    if (parsed("one external", &w))
        TAP_OK(!wish_is_default(&w) && w.kind == WISH_EXTERNAL, "'external' does not");
    wish_drop(&w);
}

static void test_values(void)
{
    struct wish w;
    if (parsed("\"a name\" description=\"say \\\"hi\\\" \\\\ now\"", &w)) {
        TAP_STR(w.request.name, "a name", "quotes keep blanks");
        TAP_STR(w.request.description, "say \"hi\" \\ now", "and escapes stand for themselves");
    }
    wish_drop(&w);
    if (parsed("x memspec=/a/b", &w)) {
        TAP_OK(w.request.memory == XML_EXTERNAL, "a memory file is external");
        TAP_STR(w.request.memory_file, "/a/b", "its path may stand alone");
    }
    wish_drop(&w);
    if (parsed("x memspec=snapshot=external,file=/a,,b", &w))
        TAP_STR(w.request.memory_file, "/a,b", "two commas are one");
    wish_drop(&w);
    if (parsed("x memspec=snapshot=no", &w))
        TAP_OK(w.request.memory == XML_NO, "memory may be left out");
    wish_drop(&w);
    if (parsed("x diskspec=vda,snapshot=external,driver=qcow2,stype=block,file=/dev/x diskspec=vdb",
               &w)) {
        const struct xml_request_disk *d = w.request.disks;
        TAP_OK(w.request.n_disks == 2 && d[0].where == XML_EXTERNAL && d[1].where == XML_UNSAID,
               "two disks");
        TAP_STR(d[0].name, "vda", "the first one's name");
        TAP_STR(d[0].driver, "qcow2", "driver");
        TAP_STR(d[0].type, "block", "type");
        TAP_STR(d[0].file, "/dev/x", "file");
    }
    wish_drop(&w);
}

static void test_refusals(void)
{
    refused("", "name");
    refused(" \t", "name");
    refused("x sideways", "'sideways'");
    refused("x diskonly", "'diskonly'");
    refused("x memspec", "'memspec'");
    refused("x \"open", "nothing ends it");
    refused("x internal external", "exclude");
    refused("disk-only", "the new snapshot's name");
    refused("description=x disk-only", "the new snapshot's name");
    refused("x disk-only internal", "exclude");
    refused("x disk-only memspec=/a", "exclude");
    refused("x internal memspec=/a", "exclude");
    refused("x external memspec=snapshot=internal", "exclude");
    refused("x quiesce", "disk-only");
    refused("x memspec=/a memspec=/b", "twice");
    refused("x memspec=/a,/b", "twice");
    refused("x memspec=relative", "relative");
    refused("x memspec=snapshot=manual", "external");
    refused("x memspec=snapshot=internal,file=/a", "external");
    refused("x description=a description=b", "twice");
    refused("x diskspec=", "name of a disk");
    refused("x diskspec=vda diskspec=vda", "twice");
    refused("x diskspec=vda,file=/a,file=/b", "twice");
    refused("x diskspec=vda,snapshot=maybe", "maybe");
    refused("x diskspec=vda,stype=network", "network");
    refused("x diskspec=vda,colour=red", "colour");
    refused("x diskspec=vda,snapshot=no,file=/a", "external");
}

static void test_option(void)
{
    struct wish w;
    struct err e = {0};
    TAP_OK(words_parse_option("", &w, &e) == 0 && wish_is_default(&w), "no words: the default");
    wish_drop(&w);
    TAP_OK(words_parse_option("disk-only:description=a b:diskspec=vdb,snapshot=no", &w, &e) == 0,
           "words joined by ':'");
    TAP_STR(w.request.description, "a b", "blanks do not end one");
    TAP_OK(!w.request.name && w.request.n_disks == 1, "there is no name, but a disk");
    wish_drop(&w);
    TAP_OK(words_parse_option("memspec=\"file=/a:b\"", &w, &e) == 0, "a quoted ':'");
    TAP_STR(w.request.memory_file, "/a:b", "is kept");
    wish_drop(&w);
    TAP_OK(words_parse_option("no-metadata", &w, &e) == -EINVAL, "mkdir needs metadata");
    wish_drop(&w);
}

/* ---- plans ---- */

#define DISK(target, type, path, more)                                                             \
    "<disk type='" type "' device='disk'" more "><driver type='qcow2'/><source " path              \
    "/><target dev='" target "'/></disk>"
#define DOMAIN(disks) "<domain><name>d</name><devices>" disks "</devices></domain>"
#define TWO DISK("vda", "file", "file='/a.qcow2'", "") DISK("vdb", "file", "file='/b.qcow2'", "")
#define DRIVE                                                                                       \
    "<disk type='file' device='cdrom'><source file='/i.iso'/><target dev='hda'/><readonly/></disk>" \
    "<disk type='file' device='floppy'><target dev='fda'/></disk>"

/* Checks the plan of words: further flags, memory, kinds, and the disks with overlays. */
static void plan(const char *disks, bool active, const char *words, unsigned flags, int memory,
                 const char *overlays)
{
    struct xml_domain *live autodestroy(xml_domain_free) = NULL;
    struct wish w;
    struct plan p = {0};
    struct err e = {0};
    char got[64] = "";
    int r = xml_domain_parse(disks, &live, &e);
    if (r == 0)
        r = words_parse(words, &w, &e);
    if (r == 0)
        r = plan_make(live, active, &w, &p, &e);
    if (!TAP_OK(r == 0, "'%s' can be planned: %s", words, e.text))
        return;
    for (size_t i = 0; i < w.request.n_disks; i++)
        if (w.request.disks[i].where == XML_EXTERNAL)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", w.request.disks[i].name);
    TAP_STR(got, overlays, "the disks that get overlays");
    TAP_OK(w.flags == flags, "'%s': flags %#x, want %#x", words, w.flags, flags);
    TAP_OK(w.request.memory == memory, "'%s': memory %d", words, w.request.memory);
    TAP_OK(p.external == (*overlays != '\0'), "'%s': external %d", words, p.external);
    wish_drop(&w);
}

static void no_plan(const char *disks, bool active, const char *words, const char *says)
{
    struct xml_domain *live autodestroy(xml_domain_free) = NULL;
    struct wish w;
    struct plan p;
    struct err e = {0};
    xml_domain_parse(disks, &live, &e);
    if (!parsed(words, &w))
        return;
    TAP_OK(plan_make(live, active, &w, &p, &e) == -EINVAL && strstr(e.text, says),
           "'%s' cannot be: %s", words, e.text);
    wish_drop(&w);
}

static void test_plans(void)
{
    const unsigned disk_only = VIRT_CREATE_DISK_ONLY | VIRT_CREATE_ATOMIC;
    const char *two = DOMAIN(TWO DRIVE);
    plan(two, true, "x", 0, XML_UNSAID, "");
    plan(two, true, "x disk-only", disk_only, XML_UNSAID, "vda vdb ");
    plan(two, false, "x external", disk_only, XML_UNSAID, "vda vdb ");
    plan(two, true, "x external", VIRT_CREATE_ATOMIC, XML_EXTERNAL, "vda vdb ");
    plan(two, true, "x external memspec=snapshot=no", disk_only, XML_NO, "vda vdb ");
    plan(two, true, "x memspec=snapshot=no", disk_only, XML_NO, "vda vdb ");
    plan(two, false, "x memspec=snapshot=no", 0, XML_NO, "");
    plan(two, true, "x memspec=/m", VIRT_CREATE_ATOMIC, XML_EXTERNAL, "vda vdb ");
    plan(two, true, "x disk-only diskspec=vdb,snapshot=no", disk_only, XML_UNSAID, "vda ");
    plan(two, true, "x diskspec=/b.qcow2,file=/o", VIRT_CREATE_ATOMIC, XML_UNSAID, "/b.qcow2 ");
    plan(two, true, "x disk-only diskspec=hda,file=/o", disk_only, XML_UNSAID, "hda vda vdb ");
    plan(DOMAIN(DISK("vdc", "file", "file='/a'", " snapshot='no'") TWO), true, "x disk-only",
         disk_only, XML_UNSAID, "vda vdb ");
    plan(DOMAIN(DISK("vda", "file", "file='/a'", " snapshot='external'")), false, "x",
         VIRT_CREATE_ATOMIC, XML_UNSAID, "vda ");
    no_plan(DOMAIN(DISK("vda", "file", "file='/a'", " snapshot='internal'")), true, "x disk-only",
            "keep nothing");
    no_plan(two, false, "x disk-only diskspec=vda,snapshot=internal", "keep nothing");
    no_plan(two, true, "x internal diskspec=vda,file=/o", "'internal'");
    no_plan(two, true, "x diskspec=vdz", "'vdz'");
    no_plan(two, true, "x diskspec=vda diskspec=/a.qcow2", "twice");
    no_plan(two, false, "x memspec=/m", "shut off");
}

int main(void)
{
    test_flags();
    test_values();
    test_refusals();
    test_option();
    test_plans();
    return tap_done();
}
