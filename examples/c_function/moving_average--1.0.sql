-- A record: what a sensor measured, in which unit.
CREATE TYPE reading AS (sensor text, unit text, value float8);

-- What is known of the sensor by then.
CREATE TYPE average AS (sensor text, readings bigint, average float8, units bigint);

CREATE FUNCTION moving_average(reading) RETURNS average
    AS 'MODULE_PATHNAME' LANGUAGE C;

-- Its state, of each sensor: how many readings there were, the last three, and
-- how many there were in each unit.
SELECT weir.create_value_state('moving_average.moving_average(moving_average.reading)', 'readings', 'bigint', '0');
SELECT weir.create_list_state('moving_average.moving_average(moving_average.reading)', 'last', 'float8', '1 h');
SELECT weir.create_map_state('moving_average.moving_average(moving_average.reading)', 'units', 'text', 'bigint');

-- Since when a sensor has been silent; the records themselves give NULL.
CREATE FUNCTION sign_of_life(sensor text, at timestamptz) RETURNS timestamptz
    AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION silence(sensor text, moment timestamptz) RETURNS timestamptz
    AS 'MODULE_PATHNAME' LANGUAGE C;
SELECT weir.create_timer('moving_average.sign_of_life(text, timestamptz)', 'silence', 'moving_average.silence(text, timestamptz)');
