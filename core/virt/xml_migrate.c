/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_migrate.c - see xml_migrate.h. The table has the devices that libvirt's
 * qemuMigrationSrcIsAllowed and QEMU's own devices refuse. */
#include "virt/xml_migrate.h"

#include <string.h>

#include "virt/xml_doc.h"

/* An element, by the names from <domain> down. If `key` is set, the element counts only if its
 * attribute `key` has `value`. */
static const struct device {
    const char *place, *key, *value;
    bool always;
} devices[] = {
    {"devices/shmem", .always = true},
    {"devices/disk", "type", "nvme", .always = true},
    {"devices/disk/backingStore", "type", "nvme", .always = true},
    {"devices/filesystem/driver", "type", "virtiofs", .always = true},
    {"cpu/feature", "name", "invtsc"},
    {"devices/hostdev", "type", "pci"},
    {"devices/hostdev", "type", "mdev"},
    {"devices/hostdev", "type", "scsi_host"},
    {"devices/hostdev", "type", "scsi"},
    {"devices/hostdev", "type", "usb"},
    {"devices/interface", "type", "hostdev"},
    {"devices/interface", "type", "network"}, /* may use devices of the host */
    {"devices/interface", "type", "vdpa"},
    {"devices/interface", "type", "vhostuser"},
    {"devices/disk", "type", "vhostvdpa"},
    {"devices/disk", "type", "vhostuser"},
    {"devices/filesystem"},
    {"devices/tpm"},
    {"devices/memory"},
    {"devices/video"},
    {"launchSecurity"},
};

static bool has_value(xmlNodePtr node, const char *name, const char *value)
{
    autofree char *found = NULL;
    return xml_attr(node, name, &found, NULL) == 0 && found && !strcmp(found, value);
}

static bool has_device(xmlNodePtr node, const char *place, const struct device *d)
{
    if (!*place)
        return !d->key || has_value(node, d->key, d->value);
    size_t len = strcspn(place, "/");
    autofree char *name = strndup(place, len);
    const char *rest = place + len + strspn(place + len, "/");
    for (xmlNodePtr child = name ? xml_child(node, name) : NULL; child;
         child = xml_next(child, name))
        if (has_device(child, rest, d))
            return true;
    return false;
}

bool xml_migrate_refused(const char *xml, const char *said)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    bool told = strcasestr(said, "migrat") != NULL, found = false;
    if (xml_doc_read(xml, "domain", &doc, NULL) < 0)
        return false;
    for (size_t i = 0; !found && i < sizeof(devices) / sizeof(*devices); i++)
        found = (told || devices[i].always) &&
                has_device(xmlDocGetRootElement(doc), devices[i].place, &devices[i]);
    return found;
}
