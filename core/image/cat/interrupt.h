/* SPDX-License-Identifier: GPL-3.0-or-later */
/* interrupt.h - a signal that asks for the end while a file is being written. */
#ifndef SNAPFS_IMAGE_CAT_INTERRUPT_H
#define SNAPFS_IMAGE_CAT_INTERRUPT_H

/* From now on INT, TERM, HUP and QUIT are noted, but for those that the caller has ignored. */
void interrupts_note(void);

/* The first signal that was noted, or 0. Any thread. */
int interrupt_noted(void);

/* Ends the process by the signal that was noted, as it would have; returns when there is none. */
void interrupt_obey(void);

#endif
