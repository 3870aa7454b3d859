-- What every measured job shares: the stream, the averaging function, the sinks.
SET client_min_messages = warning;
CREATE EXTENSION weir;
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint)
    SERVER sensors OPTIONS (delimiter ' ');
CREATE TYPE running_sum AS (n bigint, total bigint);
CREATE FUNCTION count_window_average(r readings)
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
SELECT weir.create_value_state('count_window_average(readings)', 'sum', 'running_sum',
    default_value => '(0,0)') \g /dev/null
CREATE TABLE averages (f0 bigint, average bigint);
CREATE FOREIGN TABLE nowhere (f0 bigint, average bigint) SERVER weir_blackhole;
