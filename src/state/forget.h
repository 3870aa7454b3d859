/*
 * state/forget.h
 *		Declarations go with their function.
 */
#ifndef WEIR_STATE_FORGET_H
#define WEIR_STATE_FORGET_H

/* Installs the hook; once, when the module is loaded. */
extern void weir_state_forget_init(void);

#endif
