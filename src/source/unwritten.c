/*
 * source/unwritten.c
 *		What a journal has taken but could not write, on its way to the next
 *		attempt.
 *
 * A plain peer does not send again what was read from it.  Where the journal
 * cannot be written, because the disk is full or a lock is not to be had, the
 * rows go to the next attempt with the connection (handover.c), in memory that
 * has no name and ends with its last descriptor.
 *
 * They were appended in one transaction, so either all of them are in the
 * journal or none.
 */
#include "postgres.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "source/unwritten.h"

typedef struct RowHead
{
	int64		offset;
	int64		stamp;
	int			len;
	char		kind;
} RowHead;

static bool
put_rows(int fd, const WeirJournal *j)
{
	int			n;
	const WeirJournalRow *rows = weir_journal_waiting(j, &n);

	for (int i = 0; i < n; i++)
	{
		RowHead		head = {rows[i].offset, rows[i].stamp, rows[i].len, rows[i].kind};

		if (!weir_write_all(fd, &head, sizeof(head)) || !weir_write_all(fd, rows[i].data, rows[i].len))
			return false;
	}
	return true;
}

int
weir_unwritten_save(const WeirJournal *j)
{
#ifdef MFD_CLOEXEC
	int			fd = memfd_create("weir unwritten", MFD_CLOEXEC);

	if (fd >= 0 && !put_rows(fd, j))
	{
		int			save_errno = errno;

		close(fd);
		errno = save_errno;
		return -1;
	}
	return fd;
#else
	errno = ENOSYS;
	return -1;
#endif
}

static void
get(int fd, off_t at, void *data, Size len)
{
	if (pread(fd, data, len, at) != (ssize_t) len)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read what was not journaled: %m")));
}

/* Reads the row at this place; returns the place behind it. */
static off_t
get_row(int fd, off_t at, WeirJournalRow *row)
{
	RowHead		head;

	get(fd, at, &head, sizeof(head));
	row->offset = head.offset;
	row->stamp = head.stamp;
	row->kind = head.kind;
	row->len = head.len;
	get(fd, at + sizeof(head), row->data, head.len);
	return at + sizeof(head) + head.len;
}

static bool
is_written(int fd, off_t size, const WeirJournal *j, WeirJournalRow *row)
{
	int64		begin = -1;
	int64		end = 0;

	for (off_t at = 0; at < size;)
	{
		at = get_row(fd, at, row);
		if (begin < 0)
			begin = row->offset;
		end = row->offset + (row->kind == WEIR_ROW_DATA ? row->len : 0);
	}
	if (end > begin)
		return weir_journal_end(j) == end;
	/* marks of one place differ in their stamps */
	return weir_journal_last_kind(j) == row->kind && weir_journal_last_stamp(j) == row->stamp;
}

void
weir_unwritten_load(int fd, WeirJournal *j)
{
	off_t		size = lseek(fd, 0, SEEK_END);
	WeirJournalRow row;

	row.data = palloc(WEIR_ROW_MAX);
	if (size > 0 && !is_written(fd, size, j, &row))
	{
		for (off_t at = 0; at < size;)
		{
			at = get_row(fd, at, &row);
			if (row.kind == WEIR_ROW_DATA)
				weir_journal_append(j, row.stamp, row.data, row.len);
			else
				weir_journal_mark(j, row.kind, row.stamp, row.data, row.len);
		}
	}
	pfree(row.data);
}
