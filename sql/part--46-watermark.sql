-- Times of a job: what makes a watermark, and when a record came.
CREATE FUNCTION weir.watermark(expression timestamptz, bound interval) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'weir_watermark' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION weir.watermark(timestamptz, interval) IS
    'the time; where a job reads a stream its watermark is the highest such time less the bound';
CREATE FUNCTION weir.watermark(expression timestamp, bound interval) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'weir_watermark' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION weir.watermark(timestamp, interval) IS
    'the time; where a job reads a stream its watermark is the highest such time less the bound';
CREATE FUNCTION weir.arrival() RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'weir_arrival' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION weir.arrival() IS
    'in a job when the record came; elsewhere the time of the statement';
CREATE FUNCTION weir_internal.arrival(ordinal tid) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'weir_arrival_of' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
