-- Savepoints: checkpoints with a name, kept until dropped.

CREATE FUNCTION weir.create_savepoint(job text, name text)
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_create_savepoint';
COMMENT ON FUNCTION weir.create_savepoint(text, text)
IS 'take a savepoint now; its checkpoint''s id, once its output is visible';

CREATE FUNCTION weir.drop_savepoint(job text, name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_drop_savepoint';
COMMENT ON FUNCTION weir.drop_savepoint(text, text)
IS 'take a savepoint''s name away, so that it is kept no longer than any checkpoint';
