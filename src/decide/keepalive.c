/*
 * decide/keepalive.c
 *		How does the kernel find out that a silent peer has vanished?
 *
 * Three probes in half the idle time again, so that the default of a minute
 * notices after a minute and a half; lost packets are no lost peer.
 */
#include "decide/keepalive.h"

#define PROBES		3
#define MAX_IDLE	INT64_C(32767)	/* s, the kernel's */

WeirKeepalive
weir_keepalive(int64_t idle)
{
	WeirKeepalive k = {0, 0, 0, 0};
	int64_t		seconds = idle / 1000000 + (idle % 1000000 > 0 ? 1 : 0);

	if (idle <= 0)
		return k;
	if (seconds > MAX_IDLE)
		seconds = MAX_IDLE;
	k.idle = (int) seconds;
	k.interval = k.idle / (2 * PROBES) > 0 ? k.idle / (2 * PROBES) : 1;
	k.count = PROBES;
	k.user_timeout = (k.idle + k.interval * k.count) * 1000;
	return k;
}
