/*
 * decide/keepalive.h
 *		How does the kernel find out that a silent peer has vanished?
 */
#ifndef WEIR_DECIDE_KEEPALIVE_H
#define WEIR_DECIDE_KEEPALIVE_H

#include <stdint.h>

/* As the options TCP_KEEPIDLE and its like take it; all 0: left to the kernel's defaults. */
typedef struct WeirKeepalive
{
	int			idle;			/* s of silence before the first probe */
	int			interval;		/* s between probes */
	int			count;			/* probes without an answer */
	int			user_timeout;	/* ms that what was sent may stay unanswered: as long as all that */
} WeirKeepalive;

/* idle: us; 0: as the kernel has it. */
extern WeirKeepalive weir_keepalive(int64_t idle);

#endif
