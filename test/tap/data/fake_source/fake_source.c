/*
 * fake_source.c
 *		A source of another module, for tests: a stream of several partitions, each a file
 *		"DIR/NUMBER" of lines "n seconds" that grows, read by several tasks.
 *
 * The stream's table is (p int, n int, at timestamptz), at counted from 2000-01-01.  A
 * partition is there once its file is.  A line whose n is 0 cannot be decoded.
 */
#include "postgres.h"

#include <unistd.h>

#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "access/reloptions.h"
#include "utils/timestamp.h"

#include "decide/bytes.h"
#include "source/fdw.h"
#include "source/metadata.h"
#include "source/source.h"
#include "source/stream_option.h"

PG_MODULE_MAGIC;

#define PARTITIONS	64
#define LINES		1000000		/* of a partition */

typedef struct Options
{
	char	   *dir;
	int			tasks;
	bool		latest;
} Options;

typedef struct Partition
{
	int64		offset;			/* bytes; -1: its file was not there */
	int64		line;			/* lines before that */
} Partition;

typedef struct Fake
{
	WeirSource	pub;
	const Options *own;
	WeirSourceOptions options;
	WeirSourceStats *stats;
	Partition	partitions[PARTITIONS];
	int32		assigned[PARTITIONS];
	bool		drained;
	int64		failed;
} Fake;

extern PGDLLEXPORT void _PG_init(void);
PG_FUNCTION_INFO_V1(weir_fake_handler);
PG_FUNCTION_INFO_V1(weir_fake_validator);

static bool
other_option(WeirStream *stream, DefElem *def, Oid catalog)
{
	Options    *own = stream->own;

	if (strcmp(def->defname, "dir") == 0 && catalog == ForeignServerRelationId)
		own->dir = defGetString(def);
	else if (strcmp(def->defname, "source_parallelism") == 0)
		own->tasks = weir_stream_option_integer(def, 1, 16, "");
	else if (strcmp(def->defname, "start") == 0)
		own->latest = strcmp(defGetString(def), "latest") == 0;
	else
		return false;
	return true;
}

static void
complete(WeirStream *stream)
{
	stream->max_record = 1024;
	stream->journal = true;	/* it can be read again */
}

static void
authorize(const WeirStream *stream)
{
}

static int
parallelism(const WeirStream *stream)
{
	const Options *own = stream->own;

	return own->tasks > 0 ? own->tasks : 1;
}

static FILE *
open_file(const Options *own, int partition)
{
	char		path[MAXPGPATH];

	snprintf(path, sizeof(path), "%s/%d", own->dir, partition);
	return fopen(path, "r");
}

static void
encode(const Fake *fake, bool ended, WeirPosition *position)
{
	uint8	   *to = position->bytes;

	*to++ = 1;
	*to++ = ended;
	for (int i = 0; i < PARTITIONS; i++)
	{
		if (fake->partitions[i].offset < 0 || i % fake->options.ntasks != fake->options.subtask)
			continue;
		to = weir_put_int64(to, i);
		to = weir_put_int64(to, fake->partitions[i].offset);
		to = weir_put_int64(to, fake->partitions[i].line);
	}
	position->len = to - position->bytes;
}

static bool
decode(const WeirPosition *position, Partition *partitions)
{
	const uint8 *from = position->bytes + 2;

	for (int i = 0; i < PARTITIONS; i++)
		partitions[i] = (Partition) {-1, 0};
	while (position->len > 0 && from < position->bytes + position->len)
	{
		int64		partition;

		from = weir_get_int64(from, &partition);
		from = weir_get_int64(from, &partitions[partition].offset);
		from = weir_get_int64(from, &partitions[partition].line);
	}
	return position->len > 0 && position->bytes[1] != 0;
}

static void
skip_to_end(const Options *own, int number, Partition *partition)
{
	FILE	   *file = open_file(own, number);
	char		line[1024];

	*partition = (Partition) {file ? 0 : -1, 0};
	while (file && fgets(line, sizeof(line), file))
	{
		partition->offset += strlen(line);
		partition->line++;
	}
	if (file)
		fclose(file);
}

static void
begin(const WeirStream *stream, WeirPosition *position)
{
	Fake		fake = {.options.ntasks = 1};
	const Options *own = stream->own;

	ereport(LOG, (errmsg("fake source begins as %s", GetUserNameFromId(GetUserId(), false))));
	for (int i = 0; i < PARTITIONS; i++)
	{
		fake.partitions[i] = (Partition) {-1, 0};
		if (own->latest)
			skip_to_end(own, i, &fake.partitions[i]);
	}
	encode(&fake, false, position);
}

static WeirSource *
open_fake(const WeirStream *stream, const WeirSourceOptions *options, const WeirPosition *start,
		  WeirSourceStats *stats)
{
	extern const WeirSourceOps weir_fake_source;
	Fake	   *fake = palloc0(sizeof(Fake));

	fake->pub.ops = &weir_fake_source;
	fake->own = stream->own;
	fake->options = *options;
	fake->stats = stats;
	fake->drained = decode(start, fake->partitions) && !options->pass_end;
	stats->status = WEIR_SOURCE_CONNECTED;
	stats->connected_at = GetCurrentTimestamp();
	return &fake->pub;
}

static void
close_fake(WeirSource *source)
{
}

static void
add_row(Fake *fake, WeirScanInput *scan, int number, int n, double seconds)
{
	WeirBatch  *batch = scan->batch;
	int			row = batch->nrows;
	Partition  *partition = &fake->partitions[number];

	weir_batch_set_value(batch, 0, row, Int32GetDatum(number));
	weir_batch_set_value(batch, 1, row, Int32GetDatum(n));
	weir_batch_set_value(batch, 2, row, TimestampTzGetDatum((int64) (seconds * 1e6)));
	batch->lines[row] = (int64) number * LINES + partition->line;
	batch->stamps[row] = GetCurrentTimestamp();
	batch->partitions[row] = number;
	batch->nrows++;
}

static void
read_line(Fake *fake, WeirScanInput *scan, int number, const char *line)
{
	Partition  *partition = &fake->partitions[number];
	int			n = 0;
	double		seconds = 0;

	partition->line++;
	sscanf(line, "%d %lf", &n, &seconds);
	fake->failed = n == 0 ? (int64) number * LINES + partition->line : 0;
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 errmsg("this is no number"), errdetail("It is \"%s\".", line)));
	add_row(fake, scan, number, n, seconds);
	partition->offset += strlen(line);
}

static void
read_partition(Fake *fake, WeirScanInput *scan, int number, int limit)
{
	FILE	   *file = open_file(fake->own, number);
	char		line[1024];

	if (file == NULL)
		return;
	if (fake->partitions[number].offset < 0)
		fake->partitions[number].offset = 0;
	fseek(file, fake->partitions[number].offset, SEEK_SET);
	while (limit-- > 0 && scan->batch->nrows < scan->limit && fgets(line, sizeof(line), file) &&
		   strchr(line, '\n') != NULL)
		read_line(fake, scan, number, line);
	fclose(file);
}

/* Those whose files are there. */
static void
assign(Fake *fake, WeirScanInput *scan)
{
	scan->nassigned = 0;
	scan->assigned = fake->assigned;
	for (int i = fake->options.subtask; i < PARTITIONS; i += fake->options.ntasks)
	{
		if (fake->partitions[i].offset >= 0)
			fake->assigned[scan->nassigned++] = i;
	}
}

static WeirReadResult
poll_fake(WeirSource *source, WeirScanInput *scan)
{
	Fake	   *fake = (Fake *) source;

	if (fake->drained)
		return WEIR_READ_ENDED;
	weir_scan_input_reset(scan);
	weir_batch_keep_partitions(scan->batch);
	for (int i = fake->options.subtask; i < PARTITIONS; i += fake->options.ntasks)
		read_partition(fake, scan, i, 16);
	assign(fake, scan);
	fake->stats->records += scan->batch->nrows;
	if (scan->batch->nrows > 0)
		fake->stats->last_record_at = GetCurrentTimestamp();
	return scan->batch->nrows > 0 ? WEIR_READ_BATCH : WEIR_READ_WAIT;
}

static bool
began_ended(const WeirSource *source)
{
	return ((const Fake *) source)->drained;
}

static bool
hopeless(const WeirSource *source)
{
	return false;
}

static int64
failed_line(const WeirSource *source)
{
	return ((const Fake *) source)->failed;
}

static pgsocket
wait_fake(WeirSource *source, int *events, long *timeout)
{
	*events = 0;
	*timeout = 10;
	return PGINVALID_SOCKET;
}

static long
due(WeirSource *source)
{
	return -1;
}

static void
flush_fake(WeirSource *source, bool force)
{
}

static void
position_of(WeirSource *source, bool final, WeirPosition *position)
{
	encode((Fake *) source, final && ((Fake *) source)->drained, position);
}

static void
merge(WeirPosition *position, const WeirPosition *other)
{
	if (position->len == 0)
	{
		memcpy(position->bytes, other->bytes, 2);
		position->len = 2;
	}
	position->bytes[1] = position->bytes[1] && other->bytes[1];
	memcpy(position->bytes + position->len, other->bytes + 2, other->len - 2);
	position->len += other->len - 2;
}

/* Each task is told how far all of them are. */
static void
trim(WeirSource *source, const WeirPosition *position)
{
	Fake	   *fake = (Fake *) source;
	Partition	partitions[PARTITIONS];
	int			n = 0;

	(void) decode(position, partitions);
	for (int i = 0; i < PARTITIONS; i++)
		n += partitions[i].offset >= 0;
	snprintf(fake->stats->peer, sizeof(fake->stats->peer), "%d partitions", n);
}

static void
drain(WeirSource *source)
{
	((Fake *) source)->drained = true;
}

static int64
tick(WeirSource *source)
{
	return PG_INT64_MIN;
}

static char *
place(int64 line)
{
	return psprintf("partition %d, number %d", (int) (line / LINES), (int) (line % LINES));
}

static bool
position_ended(const WeirPosition *position)
{
	Partition	partitions[PARTITIONS];

	return decode(position, partitions);
}

static int64
position_clock(const WeirPosition *position)
{
	return 0;
}

static char *
missing(int64 job, int ordinal, Oid stream, const WeirPosition *position)
{
	return NULL;
}

static int64
pass_gap(int64 job, int ordinal, Oid stream, WeirPosition *position, int nknown,
		 const WeirPosition *known, char **detail)
{
	return 0;
}

static void
forget(int64 job)
{
}

static const WeirStreamOption server_options[] = {{NULL, NULL, NULL}};

static const WeirStreamOption table_options[] = {
	{"idle_timeout", weir_set_idle_timeout, "0"},
	{"late", weir_set_late, "drop"},
	{NULL, NULL, NULL},
};

static const WeirMetadata *const metadata[] = {&weir_metadata_line_number, NULL};

const WeirSourceOps weir_fake_source = {
	.name = "fake",
	.handler = "weir_fake_handler",
	.unit = "lines",
	.typed = true,
	.options = server_options,
	.complete = complete,
	.authorize = authorize,
	.table_options = table_options,
	.other_option = other_option,
	.own_size = sizeof(Options),
	.parallelism = parallelism,
	.metadata = metadata,
	.begin = begin,
	.open = open_fake,
	.close = close_fake,
	.poll = poll_fake,
	.began_ended = began_ended,
	.hopeless = hopeless,
	.failed_line = failed_line,
	.wait = wait_fake,
	.due = due,
	.flush = flush_fake,
	.position = position_of,
	.merge = merge,
	.trim = trim,
	.drain = drain,
	.tick = tick,
	.place = place,
	.position_ended = position_ended,
	.position_clock = position_clock,
	.missing = missing,
	.pass_gap = pass_gap,
	.forget = forget,
};

Datum
weir_fake_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	weir_stream_set_scan(routine);
	PG_RETURN_POINTER(routine);
}

Datum
weir_fake_validator(PG_FUNCTION_ARGS)
{
	weir_stream_validate(&weir_fake_source, untransformRelOptions(PG_GETARG_DATUM(0)), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

void
_PG_init(void)
{
	weir_source_register(&weir_fake_source, WEIR_SOURCE_MAGIC);
}
