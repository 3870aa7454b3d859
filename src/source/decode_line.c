/*
 * source/decode_line.c
 *		Format line: a record is the value of the stream's one column, nothing
 *		in it unescaped.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "source/decoder.h"

typedef struct LineState
{
	int			column;
	FmgrInfo	input;
	Oid			ioparam;
} LineState;

/* What an input function keeps may not outlive a transaction. */
static void
begin_lines(WeirDecoder *d)
{
	LineState  *line = MemoryContextAllocZero(CurTransactionContext, sizeof(LineState));
	Oid			input;

	while (!weir_stream_has_column(d->stream, d->desc, line->column))
		line->column++;
	getTypeInputInfo(TupleDescAttr(d->desc, line->column)->atttypid, &input, &line->ioparam);
	fmgr_info_cxt(input, &line->input, CurTransactionContext);
	d->state = line;
}

static void
read_line(WeirDecoder *d, Datum *values, bool *nulls)
{
	LineState  *line = d->state;
	Form_pg_attribute att = TupleDescAttr(d->desc, line->column);
	char	   *string = weir_decoder_string(d, d->current);

	memset(nulls, true, d->desc->natts * sizeof(bool));
	d->column = NameStr(att->attname);
	d->value = string;
	d->in_input = true;
	values[line->column] = InputFunctionCall(&line->input, string, line->ioparam, att->atttypmod);
	d->in_input = false;
	nulls[line->column] = false;
}

static void
end_lines(WeirDecoder *d)
{
	pfree(d->state);
	d->state = NULL;
}

static bool
line_is_in_input(const WeirDecoder *d)
{
	return d->in_input;
}

/* It is known where a line fails. */
static void
locate_nothing(WeirDecoder *d)
{
}

static void
close_lines(WeirDecoder *d)
{
	d->state = NULL;
}

const WeirFormat weir_format_line = {
	'\0', weir_decoder_append, begin_lines, read_line, end_lines, line_is_in_input,
	locate_nothing, close_lines,
};
