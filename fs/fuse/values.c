/* SPDX-License-Identifier: GPL-3.0-or-later */
/* values.c - see values.h. It runs while there is one thread. */
#include "fuse/values.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"

enum { SECONDS_MAX = 31536000 /* a year: far more than is useful */ };

static const char digits[] = "0123456789";

int value_mask(const char *name, const char *text, int *ret, struct err *e)
{
    size_t len = strlen(text);
    if (!len || len > 4 || strspn(text, "01234567") != len || strtol(text, NULL, 8) > 0777)
        return err_fail(e, EINVAL, "'%s%s': the mask is an octal number from 0 to 777", name, text);
    *ret = (int)strtol(text, NULL, 8);
    return 0;
}

/* Reads a number; UINT32_MAX is "no id" to the kernel. */
static int parse_id(const char *name, const char *text, uint32_t *ret, struct err *e)
{
    size_t len = strlen(text);
    uint64_t id = 0;
    bool ok = len && len <= 10 && strspn(text, digits) == len;
    if (ok)
        id = strtoull(text, NULL, 10);
    if (!ok || id >= UINT32_MAX)
        return err_fail(e, EINVAL, "'%s%s': the id is a name, or a number from 0 to %u", name, text,
                        UINT32_MAX - 1);
    *ret = (uint32_t)id;
    return 0;
}

static bool is_number(const char *text)
{
    return !*text || strspn(text, digits) == strlen(text);
}

int value_user(const char *name, const char *text, uint32_t *ret, struct err *e)
{
    const struct passwd *user = is_number(text) ? NULL : getpwnam(text);
    if (!user && !is_number(text))
        return err_fail(e, EINVAL, "'%s%s': there is no user of that name", name, text);
    if (user)
        *ret = user->pw_uid;
    return user ? 0 : parse_id(name, text, ret, e);
}

int value_group(const char *name, const char *text, uint32_t *ret, struct err *e)
{
    const struct group *group = is_number(text) ? NULL : getgrnam(text);
    if (!group && !is_number(text))
        return err_fail(e, EINVAL, "'%s%s': there is no group of that name", name, text);
    if (group)
        *ret = group->gr_gid;
    return group ? 0 : parse_id(name, text, ret, e);
}

int value_seconds(const char *name, const char *text, uint64_t *ret_ns, struct err *e)
{
    size_t whole = strspn(text, digits), fraction = 0;
    if (whole && text[whole] == '.')
        fraction = strspn(text + whole + 1, digits);
    const char *end = text + whole + (fraction ? fraction + 1 : 0);
    bool ok = whole && whole <= 8 && !*end && fraction <= 9;
    uint64_t seconds = ok ? strtoull(text, NULL, 10) : 0;
    if (!ok || seconds > SECONDS_MAX)
        return err_fail(e, EINVAL, "'%s%s': the time is seconds, such as 1 or 0.5, up to %d", name,
                        text, SECONDS_MAX);
    uint64_t ns = 0, unit = CLOCK_SECOND / 10;
    for (size_t i = 0; i < fraction; i++, unit /= 10)
        ns += unit * (uint64_t)(text[whole + 1 + i] - '0');
    *ret_ns = seconds * CLOCK_SECOND + ns;
    return 0;
}

/* Reads a number of `unit`, from `least` to `most`, which have 8 digits at most. */
static int value_number(const char *name, const char *text, const char *unit, uint32_t least,
                        uint32_t most, uint32_t *ret, struct err *e)
{
    size_t len = strlen(text);
    bool ok = len && len <= 8 && strspn(text, digits) == len;
    unsigned long n = ok ? strtoul(text, NULL, 10) : 0;
    if (!ok || n < least || n > most)
        return err_fail(e, EINVAL, "'%s%s': it takes a number of %s from %u to %u", name, text,
                        unit, least, most);
    *ret = (uint32_t)n;
    return 0;
}

int value_mib(const char *name, const char *text, uint32_t least, uint32_t most, uint64_t *ret,
              struct err *e)
{
    uint32_t mib = 0;
    int r = value_number(name, text, "MiB", least, most, &mib, e);
    if (r == 0)
        *ret = mib * MIB;
    return r;
}

int value_bytes(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *ret,
                struct err *e)
{
    return value_number(name, text, "bytes", least, most, ret, e);
}

int strings_add(struct strings *s, const char *item, struct err *e)
{
    if (!mem_room(s->items, s->n))
        return err_nomem(e);
    s->items[s->n] = strdup(item);
    if (!s->items[s->n])
        return err_nomem(e);
    s->n++;
    return 0;
}

void strings_free(struct strings *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->items[i]);
    free(s->items);
    *s = (struct strings){0};
}
