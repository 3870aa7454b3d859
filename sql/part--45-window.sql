-- Windows of a key: GROUP BY key, weir.count_window(size).
CREATE FUNCTION weir.count_window(size bigint, slide bigint DEFAULT NULL, ttl weir.ttl DEFAULT NULL)
RETURNS bigint
    AS 'MODULE_PATHNAME', 'weir_count_window' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION weir.count_window(bigint, bigint, weir.ttl) IS
    'in GROUP BY of a job: windows of so many records of a key';
