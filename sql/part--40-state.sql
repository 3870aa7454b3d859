-- Keyed state: its time to live, its declaration, its accessors.

-- A time to live: '10 s', or with weir.state_ttl(), or in text
-- '10 s,on_read_and_write,return_expired_if_not_cleaned_up'.
CREATE TYPE weir.ttl;

CREATE FUNCTION weir.ttl_in(cstring) RETURNS weir.ttl
    AS 'MODULE_PATHNAME', 'weir_ttl_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION weir.ttl_out(weir.ttl) RETURNS cstring
    AS 'MODULE_PATHNAME', 'weir_ttl_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE TYPE weir.ttl (
    INPUT = weir.ttl_in,
    OUTPUT = weir.ttl_out,
    INTERNALLENGTH = 24,
    ALIGNMENT = double
);

CREATE FUNCTION weir.ttl(ttl interval) RETURNS weir.ttl
    AS 'MODULE_PATHNAME', 'weir_ttl' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE CAST (interval AS weir.ttl) WITH FUNCTION weir.ttl(interval) AS IMPLICIT;

CREATE FUNCTION weir.state_ttl(
    ttl interval,
    update_type text DEFAULT 'on_create_and_write',
    visibility text DEFAULT 'never_return_expired')
RETURNS weir.ttl
    AS 'MODULE_PATHNAME', 'weir_state_ttl' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON TYPE weir.ttl IS 'time to live of keyed state';
COMMENT ON FUNCTION weir.state_ttl(interval, text, text) IS
    'a time to live, with when it is renewed and whether an expired value may be read';

-- Declarations.
CREATE FUNCTION weir.create_value_state(
    function text,
    name text,
    type text,
    default_value text DEFAULT NULL,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_value_state' LANGUAGE C;

CREATE FUNCTION weir.drop_state(function text, name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_drop_state' LANGUAGE C;

COMMENT ON FUNCTION weir.create_value_state(text, text, text, text, weir.ttl) IS
    'declare a value a key for a keyed function';
COMMENT ON FUNCTION weir.drop_state(text, text) IS
    'drop the declaration of a state of any kind';

-- Accessors, for the keyed function of a running job: state of the current key.
CREATE FUNCTION weir.state_value(name text, type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_state_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.state_update(name text, value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_state_update' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.state_clear(name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_state_clear' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION weir.state_value(text, anyelement) IS
    'the current key''s value of a state, else its default; the second argument gives the type';
COMMENT ON FUNCTION weir.state_update(text, "any") IS 'set the current key''s value of a state';
COMMENT ON FUNCTION weir.state_clear(text) IS 'remove the current key''s state';
