/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_foreign.c - the input is the beginning of a file in each of the formats that QEMU reads.
 *
 * It stands where a vhdx has its table of regions as well. No process is started for a size.
 */
#include <sys/mman.h>

#include "image/foreign_size.h"
#include "image/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REGIONS = 192 * 1024, FILE_SIZE = 512 * 1024 };

static const char *const formats[] = {"vmdk",      "vdi",  "vhdx", "qcow", "qed",
                                      "parallels", "luks", "raw",  "vpc"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (ftruncate(fd, 0) < 0 || ftruncate(fd, FILE_SIZE) < 0 ||
        pwrite(fd, data, size, 0) != (ssize_t)size || pwrite(fd, data, size, REGIONS) < 0)
        return 0;
    struct image_file f = {.path = (char[]){"x"}, .fd = fd, .size = FILE_SIZE};
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        uint64_t bytes;
        int kind = foreign_find(formats[i]);
        bool alone = foreign_has_no_backing(&f, formats[i]);
        if (kind < 0 || foreign_size(&f, kind, &bytes, NULL) < 0)
            continue;
        if (!alone || bytes > INT64_MAX || bytes % VIRTUAL_SECTOR != 0)
            __builtin_trap();
    }
    return 0;
}
