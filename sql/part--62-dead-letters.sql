-- Records that could not be processed, of streams with on_error 'dead_letter'.
-- Written by a sink task in its epoch; gone when their owner deletes them.
CREATE TABLE weir_internal.dead_letter (
    job             bigint NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    attempt         bigint NOT NULL,
    task            int NOT NULL,
    relid           oid NOT NULL,       -- the stream
    stream          text NOT NULL,      -- its name then
    line_number     bigint NOT NULL,
    line            text,               -- what is no character escaped
    raw             bytea,
    error           text NOT NULL,
    sqlstate        text NOT NULL,
    checkpoint      bigint,             -- whose epoch holds it
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    arrived         timestamptz NOT NULL,   -- the record
    whole           boolean NOT NULL,   -- raw is a record as it was framed
    PRIMARY KEY (job, id)
);
CREATE INDEX dead_letter_arrived ON weir_internal.dead_letter (job, relid, arrived);

-- Records that go into their job again: taken from the dead letters, deleted by
-- the decision about the checkpoint that covers them.
CREATE TABLE weir_internal.retry (
    job             bigint NOT NULL,
    relid           oid NOT NULL,       -- the stream
    id              bigint GENERATED ALWAYS AS IDENTITY,
    line_number     bigint NOT NULL,
    raw             bytea NOT NULL,
    arrived         timestamptz NOT NULL,   -- again
    PRIMARY KEY (job, relid, id)
);

-- Who may read a letter through the view need not be who may delete it.
CREATE FUNCTION weir_internal.guard_dead_letter() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'weir_guard_dead_letter';
REVOKE ALL ON FUNCTION weir_internal.guard_dead_letter() FROM PUBLIC;   -- it reads this table's rows only
CREATE TRIGGER guard BEFORE DELETE ON weir_internal.dead_letter
    FOR EACH ROW EXECUTE FUNCTION weir_internal.guard_dead_letter();

-- What may be told of an error to those who may not read its text: the class of
-- its SQLSTATE, in the standard's words.
CREATE FUNCTION weir_internal.sqlstate_class(sqlstate text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE pg_catalog.left(sqlstate, 2)
           WHEN '21' THEN 'cardinality violation'
           WHEN '22' THEN 'data exception'
           WHEN '23' THEN 'integrity constraint violation'
           WHEN '25' THEN 'invalid transaction state'
           WHEN '42' THEN 'syntax error or access rule violation'
           WHEN '44' THEN 'WITH CHECK OPTION violation'
           WHEN '54' THEN 'program limit exceeded'
           WHEN 'P0' THEN 'error raised by a function'
           ELSE 'error' END;

-- Who may read the stream may read its records; what the job's query, functions
-- and constraints said to them is its owner's, and may hold what only the owner
-- may read.  A letter whose stream was dropped is the owner's alone.
CREATE VIEW weir.dead_letters WITH (security_barrier) AS
SELECT (SELECT j.name FROM weir_internal.job j WHERE j.id = d.job) AS job,
       d.stream,
       d.line_number,
       d.line,
       d.raw,
       CASE WHEN (SELECT pg_catalog.pg_has_role(j.owner, 'USAGE')
                  FROM weir_internal.job j WHERE j.id = d.job)
            THEN d.error ELSE weir_internal.sqlstate_class(d.sqlstate) END AS error,
       d.sqlstate,
       d.checkpoint AS checkpoint_id,
       d.at
FROM weir_internal.dead_letter d
WHERE coalesce(pg_catalog.has_table_privilege(d.relid, 'SELECT'),
               (SELECT pg_catalog.pg_has_role(j.owner, 'USAGE')
                FROM weir_internal.job j WHERE j.id = d.job));
COMMENT ON VIEW weir.dead_letters IS 'records that could not be processed; the job''s owner may delete them';
GRANT SELECT, DELETE ON weir.dead_letters TO PUBLIC;

CREATE FUNCTION weir.retry_dead_letters(job text, "where" text DEFAULT NULL)
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_retry_dead_letters';
COMMENT ON FUNCTION weir.retry_dead_letters(text, text)
IS 'feed dead letters into their job again, all or those for which a condition holds; returns how many';
