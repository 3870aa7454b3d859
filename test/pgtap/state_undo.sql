-- What a block with EXCEPTION did to state of any kind is undone, however blocks
-- are nested: random changes in random blocks, held against what was there before.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
\set rounds 40

CREATE TABLE records (k int);
CREATE FUNCTION keyed(records) RETURNS void LANGUAGE sql AS 'SELECT';
SELECT weir.create_value_state('keyed(records)', 'value', 'text', ttl => '100 s'),
    weir.create_list_state('keyed(records)', 'list', 'text', ttl => '100 s'),
    weir.create_list_state('keyed(records)', 'kept_list', 'int'),
    weir.create_map_state('keyed(records)', 'map', 'int', 'text', ttl => '100 s'),
    weir.create_map_state('keyed(records)', 'kept_map', 'text', 'int'),
    weir.create_map_state('keyed(records)', 'read_map', 'int', 'text', ttl => weir.state_ttl('100 s', 'on_read_and_write')),
    weir.create_reducing_state('keyed(records)', 'reducing', 'text', 'textcat(text,text)', ttl => '100 s'),
    weir.create_aggregating_state('keyed(records)', 'aggregating', aggregate => 'avg(numeric)', ttl => '100 s'),
    weir.create_aggregating_state('keyed(records)', 'collecting', 'int', 'array_agg(anynonarray)') \g /dev/null

-- All that the key holds, but for read_map: reading that would change it.
CREATE FUNCTION held() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT concat_ws('|', coalesce(weir.state_value('value', NULL::text), '-'),
        weir.list_get('list', NULL::text), weir.list_get('kept_list', NULL::int),
        (SELECT array_agg(m::text ORDER BY key) FROM weir.map_entries('map', NULL::int, NULL::text) m),
        (SELECT array_agg(m::text ORDER BY key) FROM weir.map_entries('kept_map', NULL::text, NULL::int) m),
        coalesce(weir.reducing_get('reducing', NULL::text), '-'),
        coalesce(weir.aggregating_get('aggregating', NULL::numeric)::text, '-'),
        weir.aggregating_get('collecting', NULL::int[])::text)
$$;

CREATE FUNCTION change() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    n int := floor(random() * 10);
    word text := repeat(n::text, (1 + random() * 60)::int);
BEGIN
    CASE floor(random() * 17)::int
        WHEN 0 THEN PERFORM weir.state_update('value', word);
        WHEN 1 THEN PERFORM weir.list_add('list', word);
        WHEN 2 THEN PERFORM weir.list_add('kept_list', n);
        WHEN 3 THEN PERFORM weir.list_update('kept_list', ARRAY[n, NULL, 2]);
        WHEN 4 THEN PERFORM weir.map_put('map', n, word);
        WHEN 5 THEN PERFORM weir.map_put('map', n, NULL);
        WHEN 6 THEN PERFORM weir.map_remove('map', n);
        WHEN 7 THEN PERFORM weir.map_put('kept_map', word, n);
        WHEN 8 THEN PERFORM weir.map_remove('kept_map', key) FROM weir.map_entries('kept_map', NULL::text, NULL::int) LIMIT 2;
        WHEN 9 THEN PERFORM weir.reducing_add('reducing', word);
        WHEN 10 THEN PERFORM weir.aggregating_add('aggregating', n::numeric);
        WHEN 11 THEN PERFORM weir.aggregating_add('collecting', n);
        WHEN 12 THEN PERFORM weir.state_clear((ARRAY['value', 'list', 'kept_list', 'map', 'kept_map', 'reducing',
            'aggregating', 'collecting', 'read_map'])[1 + floor(random() * 9)::int]);
        WHEN 13 THEN PERFORM weir.map_put('read_map', n, word);
        WHEN 14 THEN PERFORM weir.map_get('read_map', n, NULL::text);
        WHEN 15 THEN PERFORM count(*) FROM weir.map_entries('read_map', NULL::int, NULL::text);
        ELSE PERFORM weir.map_remove('read_map', n);
    END CASE;
END $$;

CREATE TABLE wrong (before text, after text);

CREATE FUNCTION changes(depth int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before text;
BEGIN
    FOR i IN 1 .. 4 LOOP
        PERFORM change() FROM generate_series(1, (random() * 6)::int);
        CONTINUE WHEN depth = 0;
        before := held();
        BEGIN
            PERFORM changes(depth - 1);
            IF random() < 0.5 THEN
                RAISE EXCEPTION 'undo';
            END IF;
            before := held();
        EXCEPTION WHEN raise_exception THEN
        END;
        INSERT INTO wrong SELECT before, held() WHERE before <> held();
    END LOOP;
END $$;

CREATE FUNCTION record(round int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir_internal.with_state('keyed(records)', round % 3, 'epoch'::timestamptz + round * interval '17 s',
        'SELECT changes(3)');
    RETURN (SELECT keys FROM weir_internal.measure_state('keyed(records)'));
END $$;

SELECT plan(3);
SELECT setseed(0.25);
CREATE TABLE played AS SELECT i, record(i) AS keys FROM generate_series(1, :rounds) i;
SELECT is((SELECT count(*) FROM wrong), 0::bigint, 'every undone block left what was there before it');

-- The same once more, each record undone whole: nothing is left of it.
SELECT weir_internal.forget_state('keyed(records)');
CREATE FUNCTION undone_record(round int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM record(round);
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN
    END;
    RETURN (SELECT keys FROM weir_internal.measure_state('keyed(records)'));
END $$;
SELECT weir_internal.with_state('keyed(records)', 0, 'epoch', 'SELECT') \g /dev/null
SELECT is(sum(undone_record(i)), 0::numeric, 'records undone whole leave no key') FROM generate_series(1, :rounds) i;

-- What is held can be written and read back, all of it.
SELECT record(i) FROM generate_series(1, :rounds) i \g /dev/null
CREATE FUNCTION held_by_all() RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(weir_internal.with_state('keyed(records)', k, 'epoch', 'SELECT held()')) FROM generate_series(0, 2) k
$$;
SELECT held_by_all() AS before \gset
CREATE TABLE chunks AS SELECT * FROM weir_internal.snapshot_state('keyed(records)', true);
SELECT weir_internal.forget_state('keyed(records)');
SELECT weir_internal.with_state('keyed(records)', 0, 'epoch'::timestamptz + :rounds * interval '17 s', 'SELECT') \g /dev/null
SELECT weir_internal.load_state('keyed(records)', key_group, is_full, payload) FROM chunks ORDER BY key_group, seq \g /dev/null
SELECT is(held_by_all(), :'before'::text[], 'a snapshot holds what was held');
SELECT * FROM finish();
