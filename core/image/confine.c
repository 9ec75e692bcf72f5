/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.c - see confine.h. No locks, no state.
 *
 * Landlock's numbers are written here, because the headers of the build system know only the rights
 * of its own kernel. Rights that the running kernel does not know are left out, and so are paths
 * that do not exist.
 */
#include "image/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_id.h"
#include "base/mem.h"

/* ---- Landlock, as linux/landlock.h has it from ABI 6 on ---- */

struct ruleset_attr {
    uint64_t fs, net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

enum { RULE_PATH_BENEATH = 1, GET_VERSION = 1 };

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_IOCTL_DEV = 1 << 15, /* ioctls that ask for a block device's size and sectors */
    NET_TCP = 3,            /* bind and connect */
    SCOPED = 3              /* abstract sockets and signals */
};

/* Returns the file rights of a Landlock version. Versions after 5 have the rights of version 5. */
static uint64_t known_fs(long abi)
{
    static const unsigned bits[] = {13, 14, 15, 15, 16};
    return (UINT64_C(1) << bits[(abi < 5 ? abi : 5) - 1]) - 1;
}

static long landlock_abi(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);
}

/* ---- what may be read ---- */

/* Not every system has all of these directories. */
static const char *const libraries[] = {"/usr/lib",       "/usr/lib32", "/usr/lib64", "/lib",
                                        "/lib32",         "/lib64",     "/nix/store", "/gnu/store",
                                        "/usr/local/lib", NULL};

static const char *const always[] = {"/etc/ld.so.cache",
                                     "/etc/localtime",
                                     "/sys/devices/system",
                                     "/etc/crypto-policies",
                                     "/usr/share/crypto-policies",
                                     "/etc/gnutls",
                                     "/etc/gcrypt",
                                     "/proc/sys/crypto/fips_enabled",
                                     "/dev/random",
                                     "/dev/urandom",
                                     NULL};

static const char *const network[] = {"/etc/resolv.conf",
                                      "/etc/hosts",
                                      "/etc/host.conf",
                                      "/etc/nsswitch.conf",
                                      "/etc/gai.conf",
                                      "/etc/services",
                                      "/etc/protocols",
                                      "/etc/passwd",
                                      "/run/systemd/resolve",
                                      "/etc/ssl",
                                      "/etc/pki",
                                      "/etc/ca-certificates",
                                      "/usr/share/ca-certificates",
                                      "/usr/local/share/ca-certificates",
                                      "/var/lib/ca-certificates",
                                      "/etc/ceph",
                                      "/proc/cpuinfo",
                                      "/proc/version",
                                      NULL};

static int add(int ruleset, int fd, uint64_t rights)
{
    const struct path_beneath rule = {.allowed = rights, .parent = fd};
    long r = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
    return r < 0 ? -errno : 0;
}

/* Adds a rule for a path. A file's rule must not have rights that only directories have. */
static int add_path(int ruleset, const char *path, uint64_t rights)
{
    struct stat st;
    autoclose int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (fstat(fd, &st) < 0)
        return -errno;
    return add(ruleset, fd, S_ISDIR(st.st_mode) ? rights : rights & ~(uint64_t)FS_READ_DIR);
}

static int add_paths(int ruleset, const char *const *paths, uint64_t rights)
{
    int r = 0;
    for (; r == 0 && *paths; paths++)
        r = add_path(ruleset, *paths, rights);
    return r;
}

/* Adds a rule for an open file. A file that the kernel keeps in memory, such as a secret, can have
 * no rule and needs none. */
static int add_file(int ruleset, int fd, uint64_t rights)
{
    int r = add(ruleset, fd, rights);
    return r == -EBADFD ? 0 : r;
}

static int add_all(const struct confinement *c, const char *program, int file, uint64_t known)
{
    const uint64_t read = FS_READ_FILE | FS_READ_DIR, run = read | FS_EXECUTE;
    int r = add_paths(c->ruleset, libraries, run);
    if (r == 0)
        r = add_path(c->ruleset, program, run);
    if (r == 0)
        r = add_paths(c->ruleset, always, read);
    if (r == 0)
        r = add_path(c->ruleset, "/dev/null", read | FS_WRITE_FILE);
    if (r == 0 && c->profile == CONFINE_NETWORK)
        r = add_paths(c->ruleset, network, read);
    if (r == 0 && file >= 0)
        r = add_file(c->ruleset, file, (FS_READ_FILE | FS_IOCTL_DEV) & known);
    return r;
}

int confine_prepare(struct confinement *ret, enum confine_profile profile, const char *program,
                    int file, struct err *e)
{
    long abi = landlock_abi();
    *ret = (struct confinement){.ruleset = -1, .profile = profile};
    if (abi < 1)
        return 0;
    const struct ruleset_attr attr = {
        .fs = known_fs(abi), .net = profile == CONFINE_LOCAL ? NET_TCP : 0, .scoped = SCOPED};
    size_t size = abi >= 6   ? sizeof(attr)
                  : abi >= 4 ? offsetof(struct ruleset_attr, scoped)
                             : offsetof(struct ruleset_attr, net);
    ret->ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    int r = ret->ruleset < 0 ? -errno : add_all(ret, program, file, attr.fs);
    if (r == 0)
        return 0;
    confine_drop(ret);
    return err_fail(e, -r, "cannot confine qemu-nbd: %s", strerrordesc_np(-r));
}

void confine_drop(struct confinement *c)
{
    if (c->ruleset >= 0)
        close(c->ruleset);
    c->ruleset = -1;
}

int confine_needed(const char *path, const char *format, struct err *e)
{
    if (landlock_abi() >= 1)
        return 0;
    return err_fail(
        e, EOPNOTSUPP,
        "cannot read '%s': a %s can name any file, and only a kernel with Landlock keeps QEMU from "
        "opening it; boot Linux 5.13 or later with lsm=landlock,...",
        path, format);
}

/* ---- no sockets ---- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__loongarch64)
#define ARCH AUDIT_ARCH_LOONGARCH64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#else
#error "the audit architecture of this machine is not known here"
#endif

#ifndef SYS_socketcall
#define SYS_socketcall SYS_socket
#endif

enum { X32 = 0x40000000 }; /* a bit that marks x86-64's second set of call numbers */

/* Forbids sockets. io_uring can make sockets too, and QEMU works without it. The filter kills a
 * process that makes a call of another architecture. */
static bool forbid_sockets(void)
{
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socketcall, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(*code), .filter = code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool confine_enter(const struct confinement *c)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return false;
    if (c->ruleset >= 0 && syscall(SYS_landlock_restrict_self, c->ruleset, 0) < 0)
        return false;
    return c->profile == CONFINE_NETWORK || forbid_sockets();
}

/* ---- what it has open ---- */

static bool is_file(const struct stat *st)
{
    return S_ISREG(st->st_mode) || S_ISBLK(st->st_mode) || S_ISDIR(st->st_mode);
}

int confine_check(pid_t pid, int file, int given, const char *path, struct err *e)
{
    char name[64];
    struct stat own, st;
    snprintf(name, sizeof(name), "/proc/%d/fd", pid);
    DIR *d = opendir(name);
    if (!d || fstat(file, &own) < 0) {
        int no = errno;
        if (d)
            closedir(d);
        return err_fail(e, EIO, "cannot tell which files QEMU has opened for '%s': %s", path,
                        strerrordesc_np(no));
    }
    bool other = false;
    for (struct dirent *one; !other && (one = readdir(d));)
        other = one->d_name[0] != '.' && strtol(one->d_name, NULL, 10) != given &&
                fstatat(dirfd(d), one->d_name, &st, 0) == 0 && is_file(&st) &&
                !file_is_same(&st, &own);
    closedir(d);
    return other ? err_fail(e, EIO, "QEMU has opened another file than '%s' for it", path) : 0;
}
