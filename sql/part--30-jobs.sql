-- Jobs: what a user does with them.

CREATE FUNCTION weir.create_job(name text, query text, parallelism int DEFAULT 1,
    max_parallelism int DEFAULT 128, if_not_exists boolean DEFAULT false,
    max_state_memory text DEFAULT NULL, emit text DEFAULT 'final')
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_create_job';
COMMENT ON FUNCTION weir.create_job(text, text, int, int, boolean, text, text)
IS 'define a streaming job: an INSERT ... SELECT over streams';

CREATE FUNCTION weir.alter_job(name text, query text DEFAULT NULL,
    parallelism int DEFAULT NULL, max_parallelism int DEFAULT NULL,
    restart boolean DEFAULT false, drop_state boolean DEFAULT false,
    migrate text DEFAULT NULL, max_state_memory text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_alter_job';
COMMENT ON FUNCTION weir.alter_job(text, text, int, int, boolean, boolean, text, text)
IS 'change a job that does not run, or stop, change and start it; its state is kept';

CREATE FUNCTION weir.start_job(name text, from_savepoint text DEFAULT NULL,
    fresh boolean DEFAULT false, allow_gap boolean DEFAULT false)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_start_job';
COMMENT ON FUNCTION weir.start_job(text, text, boolean, boolean)
IS 'start a job at commit, from its last completed checkpoint if there is one, or from a savepoint';

CREATE FUNCTION weir.stop_job(name text, savepoint text DEFAULT NULL,
    drain boolean DEFAULT false, cancel boolean DEFAULT false)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_stop_job';
COMMENT ON FUNCTION weir.stop_job(text, text, boolean, boolean)
IS 'stop a job with a last checkpoint, which may be a savepoint';

CREATE FUNCTION weir.drop_job(name text, if_exists boolean DEFAULT false)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_drop_job';
COMMENT ON FUNCTION weir.drop_job(text, boolean)
IS 'drop a job and all it has kept, cancelling it if it runs';

CREATE FUNCTION weir.wait_for_job(name text, status text, timeout interval DEFAULT NULL)
RETURNS boolean LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_wait_for_job';
COMMENT ON FUNCTION weir.wait_for_job(text, text, interval)
IS 'wait until a job has a status; false on timeout or when it has ended otherwise';

CREATE FUNCTION weir.explain_job(job text)
RETURNS TABLE ("QUERY PLAN" text) LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20
AS 'MODULE_PATHNAME', 'weir_explain_job';
COMMENT ON FUNCTION weir.explain_job(text)
IS 'the dataflow that a job''s query, or a query, is cut into';
