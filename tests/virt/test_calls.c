/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_calls.c - every call on libvirt's in-process test driver: its default and a file of ours. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "tap.h"
#include "virt/change.h"
#include "virt/virt.h"
#include "virt/xml.h"
#include "virt/xml_request.h"

#define DEFAULT_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define UUID "11111111-2222-3333-4444-555555555555"

static const char file_xml[] =
    "<node xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>"
    "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>"
    "<name>web 01</name><uuid>" UUID "</uuid><memory>8192</memory><os><type>hvm</type></os>"
    "<test:runstate>5</test:runstate>"
    "<test:domainsnapshot><name>base</name><creationTime>1700000000</creationTime>"
    "<state>shutoff</state><active>0</active></test:domainsnapshot>"
    "<test:domainsnapshot><name>up &amp; down</name><parent><name>base</name></parent>"
    "<creationTime>1700000001</creationTime><state>shutoff</state><active>1</active>"
    "</test:domainsnapshot></domain></node>";

static struct virt *open_or_fail(const char *uri, bool readonly)
{
    struct err e = {0};
    struct virt *v = NULL;
    int r = virt_open(uri, readonly, &v, &e);
    TAP_OK(r == 0 && v, "'%s' opens%s: %s", uri, readonly ? " read-only" : "", e.text);
    return v;
}

static void test_connection(struct virt *v)
{
    struct err e = {0};
    TAP_STR(virt_uri(v), "test:///default", "the canonical URI");
    TAP_OK(virt_version(v) >= 9000000, "the version is at least 9.0 (%lu)", virt_version(v));
    TAP_OK(virt_files_local(v, &e), "the test driver's files are ours: %s", e.text);
}

static void test_domains(struct virt *v)
{
    struct virt_domain *d = NULL;
    size_t n = 0;
    struct err e = {0};
    int r = virt_domains(v, &d, &n, &e);
    if (TAP_OK(r == 0 && n == 1, "one domain (%zu): %s", n, e.text)) {
        TAP_STR(d[0].name, "test", "its name");
        TAP_STR(d[0].uuid, DEFAULT_UUID, "its uuid");
    }
    virt_domains_free(d, n);
}

static void test_status(struct virt *v)
{
    struct virt_status s = {0};
    struct err e = {0};
    int r = virt_domain_status(v, DEFAULT_UUID, true, &s, &e);
    TAP_OK(r == 0 && s.active && s.persistent && !s.managed_save && !s.block_job, "its status: %s",
           e.text);
    TAP_STR(s.state, "running", "its state");
    r = virt_domain_status(v, UUID, false, &s, &e);
    TAP_OK(r == -ENOENT && e.no == ENOENT, "no such domain: %s", e.text);
}

static void test_domain_xml(struct virt *v)
{
    autofree char *xml = NULL;
    autodestroy(xml_domain_free) struct xml_domain *d = NULL;
    struct err e = {0};
    int r = virt_domain_xml(v, DEFAULT_UUID, false, &xml, &e);
    if (TAP_OK(r == 0 && !xml_domain_parse(xml, &d, &e), "its XML is read: %s", e.text))
        TAP_STR(d->name, "test", "and names it");
    char *none = NULL;
    TAP_OK(virt_domain_xml(v, "no uuid", false, &none, &e) == -EINVAL && !none, "no uuid: %s",
           e.text);
}

static int create(struct virt *v, const char *name, unsigned flags, struct err *e)
{
    const struct xml_request q = {.name = (char *)(uintptr_t)name, .memory = XML_UNSAID};
    autofree char *xml = NULL;
    xml_request_write(NULL, &q, &xml, NULL);
    return virt_snapshot_create(v, DEFAULT_UUID, xml, flags, NULL, e);
}

static void check_list(struct virt *v, size_t want, const char *current, const char *what)
{
    autodestroy(virt_snapshots_free) struct virt_snapshots *s = NULL;
    struct err e = {0};
    int r = virt_snapshots(v, DEFAULT_UUID, &s, &e);
    if (!TAP_OK(r == 0 && s->n == want, "%s: %zu snapshots %s", what, want, e.text))
        return;
    TAP_STR(s->current, current, "and the current one");
    for (size_t i = 0; i < s->n; i++) {
        autodestroy(xml_snapshot_free) struct xml_snapshot *p = NULL;
        r = s->xml[i] ? xml_snapshot_parse(s->xml[i], &p, &e) : -1;
        if (TAP_OK(r == 0, "the XML of number %zu is read", i))
            TAP_STR(p->name, s->names[i], "and names it");
    }
}

static void test_create(struct virt *v)
{
    struct err e = {0};
    bool unsupported = true;
    uint64_t before = virt_generation(v);
    check_list(v, 0, NULL, "at first");
    TAP_OK(create(v, "a <1>", 0, &e) == 0, "create: %s", e.text);
    TAP_OK(virt_generation(v) != before, "the generation differs after a change");
    TAP_OK(create(v, "b", 0, &e) == 0, "create another: %s", e.text);
    check_list(v, 2, "b", "after two creates");
    TAP_OK(create(v, "b", 0, &e) == -EEXIST && e.no == EEXIST, "the same name: %s", e.text);
    int r = virt_snapshot_create(v, DEFAULT_UUID, "<domain/>", 0, &unsupported, &e);
    TAP_OK(r == -EINVAL && !unsupported, "another document: %s", e.text);
    TAP_OK(create(v, "c", VIRT_CREATE_DISK_ONLY, &e) < 0 && e.no != EROFS,
           "disk-only, which this driver refuses: %s", e.text);
}

/* The snapshot after a redefine with another description. */
static void test_redefine(struct virt *v)
{
    autofree char *xml = NULL, *changed = NULL, *again = NULL;
    autodestroy(xml_snapshot_free) struct xml_snapshot *s = NULL;
    struct err e = {0};
    unsigned flags = VIRT_CREATE_REDEFINE | VIRT_CREATE_CURRENT;
    int r = virt_snapshot_secure_xml(v, DEFAULT_UUID, "b", &xml, &e);
    if (!r)
        r = xml_snapshot_describe(xml, "why & how", &changed, &e);
    if (!r)
        r = virt_snapshot_create(v, DEFAULT_UUID, changed, flags, NULL, &e);
    if (!r)
        r = virt_snapshot_secure_xml(v, DEFAULT_UUID, "b", &again, &e);
    if (!r)
        r = xml_snapshot_parse(again, &s, &e);
    if (TAP_OK(r == 0, "a description is redefined: %s", e.text))
        TAP_STR(s->description, "why & how", "and reads back");
    check_list(v, 2, "b", "after the redefine");
}

static void test_revert_delete(struct virt *v)
{
    struct virt_status s = {0};
    struct err e = {0};
    TAP_OK(virt_snapshot_revert(v, DEFAULT_UUID, "a <1>", VIRT_REVERT_PAUSED, &e) == 0,
           "revert: %s", e.text);
    check_list(v, 2, "a <1>", "after the revert");
    TAP_OK(virt_domain_status(v, DEFAULT_UUID, false, &s, &e) == 0, "the status after it");
    TAP_STR(s.state, "paused", "paused as asked");
    TAP_OK(virt_snapshot_delete(v, DEFAULT_UUID, "b", false, &e) == 0, "delete: %s", e.text);
    check_list(v, 1, "a <1>", "after the delete");
    TAP_OK(virt_snapshot_delete(v, DEFAULT_UUID, "b", false, &e) == -ENOENT, "again: %s", e.text);
    TAP_OK(virt_snapshot_revert(v, DEFAULT_UUID, "b", 0, &e) == -ENOENT, "gone: %s", e.text);
    TAP_OK(virt_snapshot_delete(v, UUID, "b", false, &e) == -ENOENT, "no such domain: %s", e.text);
}

/* A domain's whole life. */
static void test_change(struct virt *v)
{
    static const char xml[] = "<domain type='test'><name>brief</name><uuid>" UUID
                              "</uuid><memory>8192</memory><os><type>hvm</type></os></domain>";
    struct virt_status s = {0};
    struct err e = {0};
    char *saved = NULL;
    TAP_OK(virt_domain_define(v, "<domainsnapshot/>", &e) == -EINVAL, "no domain: %s", e.text);
    TAP_OK(virt_domain_define(v, xml, &e) == 0, "define: %s", e.text);
    TAP_OK(virt_domain_define(v, xml, &e) == 0, "define it again: %s", e.text);
    TAP_OK(virt_domain_destroy(v, UUID, &e) == -EBUSY, "destroy what is shut off: %s", e.text);
    TAP_OK(virt_domain_start(v, UUID, VIRT_START_PAUSED, &e) < 0,
           "start paused, which this driver refuses: %s", e.text);
    TAP_OK(virt_domain_start(v, UUID, 0, &e) == 0, "start: %s", e.text);
    TAP_OK(!virt_domain_status(v, UUID, false, &s, &e) && s.active, "it is active: %s", e.text);
    TAP_STR(s.state, "running", "and runs");
    TAP_OK(virt_domain_start(v, UUID, 0, &e) < 0, "start it again: %s", e.text);
    TAP_OK(virt_domain_destroy(v, UUID, &e) == 0, "destroy: %s", e.text);
    TAP_OK(virt_domain_undefine(v, UUID, &e) == 0, "undefine: %s", e.text);
    TAP_OK(virt_domain_undefine(v, UUID, &e) == -ENOENT, "undefine it again: %s", e.text);
    TAP_OK(virt_domain_start(v, UUID, 0, &e) == -ENOENT, "start it then: %s", e.text);
    TAP_OK(virt_saved_xml(v, "/no/such/file", &saved, &e) < 0 && !saved, "no memory: %s", e.text);
    TAP_OK(virt_domain_restore(v, "/no/such/file", xml, 0, &e) < 0, "nor a restore: %s", e.text);
}

static void test_readonly(void)
{
    struct virt *v = open_or_fail("test:///default", true);
    struct err e = {0};
    char *xml = NULL;
    if (!v)
        return;
    check_list(v, 1, "a <1>", "read-only");
    TAP_OK(create(v, "z", 0, &e) == -EROFS, "create: %s", e.text);
    TAP_OK(virt_snapshot_delete(v, DEFAULT_UUID, "a <1>", false, &e) == -EROFS, "delete: %s",
           e.text);
    TAP_OK(virt_snapshot_revert(v, DEFAULT_UUID, "a <1>", 0, &e) == -EROFS, "revert: %s", e.text);
    int r = virt_snapshot_secure_xml(v, DEFAULT_UUID, "a <1>", &xml, &e);
    TAP_OK(r == -EROFS && !xml, "secure XML: %s", e.text);
    TAP_OK(virt_domain_define(v, "<domain/>", &e) == -EROFS, "define: %s", e.text);
    TAP_OK(virt_domain_undefine(v, DEFAULT_UUID, &e) == -EROFS, "undefine: %s", e.text);
    TAP_OK(virt_domain_destroy(v, DEFAULT_UUID, &e) == -EROFS, "destroy: %s", e.text);
    TAP_OK(virt_domain_start(v, DEFAULT_UUID, 0, &e) == -EROFS, "start: %s", e.text);
    TAP_OK(virt_domain_restore(v, "/x", NULL, 0, &e) == -EROFS, "restore: %s", e.text);
    check_list(v, 1, "a <1>", "after the refusals");
    virt_close(v);
}

/* ---- a file ---- */

static void test_file(void)
{
    char path[] = "/tmp/test-calls-XXXXXX", uri[64];
    int fd = mkstemp(path);
    ssize_t n = write(fd, file_xml, sizeof(file_xml) - 1);
    close(fd);
    snprintf(uri, sizeof(uri), "test://%s", path);
    struct virt *v = n > 0 ? open_or_fail(uri, false) : NULL;
    autodestroy(virt_snapshots_free) struct virt_snapshots *s = NULL;
    struct virt_status st = {0};
    struct err e = {0};
    if (v && TAP_OK(!virt_snapshots(v, UUID, &s, &e) && s->n == 2, "its snapshots: %s", e.text)) {
        TAP_STR(s->names[0], "base", "the parent comes first");
        TAP_STR(s->names[1], "up & down", "then the child");
        TAP_STR(s->current, "up & down", "which is current");
    }
    if (v && TAP_OK(!virt_domain_status(v, UUID, true, &st, &e) && !st.active, "%s", e.text))
        TAP_STR(st.state, "shut off", "it is shut off");
    virt_close(v);
    unlink(path);
}

static void test_bad(const char *uri)
{
    struct virt *v = NULL;
    struct err e = {0};
    int r = virt_open(uri, false, &v, &e);
    TAP_OK(r < 0 && e.no == -r && e.text[0] && !v, "'%s' fails: %s: %s", uri, err_name(e.no),
           e.text);
    virt_close(v);
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 50 };

static atomic_uint thread_failures;

struct worker {
    struct virt *v;
    unsigned id;
};

/* Threads do not mix up their errors: each knows the result that its own call must have. */
static void *work(void *arg)
{
    struct worker *w = arg;
    char name[32];
    struct err e = {0};
    snprintf(name, sizeof(name), "t%u", w->id);
    for (int i = 0; i < ROUNDS; i++) {
        autodestroy(virt_snapshots_free) struct virt_snapshots *s = NULL;
        bool ok = create(w->v, name, 0, &e) == 0;
        ok = ok && create(w->v, name, 0, &e) == -EEXIST;
        ok = ok && virt_snapshots(w->v, DEFAULT_UUID, &s, &e) == 0;
        ok = ok && virt_snapshot_delete(w->v, UUID, name, false, &e) == -ENOENT;
        ok = ok && virt_snapshot_delete(w->v, DEFAULT_UUID, name, false, &e) == 0;
        if (!ok)
            atomic_fetch_add(&thread_failures, 1);
    }
    return NULL;
}

static void test_threads(struct virt *v)
{
    pthread_t ids[THREADS];
    struct worker workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){v, i};
        if (pthread_create(&ids[i], NULL, work, &workers[i]))
            ids[i] = 0;
        TAP_OK(ids[i] != 0, "thread %u starts", i);
    }
    for (unsigned i = 0; i < THREADS; i++)
        if (ids[i])
            pthread_join(ids[i], NULL);
    TAP_OK(thread_failures == 0, "threads at once: %u of %d rounds failed", thread_failures,
           THREADS * ROUNDS);
    check_list(v, 1, "a <1>", "after the threads");
}

int main(void)
{
    struct virt *v = open_or_fail("test:///default", false);
    if (!v)
        return tap_done();
    test_connection(v);
    test_domains(v);
    test_status(v);
    test_domain_xml(v);
    test_create(v);
    test_redefine(v);
    test_revert_delete(v);
    test_change(v);
    test_readonly();
    test_threads(v);
    virt_close(v);
    test_file();
    test_bad("nosuchdriver:///x");
    test_bad("test:///no/such/file.xml");
    test_bad("qemu+unix:///system?socket=/no/such/socket");
    test_bad("://");
    virt_close(NULL);
    return tap_done();
}
