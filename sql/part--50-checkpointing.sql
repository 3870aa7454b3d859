-- Checkpointing of a job, and what follows its failures.

CREATE FUNCTION weir.enable_checkpointing(job text,
    every interval DEFAULT NULL, mode text DEFAULT NULL, timeout interval DEFAULT NULL,
    min_pause interval DEFAULT NULL, max_concurrent int DEFAULT NULL,
    fail_on_errors boolean DEFAULT NULL, tolerable_failures int DEFAULT NULL,
    retain int DEFAULT NULL, history int DEFAULT NULL,
    sink_flush interval DEFAULT NULL, lock_wait interval DEFAULT NULL,
    unaligned_after interval DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_enable_checkpointing';
COMMENT ON FUNCTION weir.enable_checkpointing(text, interval, text, interval, interval, int,
    boolean, int, int, int, interval, interval, interval)
IS 'checkpoint a job; called again it changes only what it names';

CREATE FUNCTION weir.disable_checkpointing(job text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_disable_checkpointing';
COMMENT ON FUNCTION weir.disable_checkpointing(text)
IS 'run a job without checkpoints, after a last one';

CREATE FUNCTION weir.trigger_checkpoint(job text)
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_trigger_checkpoint';
COMMENT ON FUNCTION weir.trigger_checkpoint(text)
IS 'take a checkpoint now; its id, once its output is visible';

CREATE FUNCTION weir.set_restart_strategy(job text, strategy text,
    attempts int DEFAULT NULL, delay interval DEFAULT NULL,
    max_failures int DEFAULT NULL, within interval DEFAULT NULL,
    initial_delay interval DEFAULT NULL, max_delay interval DEFAULT NULL,
    multiplier float8 DEFAULT NULL, reset_after interval DEFAULT NULL,
    jitter float8 DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_set_restart_strategy';
COMMENT ON FUNCTION weir.set_restart_strategy(text, text, int, interval, int, interval,
    interval, interval, float8, interval, float8)
IS 'whether, how often and after how long a failed job is started again';
