/*
 * api/state/access.h
 *		What the functions on jobs have in common: arguments, finding a job and
 *		who may touch it, its owner's session, and whether waiting could end.
 */
#ifndef WEIR_API_STATE_ACCESS_H
#define WEIR_API_STATE_ACCESS_H

#include "postgres.h"

#include "fmgr.h"

#include "base/session.h"
#include "catalog/job.h"
#include "compile/dataflow.h"

/* A text argument as a C string; NULL if it is null. */
extern char *weir_arg_text(FunctionCallInfo fcinfo, int n);
/* The same, but null is an error that names the argument. */
extern char *weir_arg_required(FunctionCallInfo fcinfo, int n, const char *name);
/* A boolean argument; null is false. */
extern bool weir_arg_bool(FunctionCallInfo fcinfo, int n);

/* Error on a standby, and in a read-only transaction; "function" as it is called. */
extern void weir_prevent_read_only(const char *function);

/* Error if there is no such job, or the user is neither its owner nor a member of it. */
extern WeirJob *weir_job_for_owner(const char *name);
/* The same, with the job's row locked until the end of the transaction. */
extern WeirJob *weir_job_for_change(const char *name, const char *function);
/* The same, for looking on: members of pg_read_all_stats too. */
extern WeirJob *weir_job_for_reading(const char *name);

/* Does it run on this server, or is it about to? */
extern bool weir_job_is_running(const WeirJob *job);
/* Error if it does not: nothing ever runs on a standby. */
extern void weir_job_must_run(const WeirJob *job, const char *function);

/* drop_job's work, at the caller's commit; rights are the caller's to check. */
extern void weir_job_drop(int64 id);

/* The session becomes the job's (session.h), if its owner exists, and the caller's again. */
extern void weir_job_become_owner(const WeirJob *job, WeirSession *before);
extern void weir_job_become_caller(const WeirSession *before);

/* Compiles the job's query as its owner, with its settings. */
extern WeirDataflow *weir_job_compile(const WeirJob *job);
/* The same, and refuses what only a look at declared state can tell. */
/* Refuses a call of a function with declared state but for the keyed step. */
extern void weir_check_calls(const WeirDataflow *dataflow, const char *query);
extern WeirDataflow *weir_job_compile_new(const WeirJob *job);

/* job.c: steps of the functions on jobs that alter_job takes too. */
extern void weir_check_unrestricted(const char *function);
extern void weir_check_parallelism(int parallelism, int max_parallelism);
/* Checks everything, and starts the job at commit. */
extern void weir_job_begin(WeirJob *job);
/* Only checks; the job may still run. */
extern void weir_job_check_begin(WeirJob *job);
/* With a last checkpoint; "function" waits until it has stopped. */
extern void weir_job_stop(const WeirJob *job, const char *function);
/* The table its query writes, without compiling it; InvalidOid if there is none now. */
extern Oid	weir_job_target(const WeirJob *job);

/*
 * Error where what the caller's transaction has done keeps the job from ever
 * getting to where "function" waits for it.
 */
extern void weir_check_can_wait(const WeirJob *job, const char *function);

/* Microseconds, as an interval's text. */

/* stream.c: the job has this graph, and what its streams need before it runs is made. */
extern void weir_job_keep_streams(int64 job, const WeirGraph *graph);

/* Error listing everything that keeps the job from being run here; with "take" it takes what it needs. */
extern void weir_check_prerequisites(WeirJob *job, const WeirDataflow *dataflow, bool take);
/* Error where a stream without journal cannot keep what the mode promises. */
extern void weir_check_journal(const WeirJob *job, const WeirDataflow *dataflow, WeirMode mode);
/* Error where a sink cannot do what the mode needs. */
extern void weir_check_sinks(const WeirJob *job, const WeirDataflow *dataflow, bool checkpointing,
							 WeirMode mode);

#endif
