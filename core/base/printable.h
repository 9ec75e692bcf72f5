/* printable.h - a name that may hold any bytes, in a line of UTF-8. */
#ifndef SNAPFS_BASE_PRINTABLE_H
#define SNAPFS_BASE_PRINTABLE_H

/* Replaces, in place, each byte of a control character and each byte that is no UTF-8 by '?'. */
void printable(char *s);

#endif
