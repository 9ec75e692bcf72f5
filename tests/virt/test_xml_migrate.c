/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_xml_migrate.c - which domains QEMU can never save, whatever libvirt's code for it is. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "tap.h"
#include "virt/xml_migrate.h"

#define ANSWER "libvirt: Requested operation is not valid: "
#define CANNOT ANSWER "cannot migrate domain: Migration is disabled"
#define PASSING ANSWER "domain is not running"

static const struct {
    const char *above, *devices;
    bool told, passing; /* is it refused, with each of the answers? */
} cases[] = {
    {"", "<memballoon model='none'/>", false, false},
    {"", "<shmem name='x'><model type='ivshmem-plain'/></shmem>", true, true},
    {"", "<disk type='file' device='disk'/><disk type='nvme' device='disk'/>", true, true},
    {"", "<filesystem type='mount'><driver type='virtiofs'/></filesystem>", true, true},
    {"", "<filesystem type='mount'><source dir='/x'/></filesystem>", true, false},
    {"", "<hostdev mode='subsystem' type='pci' managed='yes'/>", true, false},
    {"", "<interface type='hostdev'/>", true, false},
    {"", "<interface type='user'/>", false, false},
    {"<cpu mode='host-passthrough'><feature policy='require' name='invtsc'/></cpu>", "", true,
     false},
    {"<launchSecurity type='sev'/>", "", true, false},
};

int main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        autotext struct text t = {0};
        text_add(&t, "<domain>%s<devices>%s</devices></domain>", cases[i].above, cases[i].devices);
        TAP_OK(xml_migrate_refused(t.s, CANNOT) == cases[i].told, "cannot migrate: %s", t.s);
        TAP_OK(xml_migrate_refused(t.s, PASSING) == cases[i].passing, "is not running: %s", t.s);
    }
    TAP_OK(!xml_migrate_refused("<domain", CANNOT), "no document");
    return tap_done();
}
