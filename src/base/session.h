/*
 * base/session.h
 *		The settings of a session that compiles or runs a job's code: which ones
 *		create_job keeps, which ones are forced, and how a session gets its own
 *		back.  Nobody else sets any.
 */
#ifndef WEIR_BASE_SESSION_H
#define WEIR_BASE_SESSION_H

#include "postgres.h"

#include "utils/jsonb.h"

/* The user, security context and settings before those of a job. */
typedef struct WeirSession
{
	Oid			user;
	int			security;
	int			guc_nest;
} WeirSession;

/*
 * What create_job keeps of the calling session's settings: an object of names
 * and values.  One that is missing there has PostgreSQL's own default.
 */
extern Jsonb *weir_session_kept(void);

/*
 * From one to the other the session is a job's: its owner's, in a
 * security-restricted operation, with the settings of create_job and those that
 * are forced.  Whatever is set meanwhile ends with it; an error ends it, too.
 */
extern void weir_session_enter(WeirSession *before, Oid owner, Jsonb *settings);
extern void weir_session_leave(const WeirSession *before);

/*
 * From one to the other somebody else's code may run as the current user, with
 * the settings that are forced: what it sets ends with it.
 */
extern int	weir_session_guard(void);
extern void weir_session_unguard(int guc_nest);

/* Until such a level ends, Weir's own tables are created where the extension's are. */
extern void weir_session_own_tables(void);

/* In a process of Weir's own, once: what ALTER ROLE and ALTER DATABASE must not change. */
extern void weir_session_begin_process(void);
/* The same in a task, which lives in the job's session. */
extern void weir_session_begin_task(Jsonb *settings);
/* One more setting of such a process. */
extern void weir_session_force(const char *name, const char *value);
/* After a SIGHUP. */
extern void weir_session_reload(void);

#endif
