-- Windows of event time in chunks that were forged, with a checksum that matches: an error
-- or other values, never a crash.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
\set tries 1500
SELECT plan(6);

CREATE FOREIGN TABLE readings (k int, v int, n numeric, ts timestamptz OPTIONS (watermark '1 min')) SERVER weir_feed;
CREATE TABLE sink (k int, w tstzrange, a text);
SELECT weir.create_job('damaged', $$
    INSERT INTO sink SELECT k, w, ROW(count(*), sum(v), avg(v))::text FROM readings, LATERAL weir.tumble(ts, '10 s') w GROUP BY k, w;
    INSERT INTO sink SELECT k, w, ROW(max(v))::text FROM readings, LATERAL weir.hop(ts, '30 s', '4 s') w GROUP BY k, w;
    INSERT INTO sink SELECT k, w, ROW(sum(n), count(DISTINCT v))::text FROM readings, LATERAL weir.session(ts, '5 s') w GROUP BY k, w$$,
    max_parallelism => 1) \g /dev/null
SELECT weir.enable_checkpointing('damaged', every => '1 h') \g /dev/null
SELECT weir.start_job('damaged') \g /dev/null
INSERT INTO readings SELECT i % 3, i, i / 7.0, '2026-01-01 00:00+00'::timestamptz + i * 1.3 * interval '1 s' FROM generate_series(1, 60) i;
SELECT weir.stop_job('damaged') \g /dev/null
CREATE VIEW kept AS SELECT string_agg(concat_ws(' ', key, state, value), ' ' ORDER BY state, key) AS all FROM weir.state('damaged');
SELECT kept.all AS before, (SELECT count(*) FROM weir.state('damaged')) AS keys FROM kept \gset
SELECT is(:keys, 9, 'three windows of three keys');

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

-- All that is kept, with one chunk in place of another: what happens?
CREATE FUNCTION try(place tid, chunk bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    all_of text;
BEGIN
    UPDATE weir_internal.snapshot SET payload = chunk WHERE ctid = place;
    SELECT kept.all INTO all_of FROM kept;
    RAISE SQLSTATE 'ZZ001' USING MESSAGE = all_of;
EXCEPTION WHEN OTHERS THEN
    RETURN CASE SQLSTATE WHEN 'ZZ001' THEN CASE WHEN SQLERRM = current_setting('windows.before') THEN 'same' ELSE 'other' END
                ELSE SQLSTATE END;
END $$;
SELECT set_config('windows.before', :'before', false) \g /dev/null
CREATE TABLE chunks AS SELECT ctid AS place, payload, row_number() OVER (ORDER BY ctid) AS number FROM weir_internal.snapshot;

SELECT is((SELECT count(*) FROM chunks), 3::bigint, 'a chunk each');
SELECT ok((SELECT bool_and(sealed(payload, crc_table()) = payload) FROM chunks), 'the checksum is CRC-32C of what follows it');
SELECT is((SELECT string_agg(DISTINCT try(place, payload), ' ') FROM chunks), 'same', 'the chunks themselves load');
SELECT is((SELECT string_agg(DISTINCT try(place, set_byte(payload, 40, get_byte(payload, 40) # 1)), ' ') FROM chunks), 'XX001',
    'a flipped bit is seen by the checksum');

SELECT setseed(0.25);
CREATE TABLE outcomes AS
    SELECT c.number, try(c.place, forged(c.payload, crcs)) AS outcome
    FROM generate_series(1, :tries / 3), crc_table() crcs, chunks c;
SELECT diag(string_agg(n || ' x ' || outcome, ', ' ORDER BY n DESC)) FROM (SELECT outcome, count(*) AS n FROM outcomes GROUP BY 1) o;
SELECT cmp_ok((SELECT min(n) FROM (SELECT count(*) FILTER (WHERE outcome = 'XX001') AS n FROM outcomes GROUP BY number) o), '>', :tries / 30::bigint,
    :tries || ' forged chunks are met without a crash, damage found by its name');
SELECT finish();
