-- The average delay of every 2 departures of an aircraft, as they come in.
\set ON_ERROR_STOP on
CREATE EXTENSION weir;

-- A stream is a foreign table; its server is the endpoint.  This peer goes on
-- where it was when a connection breaks, in the middle of a record too.
CREATE SERVER airports FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port :'port', partial 'join');
CREATE FOREIGN TABLE departures (
    scheduled   timestamp,
    tail        text,
    carrier     text,
    origin      text,
    destination text,
    delay       bigint,
    miles       bigint
) SERVER airports OPTIONS (format 'csv');

-- A keyed operator is a function with declared state.
CREATE TYPE running_sum AS (n bigint, total bigint);
CREATE FUNCTION count_window_average(r departures)
RETURNS TABLE (tail text, average bigint) LANGUAGE plpgsql AS $$
DECLARE
    sum running_sum := weir.state_value('sum', NULL::running_sum);
BEGIN
    sum.n := sum.n + 1;
    sum.total := sum.total + r.delay;
    PERFORM weir.state_update('sum', sum);
    IF sum.n >= 2 THEN
        RETURN QUERY SELECT r.tail, sum.total / sum.n;
        PERFORM weir.state_clear('sum');
    END IF;
END $$;
SELECT weir.create_value_state('count_window_average(departures)', 'sum', 'running_sum',
    default_value => '(0,0)');

-- The job.
CREATE TABLE averages (tail text, average bigint);
SELECT weir.create_job('flights', $$
    INSERT INTO averages
    SELECT a.* FROM departures r
    JOIN LATERAL count_window_average(r) a ON weir.key_by(r.tail)
$$, parallelism => 2);

SELECT weir.enable_checkpointing('flights', every => '1 s', mode => 'exactly_once');
SELECT weir.start_job('flights');
