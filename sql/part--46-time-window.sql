-- Windows of event time: FROM stream, LATERAL weir.tumble(ts, size) w GROUP BY key, w.
CREATE FUNCTION weir.tumble(ts timestamptz, size interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS tstzrange
    AS 'MODULE_PATHNAME', 'weir_tumble' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION weir.tumble(ts timestamp, size interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS tsrange
    AS 'MODULE_PATHNAME', 'weir_tumble' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION weir.hop(ts timestamptz, size interval, slide interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS SETOF tstzrange
    AS 'MODULE_PATHNAME', 'weir_hop' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
CREATE FUNCTION weir.hop(ts timestamp, size interval, slide interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS SETOF tsrange
    AS 'MODULE_PATHNAME', 'weir_hop' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
CREATE FUNCTION weir.cumulate(ts timestamptz, step interval, size interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS SETOF tstzrange
    AS 'MODULE_PATHNAME', 'weir_cumulate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
CREATE FUNCTION weir.cumulate(ts timestamp, step interval, size interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS SETOF tsrange
    AS 'MODULE_PATHNAME', 'weir_cumulate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
CREATE FUNCTION weir.session(ts timestamptz, gap interval, lateness interval DEFAULT '0')
RETURNS tstzrange
    AS 'MODULE_PATHNAME', 'weir_session_window' LANGUAGE C VOLATILE;
CREATE FUNCTION weir.session(ts timestamp, gap interval, lateness interval DEFAULT '0')
RETURNS tsrange
    AS 'MODULE_PATHNAME', 'weir_session_window' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION weir.tumble(timestamptz, interval, interval, interval) IS
    'the window of this size that a time lies in';
COMMENT ON FUNCTION weir.tumble(timestamp, interval, interval, interval) IS
    'the window of this size that a time lies in';
COMMENT ON FUNCTION weir.hop(timestamptz, interval, interval, interval, interval) IS
    'the windows of this size, one begins every slide, that a time lies in';
COMMENT ON FUNCTION weir.hop(timestamp, interval, interval, interval, interval) IS
    'the windows of this size, one begins every slide, that a time lies in';
COMMENT ON FUNCTION weir.cumulate(timestamptz, interval, interval, interval, interval) IS
    'the windows that begin every size and grow by step, that a time lies in';
COMMENT ON FUNCTION weir.cumulate(timestamp, interval, interval, interval, interval) IS
    'the windows that begin every size and grow by step, that a time lies in';
COMMENT ON FUNCTION weir.session(timestamptz, interval, interval) IS
    'in GROUP BY of a job: a window of records that are less than gap apart';
COMMENT ON FUNCTION weir.session(timestamp, interval, interval) IS
    'in GROUP BY of a job: a window of records that are less than gap apart';
