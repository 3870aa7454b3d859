-- A chunk that was forged, with a checksum that matches, is an error or holds
-- other values: never a crash, and damage is called by its name.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
\set tries 4000

CREATE TABLE records (k int);
CREATE FUNCTION f(records) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE TYPE pair AS (n int, words text[]);
SELECT weir.create_value_state('f(records)', 'v', 'pair[]'),
    weir.create_list_state('f(records)', 'l', 'text', '100 s'),
    weir.create_map_state('f(records)', 'm', 'text', 'pair', '100 s'),
    weir.create_reducing_state('f(records)', 'r', 'text[]', 'array_cat(anycompatiblearray,anycompatiblearray)'),
    weir.create_aggregating_state('f(records)', 'a', aggregate => 'avg(numeric)'),
    weir.create_aggregating_state('f(records)', 'c', 'text', 'array_agg(anynonarray)') \g /dev/null

CREATE FUNCTION with_key(k text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT weir_internal.with_state('f(records)', k, 'epoch', statement)
$$;
CREATE FUNCTION read_all(k text) RETURNS text LANGUAGE sql AS $$
    SELECT with_key(k, $q$SELECT concat_ws('|', weir.state_value('v', NULL::pair[]), weir.list_get('l', NULL::text),
        (SELECT array_agg(m ORDER BY key) FROM weir.map_entries('m', NULL::text, NULL::pair) m),
        weir.reducing_get('r', NULL::text[]), weir.aggregating_get('a', NULL::numeric),
        weir.aggregating_get('c', NULL::text[]))$q$)
$$;
SELECT with_key('some key', $$SELECT
    weir.state_update('v', ARRAY[(1, ARRAY['a', NULL, 'bc'])::pair, (NULL, NULL)::pair]),
    weir.list_add('l', 'one'), weir.list_add('l', NULL), weir.list_add('l', 'two'),
    weir.map_put('m', 'x', (1, '{p,q}')::pair), weir.map_put('m', 'y', NULL),
    weir.reducing_add('r', '{a}'::text[]), weir.reducing_add('r', '{b,NULL}'::text[]),
    weir.aggregating_add('a', 1.5), weir.aggregating_add('a', 2.25),
    weir.aggregating_add('c', 'x'::text), weir.aggregating_add('c', NULL::text)$$) \g /dev/null
SELECT read_all('some key') AS before \gset
SELECT key_group, payload FROM weir_internal.snapshot_state('f(records)', true) \gset

-- CRC-32C, as the checksum of a chunk is
CREATE FUNCTION crc_step(crc bigint, n int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        crc := (crc >> 1) # (CASE WHEN crc & 1 = 1 THEN x'82f63b78'::bigint ELSE 0 END);
    END LOOP;
    RETURN crc;
END $$;
CREATE FUNCTION crc_table() RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(crc_step(i, 8) ORDER BY i) FROM generate_series(0, 255) i
$$;
-- bytes 4 to 7 are the checksum of all that follows, in the machine's byte order
CREATE FUNCTION sealed(chunk bytea, crcs bigint[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    crc bigint := x'ffffffff'::bigint;
BEGIN
    FOR i IN 8 .. length(chunk) - 1 LOOP
        crc := crcs[1 + ((crc # get_byte(chunk, i)) & 255)] # (crc >> 8);
    END LOOP;
    crc := crc # x'ffffffff'::bigint;
    FOR i IN 0 .. 3 LOOP
        chunk := set_byte(chunk, 4 + i, ((crc >> (8 * i)) & 255)::int);
    END LOOP;
    RETURN chunk;
END $$;

-- Loads a chunk into an empty store and reads all of it: what happens?
CREATE FUNCTION try(key_group int, chunk bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir_internal.forget_state('f(records)');
    PERFORM with_key('other key', 'SELECT');
    BEGIN
        PERFORM weir_internal.load_state('f(records)', key_group, true, chunk);
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE;
    END;
    BEGIN
        PERFORM read_all('some key');
    EXCEPTION WHEN OTHERS THEN
        RETURN 'read: ' || SQLSTATE;
    END;
    RETURN 'loaded';
END $$;

-- One to three bytes changed, or the end cut off and the length made to match.
CREATE FUNCTION forged(chunk bytea, crcs bigint[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    size int := length(chunk);
BEGIN
    IF random() < 0.1 THEN
        size := 29 + floor(random() * (size - 29))::int;
        chunk := substr(chunk, 1, size);
        FOR i IN 0 .. 3 LOOP
            chunk := set_byte(chunk, 8 + i, (size >> (8 * i)) & 255);
        END LOOP;
    END IF;
    FOR i IN 1 .. 1 + floor(random() * 3)::int LOOP
        chunk := set_byte(chunk, 28 + floor(random() * (size - 28))::int, floor(random() * 256)::int);
    END LOOP;
    RETURN sealed(chunk, crcs);
END $$;

SELECT plan(5);
SELECT is(sealed(:'payload', crc_table()), :'payload', 'the checksum is CRC-32C of what follows it');
SELECT is(try(:key_group, :'payload'), 'loaded', 'the chunk itself loads');
SELECT is(read_all('some key'), :'before', 'and holds what was held');
SELECT is(try(:key_group, set_byte(:'payload', 40, get_byte(:'payload', 40) # 1)), 'XX001', 'a flipped bit is seen by the checksum');

SELECT setseed(0.125);
CREATE TABLE outcomes AS
    SELECT try(:key_group, forged(:'payload', crcs)) AS outcome
    FROM generate_series(1, :tries), crc_table() crcs;
SELECT diag(string_agg(n || ' x ' || outcome, ', ' ORDER BY n DESC)) FROM (SELECT outcome, count(*) AS n FROM outcomes GROUP BY 1) o;
SELECT cmp_ok((SELECT count(*) FROM outcomes WHERE outcome = 'XX001'), '>', :tries / 10::bigint,
    :tries || ' forged chunks are met without a crash, damage found by its name');
SELECT * FROM finish();
