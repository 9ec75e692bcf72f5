/* quiesce.h - the guest's file systems frozen for as long as a snapshot takes, and thawed whatever
 * becomes of us meanwhile. */
#ifndef SNAPFS_MODEL_QUIESCE_H
#define SNAPFS_MODEL_QUIESCE_H

#include "base/text.h"
#include "model/turn.h"

/* Has the guest's agent freeze them (virt_freeze has the errors), after the journal tells of it. */
int quiesce_begin(struct turn *t, struct err *e);

/* Has it thaw them. A failure is told in `remark`. */
void quiesce_end(struct turn *t, struct text *remark);

/* Thaws what was frozen by somebody who was cut off before he could. EHOSTDOWN leaves the journal;
 * an agent that fails does not, since there is nothing more to be done. */
int quiesce_recover(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                    struct err *e);

#endif
