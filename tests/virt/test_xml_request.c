/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_xml_request.c - requests for a snapshot: read, filled in, and told whole from begun. */
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "tap.h"
#include "virt/xml_request.h"

static bool parsed(const char *xml, struct xml_request *q)
{
    struct err e = {0};
    return TAP_OK(xml_request_parse(xml, q, &e) == 0, "it is read: %s", e.text);
}

static void refused(const char *xml, const char *says)
{
    struct xml_request q;
    struct err e = {0};
    TAP_OK(xml_request_parse(xml, &q, &e) == -EINVAL && strstr(e.text, says), "'%s': %s", xml,
           e.text);
}

static void test_read(void)
{
    struct xml_request q;
    if (!parsed("<domainsnapshot/>", &q))
        return;
    TAP_OK(!q.name && !q.description && q.memory == XML_UNSAID && !q.n_disks, "nothing is said");
    xml_request_drop(&q);
    if (!parsed("<domainsnapshot><name>a</name><memory file='/m'/><disks>"
                "<disk name='vda'><driver type='qcow2'/><source file='/o'/></disk>"
                "<disk name='vdb' snapshot='no'/>"
                "<disk name='vdc' type='block'><source dev='/dev/o'/></disk>"
                "<disk name='vdd' type='network'><source protocol='rbd' name='x'/></disk>"
                "</disks></domainsnapshot>",
                &q))
        return;
    TAP_STR(q.name, "a", "name");
    TAP_OK(q.memory == XML_EXTERNAL, "memory in a file is external");
    TAP_OK(q.n_disks == 4, "four disks");
    TAP_OK(q.disks[0].where == XML_UNSAID && q.disks[1].where == XML_NO, "where");
    TAP_STR(q.disks[0].file, "/o", "a file");
    TAP_STR(q.disks[0].driver, "qcow2", "its format");
    TAP_STR(q.disks[2].file, "/dev/o", "a device");
    TAP_OK(q.disks[3].foreign && !q.disks[3].file && !q.disks[0].foreign, "something else");
    xml_request_drop(&q);
    refused("<domain/>", "<domain>");
    refused("<domainsnapshot><memory snapshot='maybe'/></domainsnapshot>", "maybe");
    refused("<domainsnapshot><disks><disk/></disks></domainsnapshot>", "no name");
    refused("<!DOCTYPE a []><domainsnapshot/>", "type declaration");
}

static void test_write(const char *base, const char *want)
{
    struct xml_request q = {.memory = XML_EXTERNAL};
    autofree char *xml = NULL;
    struct err e = {0};
    q.name = strdup("a & <b>");
    q.memory_file = strdup("/m");
    struct xml_request_disk *d = xml_request_add(&q, "vda");
    if (d) {
        d->where = XML_EXTERNAL;
        d->file = strdup("/o'\"");
    }
    TAP_OK(xml_request_write(base, &q, &xml, &e) == 0, "it is written: %s", e.text);
    TAP_STR(xml, want, base ? "on a document" : "alone");
    free(q.name);
    q.name = strdup("a\x01");
    free(xml);
    xml = NULL;
    TAP_OK(xml_request_write(base, &q, &xml, &e) == -EINVAL && strstr(e.text, "the name"),
           "a control byte: %s", e.text);
    xml_request_drop(&q);
}

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define VDA "<disk name=\"vda\" snapshot=\"external\"><source file=\"/o'&quot;\"/></disk>"

static void test_writing(void)
{
    test_write(NULL, HEAD "<domainsnapshot><name>a &amp; &lt;b&gt;</name>"
                          "<memory snapshot=\"external\" file=\"/m\"/><disks>" VDA
                          "</disks></domainsnapshot>\n");
    test_write("<domainsnapshot><name>kept</name><memory file='/kept'/><more x='y'/><disks>"
               "<disk name='vdb' snapshot='no'/><disk name='vda'><driver type='qcow2'/></disk>"
               "</disks></domainsnapshot>",
               HEAD "<domainsnapshot><name>kept</name>"
                    "<memory file=\"/kept\" snapshot=\"external\"/><more x=\"y\"/><disks>"
                    "<disk name=\"vdb\" snapshot=\"no\"/><disk name=\"vda\" snapshot=\"external\">"
                    "<driver type=\"qcow2\"/><source file=\"/o'&quot;\"/></disk>"
                    "</disks></domainsnapshot>\n");
}

static void whole(const char *xml, bool want)
{
    struct err e = {0};
    bool got = !want;
    int r = xml_request_is_whole(xml, &got, &e);
    TAP_OK(r == 0 && got == want, "'%s' is %s: %s", xml, want ? "whole" : "begun", e.text);
}

static void bad(const char *xml)
{
    struct err e = {0};
    bool ignored;
    TAP_OK(xml_request_is_whole(xml, &ignored, &e) == -EINVAL, "'%s' is neither: %s", xml, e.text);
}

/* libxml2 would take long over them, so they are counted first. */
static void test_attributes(void)
{
    struct err e = {0};
    bool ignored;
    autotext struct text t = {0};
    text_add(&t, "<domainsnapshot");
    for (int i = 0; i < 257; i++)
        text_add(&t, " a%d=''", i);
    int r = xml_request_is_whole(t.s, &ignored, &e);
    TAP_OK(r == -EINVAL && strstr(e.text, "attributes"), "257 attributes begun: %s", e.text);
}

static void test_whole(void)
{
    whole("<domainsnapshot/>", true);
    whole("<?xml version='1.0'?><domainsnapshot><a/></domainsnapshot> <!-- x --> ", true);
    whole("<domainsnapshot", false);
    whole("<domainsnapshot><a/>", false);
    whole("<domainsnapshot><!-- </domainsnapshot>", false);
    whole("<domainsnapshot><![CDATA[</domainsnapshot>", false);
    whole("<domainsnapshot><domainsnapshot></domainsnapshot>", false);
    bad("<domainsnapshot><a></b></domainsnapshot>");
    bad("<domain></domain>");
    whole("<?xml version='1.0' encoding='UTF-16'?><domainsnapshot/>", true);
    bad("<!DOCTYPE domainsnapshot [<!ATTLIST a b CDATA 'c'>]><domainsnapshot>");
    test_attributes();
}

#define DEVICES(text)                                                                              \
    "<domainsnapshot><domain><devices>" text "</devices></domain></domainsnapshot>"
#define WEB(host, target, secret)                                                                  \
    "<disk type=\"network\"><source protocol=\"https\" name=\"a.iso\"><host name=\"" host          \
    "\"/>" secret "</source><target dev=\"" target "\"/></disk>"
#define COOKIES "<cookies><cookie name=\"c\">v</cookie></cookies>"

static void keeps(const char *xml, const char *plain, const char *secure, const char *want,
                  const char *what)
{
    autofree char *kept = NULL;
    autotext struct text whole = {0};
    struct err e = {0};
    text_add(&whole, HEAD "%s\n", want);
    int r = xml_snapshot_keep_secrets(xml, plain, secure, &kept, &e);
    if (TAP_OK(r == 0, "%s: %s", what, e.text))
        TAP_STR(kept, whole.s, "as it should be");
}

static void test_secrets(void)
{
    keeps(DEVICES("<graphics type=\"vnc\"/><graphics type=\"spice\"/><graphics type=\"vnc\" "
                  "passwd=\"new\"/>"),
          DEVICES("<graphics type=\"vnc\"/><graphics type=\"sdl\"/><graphics type=\"vnc\"/>"),
          DEVICES("<graphics type=\"vnc\" passwd=\"a\"/><graphics type=\"sdl\" passwd=\"b\"/>"
                  "<graphics type=\"vnc\" passwd=\"c\"/>"),
          DEVICES("<graphics type=\"vnc\" passwd=\"a\"/><graphics type=\"spice\"/><graphics "
                  "type=\"vnc\" passwd=\"new\"/>"),
          "passwords, where both are of one type and there is none");
    keeps(DEVICES(WEB("b", "sdb", "") WEB("a", "sda", "")),
          DEVICES(WEB("a", "sda", "") WEB("b", "sdb", "")),
          DEVICES(WEB("a", "sda", COOKIES) WEB("b", "sdb", "")),
          DEVICES(WEB("b", "sdb", "") WEB("a", "sda", COOKIES)),
          "cookies of a disk, wherever it stands");
    keeps(DEVICES(WEB("evil", "sda", "")), DEVICES(WEB("a", "sda", "")),
          DEVICES(WEB("a", "sda", COOKIES)), DEVICES(WEB("evil", "sda", "")),
          "cookies go to no other host");
    keeps(DEVICES("<disk><target dev=\"vda\"/></disk>"), DEVICES(WEB("a", "sda", "")),
          DEVICES(WEB("a", "sda", COOKIES)), DEVICES("<disk><target dev=\"vda\"/></disk>"),
          "a disk that is not there any more");
    keeps(DEVICES("<x/>"), NULL, NULL, DEVICES("<x/>"), "none without libvirt's");
}

int main(void)
{
    test_read();
    test_writing();
    test_whole();
    test_secrets();
    return tap_done();
}
