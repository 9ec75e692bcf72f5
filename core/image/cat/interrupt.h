/* SPDX-License-Identifier: GPL-3.0-or-later */
/* interrupt.h - a signal that asks for the end while a file is being written. */
#ifndef SNAPFS_IMAGE_CAT_INTERRUPT_H
#define SNAPFS_IMAGE_CAT_INTERRUPT_H

/* Begins to note INT, TERM, HUP and QUIT, except signals that the process was started to ignore. */
void interrupts_note(void);

/* Returns the first signal that was noted, or 0. Any thread. */
int interrupt_noted(void);

/* Ends the process by the noted signal, as the signal itself would have. Returns if there is none.
 * */
void interrupt_obey(void);

#endif
