-- Timers of keyed functions.
CREATE FUNCTION weir.create_timer(
    function text,
    name text,
    handler text,
    clock text DEFAULT 'event')
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_timer' LANGUAGE C;

CREATE FUNCTION weir.drop_timer(function text, name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_drop_timer' LANGUAGE C;

COMMENT ON FUNCTION weir.create_timer(text, text, text, text) IS
    'declare a timer for a keyed function: at moments that the function sets its handler is called with the key and the moment';
COMMENT ON FUNCTION weir.drop_timer(text, text) IS
    'drop the declaration of a timer';

-- For the keyed function of a running job and its handlers: timers of the current key.
CREATE FUNCTION weir.timer_set(name text, at timestamptz) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_timer_set' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.timer_clear(name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_timer_clear' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.timer_clear(name text, at timestamptz) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_timer_clear' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION weir.timer_set(text, timestamptz) IS
    'in a keyed function: its timer''s handler is called for the current key at this moment, once however often that is set';
COMMENT ON FUNCTION weir.timer_clear(text) IS
    'in a keyed function: the timer is not set for the current key any more, whatever the moment';
COMMENT ON FUNCTION weir.timer_clear(text, timestamptz) IS
    'in a keyed function: the timer is not set for the current key and this moment any more';

CREATE VIEW weir.timers WITH (security_barrier) AS
SELECT s.function,
       s.name,
       s.calls AS handler,
       CASE s.kind WHEN 'event timer' THEN 'event' ELSE 'arrival' END AS clock,
       pg_catalog.pg_get_userbyid(s.owner) AS owner
FROM weir_internal.state s
WHERE s.kind IN ('event timer', 'arrival timer')
  AND (pg_catalog.pg_has_role(s.owner::oid, 'USAGE')
       OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'));
COMMENT ON VIEW weir.timers IS 'timers that keyed functions have declared';
COMMENT ON COLUMN weir.timers.function IS 'the keyed function';
COMMENT ON COLUMN weir.timers.name IS 'by which the function sets it';
COMMENT ON COLUMN weir.timers.handler IS 'what is called at the moments that were set';
COMMENT ON COLUMN weir.timers.clock IS 'event: the time that records bear; arrival: that of their arrival';
COMMENT ON COLUMN weir.timers.owner IS 'who may drop it';
GRANT SELECT ON weir.timers TO PUBLIC;
