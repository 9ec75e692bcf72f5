/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_xml_write.c - documents made and changed, read back by our own parser and compared as text.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "tap.h"
#include "virt/xml.h"
#include "virt/xml_request.h"

static void test_new(const char *name)
{
    const struct xml_request q = {.name = (char *)(uintptr_t)name, .memory = XML_UNSAID};
    autofree char *xml = NULL;
    xml_request_write(NULL, &q, &xml, NULL);
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    struct err e = {0};
    int r = xml_snapshot_parse(xml, &s, &e);
    if (TAP_OK(r == 0, "a new document is read back: %s", e.text))
        TAP_STR(s->name, name, "its name is the one given");
}

/* Things around the description: namespaces, attributes, comments, CDATA, escapes, UTF-8. */
#define BEFORE                                                                                     \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<domainsnapshot>\n  <name>s\xc3\xa9 &amp; "       \
    "&lt;1&gt;</name>"
#define AFTER                                                                                      \
    "\n  <state>running</state>\n  <!-- kept -->\n  <disks>\n    <disk name=\"vda\" "              \
    "snapshot=\"external\" type=\"file\">\n      <source file=\"/a&#10;b &amp;&quot;'\"/>\n    "   \
    "</disk>\n  </disks>\n  <domain xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\" "    \
    "type=\"qemu\" id=\"3\">\n    <name>d</name>\n    <description>of the domain</description>\n " \
    "   <title><![CDATA[<x>]]></title>\n    <qemu:commandline>\n      <qemu:arg "                  \
    "value=\"-x\"/>\n    </qemu:commandline>\n  </domain>\n  <cookie>\n    <cpu>a&#13;b</cpu>\n "  \
    " </cookie>\n</domainsnapshot>\n"

static void expect(const char *from, const char *description, const char *want, const char *what)
{
    autofree char *got = NULL;
    struct err e = {0};
    int r = xml_snapshot_describe(from, description, &got, &e);
    TAP_OK(r == 0, "describe: %s %s", what, e.text);
    TAP_STR(got, want, what);
}

static void test_describe(void)
{
    expect(BEFORE AFTER, "hello", BEFORE "<description>hello</description>" AFTER,
           "a description is added and nothing else changes");
    expect(BEFORE "<description>hello</description>" AFTER, "a <b> & \"c\"\nd\te",
           BEFORE "<description>a &lt;b&gt; &amp; \"c\"\nd\te</description>" AFTER,
           "another takes its place");
    expect(BEFORE "<description>hello</description>" AFTER, NULL, BEFORE AFTER, "NULL removes it");
    expect(BEFORE "<description>hello</description>" AFTER, "", BEFORE AFTER, "\"\" removes it");
    expect(BEFORE "<description>1</description><description>2</description>" AFTER, "3",
           BEFORE "<description>3</description>" AFTER, "one remains of two");
    expect(BEFORE AFTER, NULL, BEFORE AFTER, "nothing to remove changes nothing");
}

static void test_round_trip(const char *description)
{
    autofree char *xml = NULL;
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    struct err e = {0};
    int r = xml_snapshot_describe(BEFORE AFTER, description, &xml, &e);
    if (!r)
        r = xml_snapshot_parse(xml, &s, &e);
    if (TAP_OK(r == 0, "the changed document is read back: %s", e.text))
        TAP_STR(s->description, description, "the description is the one given");
}

static void refuse(const char *xml, const char *description, const char *what)
{
    autofree char *got = NULL;
    struct err e = {0};
    int r = xml_snapshot_describe(xml, description, &got, &e);
    TAP_OK(r == -EINVAL && e.no == EINVAL && !got && e.text[0], "refused: %s: %s", what, e.text);
}

static void test_pool(void)
{
    autofree char *xml = NULL, *none = NULL;
    struct err e = {0};
    int r = xml_pool_write("p", "/run/a<b>&'\"/\xc3\xa9", 4294967294, 7, &xml, &e);
    TAP_OK(r == 0, "the pool of a directory is written: %s", e.text);
    TAP_STR(xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<pool type=\"dir\"><name>p</name><target>"
            "<path>/run/a&lt;b&gt;&amp;'\"/\xc3\xa9</path><permissions><mode>0770</mode>"
            "<owner>4294967294</owner><group>7</group></permissions></target></pool>\n",
            "its path is one text, whatever is in it");
    r = xml_pool_write("p", "/run/bell\a", 0, 0, &none, &e);
    TAP_OK(r == -EINVAL && !none, "a path that XML cannot express: %s", e.text);
}

int main(void)
{
    test_new("s1");
    test_new("a b <c> & \"d\" 'e' ]]> \xf0\x9f\x98\x80");
    test_new("tab\tnewline\nreturn\rend");
    test_describe();
    test_pool();
    test_round_trip("line 1\nline 2\r\n\ttabbed <tag attr=\"v\"> &amp; ]]> \xe2\x82\xac");
    refuse("<domain><name>d</name></domain>", "x", "a <domain>");
    refuse("not xml", "x", "no XML");
    refuse("", "x", "nothing");
    refuse(BEFORE AFTER, "bell \a", "a control character");
    refuse(BEFORE AFTER, "latin1 \xe9", "no UTF-8");
    refuse(BEFORE AFTER, "overlong \xc1\x91", "an overlong form");
    refuse(BEFORE AFTER, "surrogate \xed\xa0\x80", "half a pair");
    refuse(BEFORE AFTER, "\xef\xbf\xbf", "U+FFFF");
    return tap_done();
}
