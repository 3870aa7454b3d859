-- Windows of a key: GROUP BY key, weir.count_window(size).
CREATE FUNCTION weir.count_window(size bigint, slide bigint DEFAULT NULL, ttl weir.ttl DEFAULT NULL)
RETURNS bigint
    AS 'MODULE_PATHNAME', 'weir_count_window' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION weir.count_window(bigint, bigint, weir.ttl) IS
    'in GROUP BY of a job: windows of so many records of a key';

-- A running aggregate with a time to live: GROUP BY key, weir.running(ttl); to a table a constant.
CREATE FUNCTION weir.running(ttl weir.ttl DEFAULT NULL)
RETURNS boolean
    AS 'MODULE_PATHNAME', 'weir_running' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION weir.running(weir.ttl) IS
    'in GROUP BY: a running aggregate forgets a key after this time without a record; true';
