/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_remote.c - the URIs of disks on other hosts. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/remote.h"
#include "tap.h"

enum { HOSTS_MAX = 3 };

/* libvirt's words, and the URI; NULL: there is none. */
static const struct named {
    const char *protocol, *name, *socket;
    const char *hosts[HOSTS_MAX][2];
    const char *uri;
} named[] = {
    {"nbd", "x", "", {{"h", ""}}, "nbd://h:10809/x"},
    {"nbd", "", "", {{"h", "1"}}, "nbd://h:1"},
    {"nbd", "a/b", "/run/s", {{0}}, "nbd+unix:///a/b?socket=/run/s"},
    {"nbd", "", "/s", {{0}}, "nbd+unix:///?socket=/s"},
    {"nbd", "/x", "", {{"h", ""}}, NULL},
    {"nbd", "x", "/s?t", {{0}}, NULL},
    {"nbd", "x", "/s", {{"h", "1"}}, NULL},
    {"nbd", "x", "", {{"h", "1"}, {"i", "1"}}, NULL},
    {"http", "d/x.raw", "", {{"127.0.0.1", ""}}, "http://127.0.0.1:80/d/x.raw"},
    {"http", "/d/x.raw", "", {{"h", "8080"}}, "http://h:8080/d/x.raw"},
    {"http", "//x", "", {{"h", ""}}, NULL},
    {"http", "x", "", {{"::1", "8080"}}, "http://[::1]:8080/x"},
    {"http", "x?q", "", {{"h", ""}}, NULL},
    {"http", "x#f", "", {{"h", ""}}, NULL},
    {"http", "x%20y", "", {{"h", ""}}, NULL},
    {"http", "x y", "", {{"h", ""}}, NULL},
    {"http", "x", "", {{"u@h", ""}}, NULL},
    {"http", "x", "", {{"h/y", ""}}, NULL},
    {"http", "x", "", {{0}}, NULL},
    {"https", "x", "", {{"h", ""}}, "https://h:443/x"},
    {"ftp", "x", "", {{"h", ""}}, "ftp://h:21/x"},
    {"ftps", "x", "", {{"h", ""}}, "ftps://h:990/x"},
    {"tftp", "x", "", {{"h", ""}}, NULL},
    {"iscsi",
     "iqn.2017-04.com.example:d/1",
     "",
     {{"h", ""}},
     "iscsi://h:3260/iqn.2017-04.com.example:d/1"},
    {"iscsi", "iqn.a:u%p@d/1", "", {{"h", ""}}, NULL},
    {"rbd", "pool/image", "", {{0}}, "rbd:pool/image"},
    {"rbd", "pool/image", "", {{"h", "6789"}}, "rbd:pool/image:mon_host=h\\:6789"},
    {"rbd",
     "pool/image",
     "",
     {{"h", ""}, {"::1", "3300"}},
     "rbd:pool/image:mon_host=h\\:0\\;[\\:\\:1]\\:3300"},
    {"rbd", "pool/image@snap", "", {{0}}, NULL},
    {"rbd", "pool/image:conf=/c", "", {{0}}, NULL},
    {"rbd", "pool/image", "", {{"h\\:1:conf=/c", ""}}, NULL},
    {"ssh", "x", "", {{"h", ""}}, NULL},
};

static void check_named(const struct named *n)
{
    autotext struct text hosts = {0};
    for (size_t i = 0; i < HOSTS_MAX && n->hosts[i][0]; i++)
        remote_add_host(&hosts, n->protocol, n->hosts[i][0], n->hosts[i][1]);
    autofree char *uri = remote_write(&(struct remote){.protocol = n->protocol,
                                                       .name = n->name,
                                                       .socket = n->socket,
                                                       .hosts = hosts.s ? hosts.s : ""});
    TAP_STR(uri, n->uri, n->uri ? n->uri : n->name);
    TAP_OK(!uri || remote_is(uri), "and it is one");
}

static const char *const others[] = {
    "http://h@h/x",
    "http://h:p@h/x",
    "http://h/x?q=1",
    "http://h/x#f",
    "http://h/x y",
    "http://h",
    "iscsi://u%p@h/iqn.a/1",
    "iscsi://h/u%p@iqn.a/1",
    "rbd:p/i@s",
    "rbd:p/i:conf=/etc/x",
    "rbd:p/i:mon_host=h\\:1:conf=/etc/x",
    "rbd:p/i:mon_host=h:id=a",
    "nbd://h:1/\"x",
    "nbd+unix:///x?socket=/s&y",
};

int main(void)
{
    for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
        check_named(&named[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        TAP_OK(!remote_is(others[i]) && remote_begins(others[i]), "not '%s'", others[i]);
    TAP_OK(!remote_begins("/http://h/x") && !remote_begins("ssh://h/x"), "what begins otherwise");
    TAP_OK(remote_is_lone("ftps://h/x") && !remote_is_lone("nbd://h/x"), "one thing at a time");
    autofree char *plain = remote_plain("iscsi://h:3260/iqn.a%3Ab%3A/1");
    TAP_STR(plain, "iscsi://h:3260/iqn.a:b:/1", "a URI with ':' quoted");
    char longest[REMOTE_MAX + 2] = "http://h:80/";
    memset(longest + strlen(longest), 'x', sizeof(longest) - 1 - strlen(longest));
    TAP_OK(!remote_is(longest), "one that is too long");
    longest[REMOTE_MAX] = '\0';
    TAP_OK(remote_is(longest), "one that is not");
    return tap_done();
}
