-- A job's query over lines that are given, for tests.
CREATE FUNCTION weir.try_job(job text, lines text[], stream text DEFAULT NULL,
    at timestamptz DEFAULT NULL, finish boolean DEFAULT false)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job';
COMMENT ON FUNCTION weir.try_job(text, text[], text, timestamptz, boolean)
IS 'run lines through a job''s query in this transaction; returns the rows it writes';

CREATE FUNCTION weir.try_job(job text, lines text[], "row" anyelement, stream text DEFAULT NULL,
    at timestamptz DEFAULT NULL, finish boolean DEFAULT false)
RETURNS SETOF anyelement LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job_as';
COMMENT ON FUNCTION weir.try_job(text, text[], anyelement, text, timestamptz, boolean)
IS 'the same; row is a null of the target''s row type, so that the rows need no column list';

CREATE FUNCTION weir.try_job(job text, lines text[], stream text[],
    at timestamptz DEFAULT NULL, finish boolean DEFAULT false)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job_streams';
COMMENT ON FUNCTION weir.try_job(text, text[], text[], timestamptz, boolean)
IS 'the same over lines of several streams; stream names that of each line';

CREATE FUNCTION weir.try_job(job text, lines text[], "row" anyelement, stream text[],
    at timestamptz DEFAULT NULL, finish boolean DEFAULT false)
RETURNS SETOF anyelement LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job_streams_as';
COMMENT ON FUNCTION weir.try_job(text, text[], anyelement, text[], timestamptz, boolean)
IS 'the same over lines of several streams, with a null of the target''s row type';
