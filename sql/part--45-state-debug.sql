-- Keyed state without a job, for debugging and tests; superusers only. A session
-- has a store of its own for each function, until weir_internal.forget_state().

-- Runs a statement as the function would for a record of this key that arrived at
-- this moment; returns the first column of its first row.
CREATE FUNCTION weir_internal.with_state(function text, key "any", at timestamptz, statement text)
RETURNS text
    AS 'MODULE_PATHNAME', 'weir_with_state' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- What a checkpoint would write.
CREATE FUNCTION weir_internal.snapshot_state(
    function text, whole boolean,
    OUT key_group int, OUT is_full boolean, OUT seq int, OUT payload bytea)
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'weir_snapshot_state' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- What a restart would do with a chunk.
CREATE FUNCTION weir_internal.load_state(
    function text, key_group int, is_full boolean, payload bytea)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_load_state' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- How many keys are held, in how many bytes.
CREATE FUNCTION weir_internal.measure_state(function text, OUT keys bigint, OUT bytes bigint)
    AS 'MODULE_PATHNAME', 'weir_measure_state' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- The next call begins with empty state, as declared by then.
CREATE FUNCTION weir_internal.forget_state(function text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_forget_state' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

REVOKE ALL ON FUNCTION weir_internal.with_state(text, "any", timestamptz, text),
    weir_internal.snapshot_state(text, boolean),
    weir_internal.load_state(text, int, boolean, bytea),
    weir_internal.measure_state(text),
    weir_internal.forget_state(text) FROM PUBLIC;
