-- Views: each row limited to what the reader may see.

-- mine: the reader is the owner or a member, and sees everything; other rows
-- are for members of pg_read_all_stats, without queries and error texts.
CREATE VIEW weir_internal.visible_job WITH (security_barrier) AS
SELECT j.id, j.name, pg_catalog.pg_has_role(j.owner, 'USAGE') AS mine
FROM weir_internal.job j
WHERE pg_catalog.pg_has_role(j.owner, 'USAGE')
   OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');

CREATE VIEW weir.jobs WITH (security_barrier) AS
SELECT j.name,
       CASE WHEN weir_internal.is_copied(r) THEN 'stopped'
            ELSE coalesce(w.status, r.status, 'created') END AS status,
       j.parallelism,
       coalesce(r.attempt, 0) AS attempt,
       coalesce(r.restarts, 0) AS restarts,
       c.checkpoint AS last_checkpoint,
       c.at AS last_checkpoint_at,
       CASE WHEN weir_internal.is_copied(r) THEN 'it ran before this database was copied or upgraded'
            WHEN w.reason IS NOT NULL THEN w.reason
            WHEN v.mine OR r.status NOT IN ('restarting', 'failed')
            THEN r.status_reason END AS status_reason,
       pg_catalog.pg_get_userbyid(j.owner) AS owner,
       j.max_parallelism,
       j.created_at,
       r.started_at,
       j.settings,
       CASE WHEN v.mine THEN r.last_error END AS last_error,
       CASE WHEN v.mine THEN j.query END AS query,
       j.emit
FROM weir_internal.job j
JOIN weir_internal.visible_job v ON v.id = j.id
LEFT JOIN weir_internal.run r ON r.job = j.id
LEFT JOIN LATERAL weir_internal.whereabouts(r.job, r.status) w
    ON r.status IN ('starting', 'running', 'restarting', 'stopping')
LEFT JOIN LATERAL (
    -- completed, and all its output visible
    SELECT d.checkpoint, coalesce(k.visible_at, d.completed_at) AS at
    FROM weir_internal.completed d
    LEFT JOIN weir_internal.checkpoint k ON k.job = d.job AND k.id = d.checkpoint
    WHERE d.job = j.id AND (k.id IS NULL OR k.status = 'completed')
    ORDER BY d.checkpoint DESC
    LIMIT 1
) c ON true;
COMMENT ON VIEW weir.jobs IS 'jobs and what has become of them';

CREATE VIEW weir.checkpoints WITH (security_barrier) AS
SELECT v.name AS job,
       k.id AS checkpoint_id,
       k.kind,
       k.status,
       k.triggered_at,
       greatest(coalesce(k.visible_at, k.ended_at) - k.triggered_at,
                CASE WHEN k.ended_at IS NOT NULL THEN interval '0' END) AS duration,
       k.state_bytes,
       k.written_bytes,
       k.dirty_keys,
       CASE WHEN v.mine THEN k.failure END AS failure,
       k.savepoint,
       k.tasks,
       k.acknowledged,
       k.ended_at,
       k.visible_at
FROM weir_internal.checkpoint k
JOIN weir_internal.visible_job v ON v.id = k.job;
COMMENT ON VIEW weir.checkpoints IS 'history of checkpoints; completed once all their output is visible';

CREATE VIEW weir.checkpoint_tasks WITH (security_barrier) AS
SELECT v.name AS job,
       t.checkpoint AS checkpoint_id,
       t.name AS task,
       t.start_delay,
       t.alignment,
       t.sync,
       t.write,
       t.bytes
FROM weir_internal.checkpoint_task t
JOIN weir_internal.visible_job v ON v.id = t.job;
COMMENT ON VIEW weir.checkpoint_tasks IS 'what each task did for a checkpoint';

CREATE FUNCTION weir_internal.task_stats(OUT job bigint, OUT task text, OUT kind text,
    OUT subtask int, OUT pid int, OUT attempt bigint, OUT records_in bigint,
    OUT records_out bigint, OUT rate_in float8, OUT rate_out float8, OUT bytes_in bigint,
    OUT busy float8, OUT idle float8, OUT backpressured float8, OUT in_sink float8,
    OUT state_bytes bigint, OUT state_keys bigint, OUT watermark timestamptz,
    OUT late_records bigint, OUT last_error text)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_tasks';

CREATE VIEW weir.tasks WITH (security_barrier) AS
SELECT v.name AS job,
       t.task,
       t.kind,
       t.subtask,
       t.pid,
       t.attempt,
       t.records_in,
       t.records_out,
       t.rate_in,
       t.rate_out,
       t.bytes_in,
       t.busy,
       t.idle,
       t.backpressured,
       t.in_sink,
       t.state_bytes,
       t.state_keys,
       t.watermark,
       t.late_records,
       t.last_error
FROM weir_internal.task_stats() t
JOIN weir_internal.visible_job v ON v.id = t.job;
COMMENT ON VIEW weir.tasks IS 'processes of the running jobs, and what they do';

CREATE FUNCTION weir_internal.stream_sources(OUT job bigint, OUT stream text, OUT status text,
    OUT peer text, OUT connected_at timestamptz, OUT last_record_at timestamptz,
    OUT records bigint, OUT bytes bigint, OUT journal_bytes bigint, OUT retries bigint,
    OUT dead_letters bigint, OUT last_error text, OUT partial_records bigint,
    OUT record_bytes bigint, OUT watermark timestamptz, OUT is_idle boolean)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_sources';

CREATE VIEW weir.sources WITH (security_barrier) AS
SELECT v.name AS job,
       s.stream,
       s.status,
       s.peer,
       s.connected_at,
       s.last_record_at,
       s.records,
       s.bytes,
       s.journal_bytes,
       s.retries,
       s.dead_letters,
       CASE WHEN v.mine THEN s.last_error END AS last_error,
       s.partial_records,
       s.record_bytes,
       s.watermark,
       s.is_idle
FROM weir_internal.stream_sources() s
JOIN weir_internal.visible_job v ON v.id = s.job;
COMMENT ON VIEW weir.sources IS 'streams of the running jobs';

GRANT SELECT ON weir.jobs, weir.checkpoints, weir.checkpoint_tasks, weir.tasks, weir.sources
TO PUBLIC;
