-- What every measured job shares: the stream, the keyed functions, the sinks.
-- Variables: library (of average.c), example (of examples/c_function).
SET client_min_messages = warning;
CREATE EXTENSION weir;
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint)
    SERVER sensors OPTIONS (delimiter ' ');
CREATE SERVER more_sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE more_readings (f0 bigint, f1 bigint)
    SERVER more_sensors OPTIONS (delimiter ' ');
CREATE FOREIGN TABLE forgiving_readings (f0 bigint, f1 bigint)
    SERVER sensors OPTIONS (delimiter ' ', on_error 'dead_letter');

-- The average of every two values of a key, in PL/pgSQL and in C.
CREATE TYPE running_sum AS (n bigint, total bigint);
CREATE FUNCTION plpgsql_average(r readings)
RETURNS TABLE (f0 bigint, average bigint) LANGUAGE plpgsql AS $$
DECLARE
    sum running_sum := weir.state_value('sum', NULL::running_sum);
BEGIN
    sum.n := sum.n + 1;
    sum.total := sum.total + r.f1;
    PERFORM weir.state_update('sum', sum);
    IF sum.n >= 2 THEN
        RETURN QUERY SELECT r.f0, sum.total / sum.n;
        PERFORM weir.state_clear('sum');
    END IF;
END $$;
CREATE FUNCTION c_average(f0 bigint, f1 bigint)
RETURNS TABLE (key bigint, average bigint) LANGUAGE c AS :'library', 'c_average';
SELECT weir.create_value_state('plpgsql_average(readings)', 'sum', 'running_sum',
    default_value => '(0,0)', ttl => '10 s') \g /dev/null
SELECT weir.create_value_state('c_average(bigint, bigint)', 'sum', 'running_sum',
    default_value => '(0,0)', ttl => '10 s') \g /dev/null

CREATE TABLE averages (f0 bigint, average bigint);
CREATE TABLE totals (f0 bigint PRIMARY KEY, n bigint, total numeric);
CREATE FOREIGN TABLE nowhere (f0 bigint, average bigint) SERVER weir_blackhole;
CREATE FOREIGN TABLE example_nowhere (sensor text, readings bigint, average float8, units bigint)
    SERVER weir_blackhole;

-- When each row of averages became visible, against the time in it: in tenths of
-- milliseconds, asked every millisecond.  The first rows, while a job starts, do not count.
CREATE UNLOGGED TABLE seen (latency bigint, rows bigint);
CREATE PROCEDURE watch_averages(warm bigint, most bigint) LANGUAGE plpgsql AS $$
DECLARE
    until timestamptz := clock_timestamp() + interval '3 min';
    at timestamptz;
    behind tid := '(0,0)';
    reached tid;
    watched bigint := 0;
    more bigint;
BEGIN
    WHILE watched < most AND clock_timestamp() < until LOOP
        at := clock_timestamp();
        WITH fresh AS MATERIALIZED (SELECT ctid AS place, average FROM averages WHERE ctid > behind),
            kept AS (INSERT INTO seen
                SELECT (extract(epoch FROM at) * 1e6 - average)::bigint / 100, count(*)
                FROM fresh WHERE watched >= warm GROUP BY 1)
        SELECT max(place), count(*) INTO reached, more FROM fresh;
        behind := coalesce(reached, behind);
        watched := watched + more;
        COMMIT;
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;

-- The latency that a share of the rows does not exceed, in ms.
CREATE FUNCTION seen_within(share numeric) RETURNS numeric LANGUAGE sql AS $$
    SELECT round(latency / 10.0, 1)
    FROM (SELECT latency, sum(rows) OVER (ORDER BY latency) AS upto, sum(rows) OVER () AS all FROM seen) s
    WHERE upto >= share * s.all ORDER BY latency LIMIT 1 $$;

-- The peer writes by JDBC.
CREATE ROLE peer LOGIN;
GRANT SELECT, INSERT ON averages TO peer;
