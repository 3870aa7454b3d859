/*
 * source/dialog.h
 *		A connection in the protocol "resume": RESUME and ACK to the sender, the
 *		header of its answer, and its data.
 */
#ifndef WEIR_SOURCE_DIALOG_H
#define WEIR_SOURCE_DIALOG_H

#include "postgres.h"

#include "base/compat.h"
#include "decide/resume.h"
#include "source/socket.h"

typedef enum WeirDialogResult
{
	WEIR_DIALOG_DATA,
	WEIR_DIALOG_NOTHING,
	WEIR_DIALOG_ENDED,			/* the sender has closed, and no retry is left */
	WEIR_DIALOG_FAILED,			/* weir_dialog_raise says why */
	WEIR_DIALOG_ANOTHER,		/* another stream begins, of a new origin */
	WEIR_DIALOG_GAP				/* bytes are missing here: a new origin */
} WeirDialogResult;

typedef struct WeirDialog WeirDialog;

extern WeirDialog *weir_dialog_create(const WeirStream *stream, WeirSocket *sock,
									  bool allow_gap);

/* The stream has this origin; what lies before "safe" is durable.  adopted: the
 * socket has a connection that another source was reading. */
extern void weir_dialog_begin(WeirDialog *d, const WeirOrigin *origin, int64 safe,
							  bool adopted);

/* Reads without waiting; received: position behind the last byte of data. */
extern WeirDialogResult weir_dialog_read(WeirDialog *d, int64 received,
										 char *buffer, Size size, Size *got);
extern const WeirOrigin *weir_dialog_origin(const WeirDialog *d);

/* What lies before this position is durable: says so as soon as it can. */
extern void weir_dialog_acknowledge(WeirDialog *d, int64 safe);

/* Nothing more is said: what is durable here may not be on a standby. */
extern void weir_dialog_mute(WeirDialog *d);

/* Lines wait for room in the socket. */
extern bool weir_dialog_wants_write(const WeirDialog *d);
/* All that comes is data, and nothing is half said: another source may go on. */
extern bool weir_dialog_is_flowing(const WeirDialog *d);
/* It failed because the sender has lost what is needed: no restart will help. */
extern bool weir_dialog_lost(const WeirDialog *d);
pg_noreturn extern void weir_dialog_raise(const WeirDialog *d);

#endif
