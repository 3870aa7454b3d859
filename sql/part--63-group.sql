-- Servers that share the partitions of a topic: src/decide/ownership.h says what the
-- rows mean, and who may change them when.

-- The group that a job is of, and the name that its server has there.
CREATE TABLE weir_internal.group_job (
    job             bigint PRIMARY KEY,
    group_name      text NOT NULL,
    member          text NOT NULL
);

-- A partition that was this server's, or is about to be: its state has the key group of
-- the same number.
CREATE TABLE weir_internal.group_partition (
    job             bigint NOT NULL,
    partition       int NOT NULL,
    state           text NOT NULL DEFAULT 'none',   -- owned, given
    epoch           bigint NOT NULL DEFAULT 0,      -- as its owner
    given_to        text,               -- the member that has taken it
    taking          boolean NOT NULL DEFAULT false,
    taking_from     text,               -- taking: its owner before; null: nobody had it
    wal_timeline    bigint NOT NULL,    -- of this server, when it was certain of the row
    reading         boolean NOT NULL DEFAULT false, -- owned, and assigned here
    since           timestamptz NOT NULL DEFAULT clock_timestamp(), -- it is as it is
    waits_for       text,               -- assigned here, and not to be had yet
    -- given: what whoever took it begins with, kept until it comes back
    checkpoint      bigint,
    timeline        bigint,
    positions       jsonb,
    PRIMARY KEY (job, partition)
);

-- For the other servers of the group, which call them as members of the job's owner.
CREATE FUNCTION weir.group_offer(job text, "group" text, OUT member text, OUT partition int,
    OUT state text, OUT epoch bigint, OUT given_to text, OUT taking boolean, OUT taking_from text,
    OUT certain boolean)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'weir_group_offer';
COMMENT ON FUNCTION weir.group_offer(text, text)
IS 'for the other servers of a group: what this one knows of each partition; a row of its own says its name';

CREATE FUNCTION weir.group_take(job text, "group" text, partition int, member text,
    OUT epoch bigint, OUT nodes text, OUT positions jsonb)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'weir_group_take';
COMMENT ON FUNCTION weir.group_take(text, text, int, text)
IS 'for the other servers of a group: gives a partition to that member; no row if it is not this server''s to give';

CREATE FUNCTION weir.group_state(job text, "group" text, partition int, member text,
    OUT step int, OUT is_full boolean, OUT payload bytea)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'weir_group_state';
COMMENT ON FUNCTION weir.group_state(text, text, int, text)
IS 'for the other servers of a group: the state of a partition that was given to that member';

CREATE FUNCTION weir.group_clear(job text, "group" text, partition int)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'weir_group_clear';
COMMENT ON FUNCTION weir.group_clear(text, text, int)
IS 'for the other servers of a group: this one does not begin that partition, as another does';

CREATE VIEW weir."group" WITH (security_barrier) AS
SELECT v.name AS job,
       g.group_name AS "group",
       g.member,
       p.partition,
       CASE p.state WHEN 'owned' THEN g.member WHEN 'given' THEN p.given_to END AS owner,
       CASE p.state WHEN 'none' THEN NULL WHEN 'given' THEN p.epoch + 1 ELSE p.epoch END AS epoch,
       CASE WHEN p.waits_for IS NOT NULL THEN 'waiting'
            WHEN p.taking THEN 'taking'
            WHEN p.state = 'owned' AND NOT p.reading THEN 'released'
            ELSE p.state END AS state,
       p.since,
       CASE WHEN v.mine THEN p.waits_for END AS waits_for
FROM weir_internal.group_partition p
JOIN weir_internal.group_job g ON g.job = p.job
JOIN weir_internal.visible_job v ON v.id = p.job;
COMMENT ON VIEW weir."group" IS 'partitions that this server of a group has, had, or waits for';
COMMENT ON COLUMN weir."group".job IS 'whose stream they are of';
COMMENT ON COLUMN weir."group"."group" IS 'option group of the stream''s server';
COMMENT ON COLUMN weir."group".member IS 'the name of this server in it';
COMMENT ON COLUMN weir."group".partition IS 'of the topic';
COMMENT ON COLUMN weir."group".owner IS 'the member whose it is, as far as this server knows';
COMMENT ON COLUMN weir."group".epoch IS 'how many owners it has had, that one included';
COMMENT ON COLUMN weir."group".state IS
    'owned: read here; released: owned, until another takes it; given: another has it; taking, waiting: it is about to be owned';
COMMENT ON COLUMN weir."group".since IS 'when it came to be so';
COMMENT ON COLUMN weir."group".waits_for IS 'who has it, or may have it, and must be asked first';
GRANT SELECT ON weir."group" TO PUBLIC;
