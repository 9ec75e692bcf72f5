/* SPDX-License-Identifier: GPL-3.0-or-later */
/* error.c - see error.h. No state, no locks. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"

int err_fail(struct err *e, int no, const char *fmt, ...)
{
    if (!e)
        return -no;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    printable(e->text);
    e->no = no;
    return -no;
}

int err_nomem(struct err *e)
{
    return err_fail(e, ENOMEM, "out of memory");
}

const char *err_name(int no)
{
    const char *name = no > 0 ? strerrorname_np(no) : NULL;
    return name ? name : "E?";
}

bool err_is_resource(int no)
{
    return no == ENOMEM || no == EMFILE || no == ENFILE || no == EINTR || no == EAGAIN;
}

bool err_is_unsure(const struct err *e)
{
    return e->no == EHOSTDOWN || e->no == ETIMEDOUT;
}

bool err_is_open(const struct err *e)
{
    return err_is_unsure(e) || err_is_resource(e->no);
}
