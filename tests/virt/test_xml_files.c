/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_xml_files.c - the files that a domain needs to start, at every place of its XML. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "tap.h"
#include "virt/xml_files.h"

/* Returns the files listed for a domain with these elements, each as "WHAT TARGET=PATH|INSTEAD". */
static void lists(const char *os, const char *devices, bool reset, const char *want)
{
    struct xml_files *f autodestroy(xml_files_free) = NULL;
    autotext struct text t = {0}, got = {0};
    struct err e = {0};
    text_add(&t, "<domain><os>%s</os><devices>%s</devices></domain>", os, devices);
    if (!TAP_OK(xml_files_read(t.s, "domain", reset, &f, &e) == 0, "%s%s: %s", os, devices, e.text))
        return;
    for (size_t i = 0; i < f->n; i++)
        text_add(&got, "%s%s %s=%s%s%s", i ? "; " : "", f->items[i].what,
                 f->items[i].target ? f->items[i].target : "", f->items[i].path,
                 f->items[i].instead ? "|" : "", f->items[i].instead ? f->items[i].instead : "");
    TAP_STR(got.len ? got.s : "", want, "its files");
}

static void test_os(void)
{
    lists("<kernel>/k</kernel><initrd>/i</initrd><dtb>/d</dtb>", "", false,
          "kernel =/k; initrd =/i; dtb =/d");
    lists("<loader type='pflash'>/l</loader>", "", false, "loader =/l");
    lists("<loader>not-a-path</loader>", "", false, "");
    lists("<nvram template='/t'>/n</nvram>", "", false, "NVRAM template =/n|/t");
    lists("<nvram template='/t'>/n</nvram>", "", true, "NVRAM template =/t");
    lists("<nvram template='/t' type='file'><source file='/n'/></nvram>", "", false,
          "NVRAM template =/n|/t");
    lists("<nvram template='/t'/>", "", false, "NVRAM template =/t");
    lists("<nvram>/n</nvram>", "", false, "");
    lists("<acpi><table type='slic'>/s</table></acpi>", "", false, "ACPI table =/s");
}

static void test_devices(void)
{
    lists("", "<disk type='file'><source file='/a'/><target dev='hda'/></disk>", false,
          "disk hda=/a");
    lists("", "<disk type='block'><source dev='/dev/a'/><target dev='sda'/></disk>", false,
          "disk sda=/dev/a");
    lists("", "<disk type='file'><source file='/a' startupPolicy='optional'/></disk>", false, "");
    lists("", "<disk type='file' device='cdrom'><target dev='hdc'/></disk>", false, "");
    lists("", "<filesystem type='mount'><source dir='/s'/></filesystem>", false,
          "shared directory =/s");
    lists("", "<serial type='dev'><source path='/dev/ttyS0'/></serial>", false,
          "character device =/dev/ttyS0");
    lists("", "<serial type='file'><source path='/d/f'/><log file='/l'/></serial>", false,
          "directory of the output =/d; directory of the log =/");
    lists("", "<serial type='pipe'><source path='/p'/></serial>", false, "pipe =/p|/p.in");
    lists("", "<channel type='unix'><source mode='bind' path='/c'/></channel>", false, "");
    lists("", "<channel type='unix'><source mode='connect' path='/c'/></channel>", false,
          "socket =/c");
    lists("",
          "<channel type='unix'><source mode='connect' path='/c'><reconnect enabled='yes'/>"
          "</source></channel>",
          false, "");
    lists("", "<rng><backend model='random'>/dev/r</backend></rng>", false,
          "source of random numbers =/dev/r");
    lists("", "<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>", false,
          "TPM =/dev/tpm0");
    lists("", "<memory model='nvdimm'><source><path>/m</path></source></memory>", false,
          "file of a memory device =/m");
    lists("",
          "<hostdev type='pci'><source><address domain='0x0000' bus='0x1f' slot='0x02' "
          "function='0x3'/></source></hostdev>",
          false, "device =/sys/bus/pci/devices/0000:1f:02.3");
    lists("", "<hostdev type='mdev'><source><address uuid='a-b'/></source></hostdev>", false,
          "device =/sys/bus/mdev/devices/a-b");
    lists("", "<hostdev type='usb'><source><address bus='1' device='2'/></source></hostdev>", false,
          "");
}

static void test_documents(void)
{
    struct xml_files *f = NULL;
    struct err e = {0};
    int r = xml_files_read("<domainsnapshot><domain><os><kernel>/k</kernel></os></domain>"
                           "<inactiveDomain><os><kernel>/other</kernel></os></inactiveDomain>"
                           "</domainsnapshot>",
                           "domainsnapshot", false, &f, &e);
    TAP_OK(r == 0 && f->n == 1, "of a snapshot's domain: %s", e.text);
    xml_files_free(f);
    f = NULL;
    r = xml_files_read("<domainsnapshot/>", "domainsnapshot", false, &f, &e);
    TAP_OK(r == 0 && !f->n, "of one without: %s", e.text);
    xml_files_free(f);
    f = NULL;
    TAP_OK(xml_files_read("<other/>", "domain", false, &f, &e) == -EINVAL && !f, "no domain");
}

int main(void)
{
    test_os();
    test_devices();
    test_documents();
    return tap_done();
}
