/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows: each name is reserved, and no row says what it does not do. */
#include "node/rows.h"

#include "base/name.h"
#include "tap.h"

static void test_row(const struct row *row)
{
    bool file = row->kind == PLACE_FILE;
    TAP_OK(name_reserved(row->name), "'%s' is a reserved name", row->name);
    TAP_OK(row_find(row->where, row->name) == row, "'%s' is found", row->name);
    TAP_OK(row_at(row_number(row)) == row, "'%s' has its number", row->name);
    TAP_OK(row->help && *row->help, "'%s' has a help text", row->name);
    TAP_OK(file == (row->show || row->store), "'%s': files and only files show or store",
           row->name);
    TAP_OK(!!row->store == !!(row->mode & 0222), "'%s' is writable where it stores", row->name);
    TAP_OK(!row->words || row->store, "'%s' has words only where it stores", row->name);
    TAP_OK(row->where == PLACE_DOMAIN || row->where == PLACE_SNAPSHOT || row->where == PLACE_TAG,
           "'%s' stands somewhere", row->name);
}

int main(void)
{
    for (size_t i = 0; i < row_count(); i++)
        test_row(row_at(i));
    TAP_OK(!row_find(PLACE_DOMAIN, "revert"), "a row is found only where it stands");
    TAP_OK(!row_find(PLACE_SNAPSHOT, "nonesuch"), "an unknown name is no row");
    return tap_done();
}
