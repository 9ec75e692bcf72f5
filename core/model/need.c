/* need.c - see need.h. No locks. */
#include "model/need.h"

void need_identify(const struct stat *st, uint64_t *ret_dev, uint64_t *ret_ino)
{
    bool block = S_ISBLK(st->st_mode);
    *ret_dev = block ? UINT64_MAX : st->st_dev;
    *ret_ino = block ? st->st_rdev : st->st_ino;
}

struct need {
    const struct graph *graph;
    int file;
    bool sure;
    size_t user;
};

static void note_user(void *ctx, const struct graph_user *u, size_t i)
{
    struct need *need = ctx;
    bool needs = !need->sure;
    (void)u;
    for (size_t k = 0; !needs && graph_chain(need->graph, i, k) != GRAPH_NO_FILE; k++)
        needs = graph_chain(need->graph, i, k) == need->file;
    if (needs && need->user == SIZE_MAX)
        need->user = i;
}

int need_find(const struct survey *v, const char *path, const struct stat *st, bool sure,
              size_t *ret_user, struct err *e)
{
    uint64_t dev, ino;
    need_identify(st, &dev, &ino);
    int file = graph_file(v->graph, path, NULL, dev, ino);
    struct need need = {.graph = v->graph, .file = file, .sure = sure, .user = SIZE_MAX};
    if (file < 0)
        return err_nomem(e);
    graph_users_of(v->graph, file, true, note_user, &need);
    *ret_user = need.user;
    return 0;
}
