/* printable.h - a name that may hold any bytes, in a log line of UTF-8. */
#ifndef SNAPFS_FUSE_PRINTABLE_H
#define SNAPFS_FUSE_PRINTABLE_H

/* Replaces, in place, each control byte and each byte that is no UTF-8 by '?'. */
void printable(char *s);

#endif
