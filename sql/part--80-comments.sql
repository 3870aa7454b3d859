-- What \d+ says of the schema, and of each column of its views.

COMMENT ON SCHEMA weir IS 'streaming jobs: their functions and views';
COMMENT ON SCHEMA weir_internal IS 'tables of extension weir, for its own use';
COMMENT ON FUNCTION weir.key_by("any") IS
    'the key of a keyed step: JOIN LATERAL function(...) ON weir.key_by(...)';
COMMENT ON FUNCTION weir.ttl(interval) IS 'a time to live that writing renews';
COMMENT ON FOREIGN TABLE weir.print IS 'a sink that writes rows to the server''s log';
COMMENT ON FOREIGN DATA WRAPPER weir_socket IS 'streams: records that a TCP peer sends';
COMMENT ON FOREIGN DATA WRAPPER weir_print IS 'sinks that write rows to the server''s log';
COMMENT ON FOREIGN DATA WRAPPER weir_blackhole IS 'sinks that throw rows away';
COMMENT ON FOREIGN DATA WRAPPER weir_changes IS 'changes of tables, of another server or of this one, as streams';
COMMENT ON FOREIGN DATA WRAPPER weir_feed IS 'streams that INSERT and COPY put records into';
COMMENT ON SERVER weir_feed IS 'for streams that INSERT and COPY put records into';
COMMENT ON SERVER weir_print IS 'for foreign tables whose rows go to the server''s log';
COMMENT ON SERVER weir_blackhole IS 'for foreign tables whose rows are thrown away';

COMMENT ON COLUMN weir.jobs.name IS 'unique in the database';
COMMENT ON COLUMN weir.jobs.status IS
    'created, starting, running, restarting, stopping, stopped, finished or failed';
COMMENT ON COLUMN weir.jobs.parallelism IS 'number of keyed tasks';
COMMENT ON COLUMN weir.jobs.attempt IS
    'the last attempt: one life of the job''s tasks; never used again';
COMMENT ON COLUMN weir.jobs.restarts IS 'since start_job';
COMMENT ON COLUMN weir.jobs.last_checkpoint IS 'the newest whose output is visible';
COMMENT ON COLUMN weir.jobs.last_checkpoint_at IS 'when its output became visible';
COMMENT ON COLUMN weir.jobs.status_reason IS 'why it has this status, or what it waits for';
COMMENT ON COLUMN weir.jobs.owner IS 'the role the job runs as';
COMMENT ON COLUMN weir.jobs.max_parallelism IS 'number of key groups';
COMMENT ON COLUMN weir.jobs.created_at IS 'when create_job committed it';
COMMENT ON COLUMN weir.jobs.started_at IS 'last start_job';
COMMENT ON COLUMN weir.jobs.settings IS
    'search_path, TimeZone, DateStyle, IntervalStyle and what else is kept of create_job''s session';
COMMENT ON COLUMN weir.jobs.last_error IS 'of the last failure since start_job';
COMMENT ON COLUMN weir.jobs.query IS 'what the job runs';
COMMENT ON COLUMN weir.jobs.emit IS
    'when windows of event time are written: final, or update, while they are open too';

COMMENT ON COLUMN weir.checkpoints.job IS 'name of the job';
COMMENT ON COLUMN weir.checkpoints.checkpoint_id IS 'never used again';
COMMENT ON COLUMN weir.checkpoints.kind IS
    'periodic, manual, savepoint or final (of a stop, or of the end of the stream)';
COMMENT ON COLUMN weir.checkpoints.status IS
    'in_progress, completed (all its output is visible) or failed';
COMMENT ON COLUMN weir.checkpoints.triggered_at IS 'when the sources were told of it';
COMMENT ON COLUMN weir.checkpoints.duration IS
    'from the trigger until all output was visible, or it failed';
COMMENT ON COLUMN weir.checkpoints.state_bytes IS
    'of all keyed state, as it would be written in full, before compression';
COMMENT ON COLUMN weir.checkpoints.written_bytes IS
    'what it wrote of the state, and of rows that its barrier overtook';
COMMENT ON COLUMN weir.checkpoints.dirty_keys IS 'keys that had changed';
COMMENT ON COLUMN weir.checkpoints.failure IS 'why it failed';
COMMENT ON COLUMN weir.checkpoints.savepoint IS 'its name, if it is one';
COMMENT ON COLUMN weir.checkpoints.tasks IS 'that have to acknowledge it';
COMMENT ON COLUMN weir.checkpoints.acknowledged IS 'tasks that have acknowledged it';
COMMENT ON COLUMN weir.checkpoints.ended_at IS 'when it was decided, or failed';
COMMENT ON COLUMN weir.checkpoints.visible_at IS 'when all its output was visible';

COMMENT ON COLUMN weir.checkpoint_tasks.job IS 'name of the job';
COMMENT ON COLUMN weir.checkpoint_tasks.checkpoint_id IS 'as in weir.checkpoints';
COMMENT ON COLUMN weir.checkpoint_tasks.task IS 'such as keyed 1';
COMMENT ON COLUMN weir.checkpoint_tasks.start_delay IS 'from the trigger to the first barrier';
COMMENT ON COLUMN weir.checkpoint_tasks.alignment IS 'from the first barrier to the last';
COMMENT ON COLUMN weir.checkpoint_tasks.sync IS 'copying out what had changed';
COMMENT ON COLUMN weir.checkpoint_tasks.write IS 'inserting what was copied';
COMMENT ON COLUMN weir.checkpoint_tasks.bytes IS
    'of chunks as stored, and of rows that a barrier overtook';

COMMENT ON COLUMN weir.tasks.job IS 'name of the job';
COMMENT ON COLUMN weir.tasks.task IS 'as in the process''s application_name';
COMMENT ON COLUMN weir.tasks.kind IS 'coordinator, source, keyed or sink';
COMMENT ON COLUMN weir.tasks.subtask IS 'which of its kind, from 0';
COMMENT ON COLUMN weir.tasks.pid IS 'process of the server';
COMMENT ON COLUMN weir.tasks.attempt IS 'as in weir.jobs';
COMMENT ON COLUMN weir.tasks.records_in IS 'in this attempt';
COMMENT ON COLUMN weir.tasks.records_out IS 'in this attempt';
COMMENT ON COLUMN weir.tasks.rate_in IS 'records a second, over the last second';
COMMENT ON COLUMN weir.tasks.rate_out IS 'records a second, over the last second';
COMMENT ON COLUMN weir.tasks.bytes_in IS 'in this attempt; of a source, as in weir.sources';
COMMENT ON COLUMN weir.tasks.busy IS 'share of the last second: working';
COMMENT ON COLUMN weir.tasks.idle IS 'share of the last second: waiting for input';
COMMENT ON COLUMN weir.tasks.backpressured IS
    'share of the last second: waiting for room downstream';
COMMENT ON COLUMN weir.tasks.in_sink IS 'share of the last second: in the sink statement';
COMMENT ON COLUMN weir.tasks.state_bytes IS 'memory that the task''s keyed state takes';
COMMENT ON COLUMN weir.tasks.state_keys IS 'keys it holds something for';
COMMENT ON COLUMN weir.tasks.watermark IS 'event time up to here is complete: rows of a time before it are late';
COMMENT ON COLUMN weir.tasks.late_records IS 'rows that came too late, in this attempt';
COMMENT ON COLUMN weir.tasks.last_error IS 'of a sink whose peer is away: why its rows wait';

COMMENT ON COLUMN weir.sources.job IS 'name of the job';
COMMENT ON COLUMN weir.sources.stream IS 'schema-qualified name';
COMMENT ON COLUMN weir.sources.status IS 'connecting, connected or closed';
COMMENT ON COLUMN weir.sources.peer IS 'address and port';
COMMENT ON COLUMN weir.sources.connected_at IS 'the connection that is open';
COMMENT ON COLUMN weir.sources.last_record_at IS 'when the last record came';
COMMENT ON COLUMN weir.sources.records IS
    'of the stream read so far, by earlier attempts and starts too';
COMMENT ON COLUMN weir.sources.bytes IS
    'of the stream read so far, by earlier attempts and starts too';
COMMENT ON COLUMN weir.sources.journal_bytes IS 'that the journal takes';
COMMENT ON COLUMN weir.sources.retries IS 'reconnects in this attempt';
COMMENT ON COLUMN weir.sources.dead_letters IS 'kept when the attempt began, and written since';
COMMENT ON COLUMN weir.sources.last_error IS 'why the last connection was lost or refused';
COMMENT ON COLUMN weir.sources.partial_records IS 'that connections left behind in this attempt';
COMMENT ON COLUMN weir.sources.record_bytes IS 'received of the record that is not whole yet';
COMMENT ON COLUMN weir.sources.watermark IS 'rows of a time before this are late; of several scans of the stream the lowest';
COMMENT ON COLUMN weir.sources.is_idle IS 'nothing came for idle_timeout: other streams do not wait for its watermark';

COMMENT ON COLUMN weir.dead_letters.job IS 'name of the job';
COMMENT ON COLUMN weir.dead_letters.stream IS 'schema-qualified name';
COMMENT ON COLUMN weir.dead_letters.line_number IS 'of the record in the stream, from 1';
COMMENT ON COLUMN weir.dead_letters.line IS 'the record; bytes that are no characters are escaped';
COMMENT ON COLUMN weir.dead_letters.raw IS 'its bytes, without the delimiter';
COMMENT ON COLUMN weir.dead_letters.error IS
    'message, detail and the column; for who is not the job''s owner the class of sqlstate';
COMMENT ON COLUMN weir.dead_letters.sqlstate IS 'of the error';
COMMENT ON COLUMN weir.dead_letters.checkpoint_id IS 'whose epoch holds the letter';
COMMENT ON COLUMN weir.dead_letters.at IS 'when it was put aside';
