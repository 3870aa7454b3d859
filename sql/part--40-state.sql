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

CREATE FUNCTION weir.create_list_state(
    function text,
    name text,
    type text,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_list_state' LANGUAGE C;

CREATE FUNCTION weir.create_map_state(
    function text,
    name text,
    key_type text,
    value_type text,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_map_state' LANGUAGE C;

CREATE FUNCTION weir.create_reducing_state(
    function text,
    name text,
    type text,
    reduce text,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_reducing_state' LANGUAGE C;

-- type: only where the aggregate's signature leaves it open
CREATE FUNCTION weir.create_aggregating_state(
    function text,
    name text,
    type text DEFAULT NULL,
    aggregate text DEFAULT NULL,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_aggregating_state' LANGUAGE C;

CREATE FUNCTION weir.alter_state(
    function text,
    name text,
    ttl weir.ttl DEFAULT NULL,
    default_value text DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_alter_state' LANGUAGE C;

CREATE FUNCTION weir.drop_state(function text, name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_drop_state' LANGUAGE C;

COMMENT ON FUNCTION weir.create_value_state(text, text, text, text, weir.ttl) IS
    'declare a value a key for a keyed function';
COMMENT ON FUNCTION weir.create_list_state(text, text, text, weir.ttl) IS
    'declare a list of values a key for a keyed function';
COMMENT ON FUNCTION weir.create_map_state(text, text, text, text, weir.ttl) IS
    'declare a map a key for a keyed function';
COMMENT ON FUNCTION weir.create_reducing_state(text, text, text, text, weir.ttl) IS
    'declare a value a key, to which values are added by a function, for a keyed function';
COMMENT ON FUNCTION weir.create_aggregating_state(text, text, text, text, weir.ttl) IS
    'declare the result of an aggregate a key for a keyed function';
COMMENT ON FUNCTION weir.alter_state(text, text, weir.ttl, text) IS
    'change the time to live or the default value of a state';
COMMENT ON FUNCTION weir.drop_state(text, text) IS
    'drop the declaration of a state of any kind';

-- Accessors, for the keyed function of a running job: state of the current key.
CREATE FUNCTION weir.state_value(name text, type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_state_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.state_update(name text, value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_state_update' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.state_clear(name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_state_clear' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.list_get(name text, type anyelement) RETURNS anyarray
    AS 'MODULE_PATHNAME', 'weir_list_get_array' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.list_elements(name text, type anyelement) RETURNS SETOF anyelement
    AS 'MODULE_PATHNAME', 'weir_list_elements' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.list_add(name text, element "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_list_add_element' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.list_update(name text, elements "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_list_update_array' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_get(name text, key "any", type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_map_get_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_put(name text, key "any", value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_map_put_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_remove(name text, key "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_map_remove_key' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_contains(name text, key "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'weir_map_contains_key' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_entries(name text, key_type anyelement, value_type anycompatible)
RETURNS TABLE (key anyelement, value anycompatible)
    AS 'MODULE_PATHNAME', 'weir_map_all_entries' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.reducing_add(name text, value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_reducing_add_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.reducing_get(name text, type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_reducing_get_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.aggregating_add(name text, value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_aggregating_add_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.aggregating_get(name text, type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_aggregating_get_result' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION weir.state_value(text, anyelement) IS
    'the current key''s value of a state, else its default; the second argument gives the type';
COMMENT ON FUNCTION weir.state_update(text, "any") IS 'set the current key''s value of a state';
COMMENT ON FUNCTION weir.state_clear(text) IS 'remove the current key''s state, of any kind';
COMMENT ON FUNCTION weir.list_get(text, anyelement) IS
    'the current key''s list as an array; the second argument gives the elements'' type';
COMMENT ON FUNCTION weir.list_elements(text, anyelement) IS 'the current key''s list as rows';
COMMENT ON FUNCTION weir.list_add(text, "any") IS 'append to the current key''s list';
COMMENT ON FUNCTION weir.list_update(text, "any") IS 'replace the current key''s list by an array';
COMMENT ON FUNCTION weir.map_get(text, "any", anyelement) IS
    'a value of the current key''s map; the third argument gives its type';
COMMENT ON FUNCTION weir.map_put(text, "any", "any") IS 'set a value of the current key''s map';
COMMENT ON FUNCTION weir.map_remove(text, "any") IS 'remove a value of the current key''s map';
COMMENT ON FUNCTION weir.map_contains(text, "any") IS
    'has the current key''s map a value for a key?';
COMMENT ON FUNCTION weir.map_entries(text, anyelement, anycompatible) IS
    'the current key''s map as rows; the arguments give the types of keys and values';
COMMENT ON FUNCTION weir.reducing_add(text, "any") IS
    'combine a value with the current key''s value';
COMMENT ON FUNCTION weir.reducing_get(text, anyelement) IS 'the current key''s reduced value';
COMMENT ON FUNCTION weir.aggregating_add(text, "any") IS
    'add a value to the current key''s aggregate';
COMMENT ON FUNCTION weir.aggregating_get(text, anyelement) IS
    'the result of the current key''s aggregate; the second argument gives its type';
