-- The keyed state of a checkpoint, decoded.

CREATE FUNCTION weir.state(job text, at_checkpoint bigint DEFAULT NULL)
RETURNS TABLE (step int, state text, key jsonb, value jsonb, expires_at timestamptz,
               key_group int, task int)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_state_at_checkpoint';
COMMENT ON FUNCTION weir.state(text, bigint)
IS 'keyed state of the last completed checkpoint, or of another that is kept';

CREATE FUNCTION weir.state(job text, savepoint text)
RETURNS TABLE (step int, state text, key jsonb, value jsonb, expires_at timestamptz,
               key_group int, task int)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_state_at_savepoint';
COMMENT ON FUNCTION weir.state(text, text) IS 'keyed state of a savepoint';

CREATE FUNCTION weir.state(job text, state text, key_type anyelement, value_type anycompatible)
RETURNS TABLE (key anyelement, value anycompatible, expires_at timestamptz,
               key_group int, task int)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_state_typed';
COMMENT ON FUNCTION weir.state(text, text, anyelement, anycompatible)
IS 'one state of the last completed checkpoint, typed; key_type and value_type give the types';
