/*
 * server/mark.c
 *		A mark on disk for each process of a job while it lives.
 *
 * When a process crashes the postmaster sends all others away, and its shared
 * memory is made anew: nothing there tells who it was.  So each process of a job
 * keeps an empty file, which it takes away when it leaves, also when it is sent
 * away (SIGQUIT) or the postmaster is gone.  What stays behind is the mark of a
 * process that could not do even that: it crashed, or was killed.
 *
 * Was it the one, or was everything killed at once?  The launcher's own mark
 * tells:
 *
 *	weir.launcher		it was killed, too
 *	weir.crashed		the postmaster sent it away because a process crashed
 *						(or for an immediate shutdown, which leaves no other mark)
 *	neither				the server was stopped, or the postmaster was killed
 *
 * The files are where PostgreSQL keeps what no base backup copies.  They need
 * not outlive a power cut, but for the launcher's, so that what does outlive it
 * is not taken for a crash.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#include "server/mark.h"

#define LAUNCHER_MARK PG_STAT_TMP_DIR "/weir.launcher"
#define CRASHED_MARK PG_STAT_TMP_DIR "/weir.crashed"

static char my_mark[MAXPGPATH] = "";

static void
take_away(int code, Datum arg)
{
	(void) unlink(my_mark);
}

/* In a signal handler: system calls only. */
static void
handle_quit(SIGNAL_ARGS)
{
	(void) unlink(my_mark);
	_exit(2);
}

static void
handle_launcher_quit(SIGNAL_ARGS)
{
	(void) rename(LAUNCHER_MARK, CRASHED_MARK);
	_exit(2);
}

static void
leave_mark(bool durable)
{
	int			fd = BasicOpenFile(my_mark, O_RDWR | O_CREAT | PG_BINARY);

	if (fd < 0 || (durable && pg_fsync(fd) != 0) || close(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", my_mark)));
	if (durable)
		fsync_fname(PG_STAT_TMP_DIR, true);
	before_shmem_exit(take_away, 0);
}

static void
prefix_of(Oid database, int64 job, char *prefix, Size size)
{
	snprintf(prefix, size, "weir.%u." INT64_FORMAT ".", database, job);
}

void
weir_mark_set(Oid database, int64 job, const char *task)
{
	char		prefix[64];

	prefix_of(database, job, prefix, sizeof(prefix));
	snprintf(my_mark, sizeof(my_mark), "%s/%s%s", PG_STAT_TMP_DIR, prefix, task);
	pqsignal(SIGQUIT, handle_quit);
	leave_mark(false);
}

/* Finds a mark of the job, or removes them all. */
static bool
look_at_marks(Oid database, int64 job, char *task, Size size)
{
	char		prefix[64];
	char		path[MAXPGPATH];
	bool		found = false;
	DIR		   *dir = AllocateDir(PG_STAT_TMP_DIR);
	struct dirent *entry;

	prefix_of(database, job, prefix, sizeof(prefix));
	while ((entry = ReadDir(dir, PG_STAT_TMP_DIR)) != NULL)
	{
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		found = true;
		if (task)
			strlcpy(task, entry->d_name + strlen(prefix), size);
		else
		{
			snprintf(path, sizeof(path), "%s/%s", PG_STAT_TMP_DIR, entry->d_name);
			(void) unlink(path);
		}
	}
	FreeDir(dir);
	return found;
}

bool
weir_mark_find(Oid database, int64 job, char *task, Size size)
{
	return look_at_marks(database, job, task, size);
}

void
weir_mark_forget(Oid database, int64 job)
{
	(void) look_at_marks(database, job, NULL, 0);
}

WeirServerEnd
weir_mark_server(void)
{
	WeirServerEnd end = WEIR_SERVER_STOPPED;

	if (access(LAUNCHER_MARK, F_OK) == 0)
		end = WEIR_SERVER_KILLED;
	else if (unlink(CRASHED_MARK) == 0)
		end = WEIR_SERVER_CRASHED;
	strlcpy(my_mark, LAUNCHER_MARK, sizeof(my_mark));
	pqsignal(SIGQUIT, handle_launcher_quit);
	leave_mark(true);
	return end;
}
