-- Jobs as others see them: a page, metrics.  They hold what the caller may see in the views.

CREATE FUNCTION weir_internal.stages(OUT job bigint, OUT stage int, OUT kind text,
    OUT steps text[], OUT parallelism int, OUT first_subtask int, OUT inputs int[])
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_stages';

CREATE VIEW weir.stages WITH (security_barrier) AS
SELECT v.name AS job,
       s.stage,
       s.kind,
       s.parallelism,
       s.steps,
       s.inputs,
       s.first_subtask
FROM weir_internal.stages() s
JOIN weir_internal.visible_job v ON v.id = s.job;
COMMENT ON VIEW weir.stages IS 'dataflow of the running jobs: what tasks do together, and which stages they read';
COMMENT ON COLUMN weir.stages.job IS 'name of the job';
COMMENT ON COLUMN weir.stages.stage IS 'from 0, sources first';
COMMENT ON COLUMN weir.stages.kind IS 'of its tasks in weir.tasks';
COMMENT ON COLUMN weir.stages.parallelism IS 'number of its tasks';
COMMENT ON COLUMN weir.stages.steps IS 'what its tasks do with each record, one after the other';
COMMENT ON COLUMN weir.stages.inputs IS 'stages that it reads';
COMMENT ON COLUMN weir.stages.first_subtask IS 'its tasks in weir.tasks are those of its kind with subtask from this on';
GRANT SELECT ON weir.stages TO PUBLIC;

CREATE FUNCTION weir_internal.measures(OUT job bigint, OUT metric text, OUT unit text,
    OUT count bigint, OUT min float8, OUT median float8, OUT p99 float8, OUT max float8)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_measures';

CREATE VIEW weir.measures WITH (security_barrier) AS
SELECT v.name AS job,
       m.metric,
       m.unit,
       m.count,
       m.min,
       m.median,
       m.p99,
       m.max
FROM weir_internal.measures() m
JOIN weir_internal.visible_job v ON v.id = m.job;
COMMENT ON VIEW weir.measures IS 'what the running jobs have measured: latency, restores, checkpoints';
COMMENT ON COLUMN weir.measures.job IS 'name of the job';
COMMENT ON COLUMN weir.measures.metric IS 'what was measured';
COMMENT ON COLUMN weir.measures.unit IS 'seconds; null: it was only counted';
COMMENT ON COLUMN weir.measures.count IS 'how many';
COMMENT ON COLUMN weir.measures.min IS 'the least';
COMMENT ON COLUMN weir.measures.median IS 'half of them were no greater';
COMMENT ON COLUMN weir.measures.p99 IS '99 % of them were no greater';
COMMENT ON COLUMN weir.measures.max IS 'the greatest';
GRANT SELECT ON weir.measures TO PUBLIC;

CREATE FUNCTION weir.job_stats(job text, OUT metric text, OUT unit text, OUT count bigint,
    OUT min float8, OUT median float8, OUT p99 float8, OUT max float8)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'weir_job_stats';
COMMENT ON FUNCTION weir.job_stats(text)
IS 'durations and sizes of a job''s checkpoints, restore times, latency of records';

CREATE FUNCTION weir.openmetrics(strict boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_openmetrics';
COMMENT ON FUNCTION weir.openmetrics(boolean)
IS 'metrics of all jobs in Prometheus''s text format, or strictly OpenMetrics';

CREATE FUNCTION weir.report(job text DEFAULT NULL)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_report';
COMMENT ON FUNCTION weir.report(text)
IS 'a page in HTML on all jobs, or on one: dataflow, tasks, sources, checkpoints';
