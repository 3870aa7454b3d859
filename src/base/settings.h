/*
 * base/settings.h
 *		Weir's configuration parameters.
 */
#ifndef WEIR_BASE_SETTINGS_H
#define WEIR_BASE_SETTINGS_H

extern int	weir_max_jobs;		/* jobs that can run at once, over all databases */
extern int	weir_channel_size;	/* kB of a channel between two tasks */
extern bool weir_autostart;		/* do jobs start by themselves with the server? */

extern void weir_settings_define(void);

#endif
