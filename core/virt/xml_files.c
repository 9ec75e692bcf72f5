/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_files.c - see xml_files.h. Pure. Most of it is a table of the places in libvirt's
 * formatdomain document that name a file which is opened and not created. */
#include "virt/xml_files.h"

#include <stdlib.h>
#include <string.h>

#include "virt/xml_doc.h"

/* An element, by the names from <domain> down ("*" is any). Its text, or an attribute of it, is the
 * path. With `key` the rule counts only if the element, or the one `up` levels above it, has that
 * value. */
struct rule {
    const char *place, *attribute, *what;
    unsigned up;
    const char *key, *value;
    const char *suffix; /* a file of this name with the suffix will do instead */
    bool directory;     /* the file is created, but its directory must exist */
};

static const struct rule rules[] = {
    {"os/kernel", NULL, "kernel"},
    {"os/initrd", NULL, "initrd"},
    {"os/dtb", NULL, "dtb"},
    {"os/shim", NULL, "shim"},
    {"os/loader", NULL, "loader"},
    {"os/acpi/table", NULL, "ACPI table"},
    {"sysinfo/entry", "file", "file of the firmware configuration"},
    {"devices/emulator", NULL, "emulator"},
    {"devices/disk/source", "file", "disk"},
    {"devices/disk/source", "dev", "disk"},
    {"devices/disk/source", "dir", "disk"},
    {"devices/disk/source", "path", "socket of a disk", 1, "type", "vhostuser"},
    {"devices/filesystem/source", "dir", "shared directory"},
    {"devices/filesystem/source", "socket", "socket of a shared directory"},
    {"devices/filesystem/binary", "path", "program of a shared directory"},
    {"devices/rng/backend", NULL, "source of random numbers", 0, "model", "random"},
    {"devices/tpm/backend/device", "path", "TPM"},
    {"devices/memory/source/path", NULL, "file of a memory device"},
    {"devices/shmem/server", "path", "server of a shared memory"},
    {"devices/input/source", "evdev", "input device"},
    {"devices/input/source", "dev", "input device", 1, "type", "evdev"},
    {"devices/graphics/gl", "rendernode", "render node"},
    {"devices/video/acceleration", "rendernode", "render node"},
    {"devices/*/source", "path", "character device", 1, "type", "dev"},
    {"devices/*/source", "path", "pipe", 1, "type", "pipe", .suffix = ".in"},
    {"devices/*/source", "path", "directory of the output", 1, "type", "file", .directory = true},
    {"devices/*/log", "file", "directory of the log", .directory = true},
    {"devices/*/source", "path", "socket", 0, "mode", "connect"},
    {"devices/*/source", "path", "socket", 0, "mode", "client"},
    {"devices/*/backend/source", "path", "socket", 0, "mode", "connect"},
};

void xml_files_free(struct xml_files *f)
{
    for (size_t i = 0; f && i < f->n; i++) {
        free(f->items[i].path);
        free(f->items[i].instead);
        free(f->items[i].target);
    }
    if (f)
        free(f->items);
    free(f);
}

/* ---- a list ---- */

static bool has_value(xmlNodePtr node, const char *name, const char *value)
{
    autofree char *found = NULL;
    return xml_attr(node, name, &found, NULL) == 0 && found && !strcmp(found, value);
}

/* Adds a file and takes over `path` and `instead`. A text that is not a path of the host is left
 * out. */
static int add(struct xml_files *f, const char *what, char *path, char *instead, struct err *e)
{
    bool is_path = path && path[0] == '/';
    if (is_path && mem_room(f->items, f->n)) {
        f->items[f->n++] = (struct xml_file){.what = what, .path = path, .instead = instead};
        return 0;
    }
    free(path);
    free(instead);
    return is_path ? err_nomem(e) : 0;
}

static char *with_suffix(const char *path, const char *suffix)
{
    autotext struct text t = {0};
    text_add(&t, "%s%s", path, suffix);
    return text_take(&t, NULL);
}

/* ---- by the table ---- */

static int add_by_rule(struct xml_files *f, const struct rule *rule, xmlNodePtr node, struct err *e)
{
    xmlNodePtr holder = node;
    for (unsigned i = 0; i < rule->up; i++)
        holder = holder->parent;
    if (rule->key && !has_value(holder, rule->key, rule->value))
        return 0;
    char *path = NULL;
    int r = rule->attribute ? xml_attr(node, rule->attribute, &path, e) : xml_text(node, &path, e);
    if (r < 0 || !path)
        return r;
    char *end = rule->directory ? strrchr(path, '/') : NULL;
    if (end)
        end[end == path] = '\0';
    char *instead = rule->suffix ? with_suffix(path, rule->suffix) : NULL;
    return add(f, rule->what, path, instead, e);
}

/* Tells whether a start works without the file: a drive that may be empty, or a socket that QEMU
 * tries again later. */
static bool is_optional(xmlNodePtr node)
{
    return has_value(node, "startupPolicy", "optional") ||
           has_value(xml_child(node, "reconnect"), "enabled", "yes");
}

static int note_target(struct xml_files *f, size_t before, xmlNodePtr node, struct err *e)
{
    if (f->n == before || !xml_is(node->parent, "disk"))
        return 0;
    return xml_attr(xml_child(node->parent, "target"), "dev", &f->items[before].target, e);
}

/* Walks down a rule. `place` is the rest of the rule's place, below `node`. */
static int walk(struct xml_files *f, const struct rule *rule, const char *place, xmlNodePtr node,
                struct err *e)
{
    size_t before = f->n, len = strcspn(place, "/");
    if (!*place) {
        int r = is_optional(node) ? 0 : add_by_rule(f, rule, node, e);
        return r == 0 ? note_target(f, before, node, e) : r;
    }
    const char *rest = place + len + strspn(place + len, "/");
    int r = 0;
    for (xmlNodePtr child = node->children; r == 0 && child; child = child->next) {
        const char *name = (const char *)child->name;
        bool fits = child->type == XML_ELEMENT_NODE && !child->ns &&
                    (*place == '*' || (strlen(name) == len && !strncmp(name, place, len)));
        r = fits ? walk(f, rule, rest, child, e) : 0;
    }
    return r;
}

/* ---- files without a path in the XML ---- */

/* Adds the file of UEFI variables. If it does not exist yet, libvirt copies the template. If the
 * XML names no template, only libvirt's configuration tells which one libvirt uses. */
static int add_nvram(struct xml_files *f, xmlNodePtr os, bool reset, struct err *e)
{
    xmlNodePtr nvram = xml_child(os, "nvram"), source = xml_child(nvram, "source");
    autofree char *template = NULL, *path = NULL;
    int r = xml_attr(nvram, "template", &template, e);
    if (r == 0)
        r = source ? xml_attr(source, "file", &path, e) : xml_text(nvram, &path, e);
    if (r < 0 || !template)
        return r;
    bool needed = reset || !path || path[0] != '/';
    return add(f, "NVRAM template", needed ? take(template) : take(path),
               needed ? NULL : take(template), e);
}

static bool read_number(xmlNodePtr node, const char *name, unsigned long *ret)
{
    autofree char *text = NULL;
    if (xml_attr(node, name, &text, NULL) < 0 || !text)
        return false;
    *ret = strtoul(text, NULL, 0);
    return true;
}

/* Adds a device that is passed to the guest: by its place on the PCI bus, or a mediated one. */
static int add_address(struct xml_files *f, xmlNodePtr address, struct err *e)
{
    autotext struct text t = {0};
    autofree char *uuid = NULL;
    unsigned long domain = 0, bus, slot, function;
    int r = xml_attr(address, "uuid", &uuid, e);
    if (r == 0 && uuid && !strchr(uuid, '/'))
        text_add(&t, "/sys/bus/mdev/devices/%s", uuid);
    else if (read_number(address, "bus", &bus) && read_number(address, "slot", &slot) &&
             read_number(address, "function", &function)) {
        read_number(address, "domain", &domain);
        text_add(&t, "/sys/bus/pci/devices/%04lx:%02lx:%02lx.%lx", domain, bus, slot, function);
    }
    if (r < 0 || !t.len)
        return r;
    char *path = text_take(&t, NULL);
    return path ? add(f, "device", path, NULL, e) : err_nomem(e);
}

static int add_devices(struct xml_files *f, xmlNodePtr devices, struct err *e)
{
    int r = 0;
    for (xmlNodePtr one = devices ? devices->children : NULL; r == 0 && one; one = one->next) {
        xmlNodePtr address = xml_child(xml_child(one, "source"), "address");
        if (address)
            r = add_address(f, address, e);
    }
    return r;
}

int xml_files_read(const char *xml, const char *root, bool reset_nvram, struct xml_files **ret,
                   struct err *e)
{
    autodestroy(xml_doc_free) xmlDocPtr doc = NULL;
    struct xml_files *f autodestroy(xml_files_free) = calloc(1, sizeof(*f));
    int r = f ? xml_doc_read(xml, root, &doc, e) : err_nomem(e);
    if (r < 0)
        return r;
    xmlNodePtr domain = xmlDocGetRootElement(doc);
    if (!xml_is(domain, "domain"))
        domain = xml_child(domain, "domain");
    for (size_t i = 0; domain && r == 0 && i < sizeof(rules) / sizeof(*rules); i++)
        r = walk(f, &rules[i], rules[i].place, domain, e);
    if (domain && r == 0)
        r = add_nvram(f, xml_child(domain, "os"), reset_nvram, e);
    if (domain && r == 0)
        r = add_devices(f, xml_child(domain, "devices"), e);
    if (r == 0)
        *ret = take(f);
    return r;
}
