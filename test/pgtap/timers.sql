-- Timers of keyed functions: what a user's handler sees and when, in weir.try_job.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(40);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (device bigint, at timestamptz OPTIONS (watermark '4 s'), value int)
    SERVER here OPTIONS (format 'csv');
CREATE TABLE events (device bigint, what text);

-- '12' is twelve seconds into the year
CREATE FUNCTION sec(text) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT '2026-01-01 00:00:00+00'::timestamptz + $1::interval $$;
CREATE FUNCTION sec(timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT extract(epoch FROM $1 - '2026-01-01 00:00:00+00')::numeric::float8::text $$;
-- "1@5" is a reading of device 1 at second 5, "1@5=7" one with a value
CREATE FUNCTION lines(VARIADIC readings text[]) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(format('%s,%s,%s', m[1], sec(m[2]), m[3]) ORDER BY n)
      FROM unnest(readings) WITH ORDINALITY AS t(reading, n), regexp_match(reading, '^(\d*)@([^=]*)=?(.*)$') m
$$;

-- A device that says nothing for ten seconds is gone.
CREATE FUNCTION f(r readings) RETURNS TABLE (device bigint, what text) LANGUAGE plpgsql AS $$
DECLARE
    last timestamptz := weir.state_value('last', NULL::timestamptz);
BEGIN
    IF last IS NOT NULL THEN
        PERFORM weir.timer_clear('gone', last + '10 s');
    END IF;
    last := greatest(last, r.at);
    PERFORM weir.state_update('last', last);
    PERFORM weir.timer_set('gone', last + '10 s');
END $$;
CREATE FUNCTION f_gone(k bigint, moment timestamptz) RETURNS TABLE (device bigint, what text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT k, format('gone at %s, last seen %s', sec(moment), sec(weir.state_value('last', NULL::timestamptz)));
    PERFORM weir.state_clear('last');
END $$;
SELECT weir.create_value_state('f(readings)', 'last', 'timestamptz') \g /dev/null
SELECT weir.create_timer('f(readings)', 'gone', handler => 'f_gone(bigint, timestamptz)', clock => 'event') \g /dev/null
SELECT weir.create_job('gone', $$
    INSERT INTO events SELECT e.device, e.what FROM readings r JOIN LATERAL f(r) e ON weir.key_by(r.device)
$$) \g /dev/null

SELECT results_eq('TABLE weir.timers', $$VALUES ('public.f(public.readings)', 'gone',
    'public.f_gone(bigint,timestamp with time zone)', 'event', current_user::name)$$, 'weir.timers shows what was declared');
SELECT matches((SELECT string_agg(l, E'\n') FROM weir.explain_job('gone') l),
    'Timer gone, by event time: f_gone\(bigint,timestamp with time zone\)', 'weir.explain_job says so');

BEGIN;
SELECT results_eq($$SELECT * FROM weir.try_job('gone', lines('1@1', '2@2', '1@5', '2@16', '3@40'), NULL::events)$$,
    $$VALUES (1::bigint, 'gone at 15, last seen 5'), (2, 'gone at 26, last seen 16')$$, 'handlers are called when the watermark comes');
SELECT results_eq($$SELECT * FROM weir.try_job('gone', lines('2@41'), NULL::events, finish => true)$$,
    $$VALUES (3::bigint, 'gone at 50, last seen 40'), (2, 'gone at 51, last seen 41')$$, '.. and all at the end, in the order of time');
ROLLBACK;

SELECT results_eq(format($$SELECT * FROM weir.try_job('gone', lines(%s), NULL::events, finish => true)$$,
        string_agg(quote_literal((n * 37) % 101 || '@' || n), ', ')),
    $$SELECT (n * 37) % 101, format('gone at %s, last seen %s', n + 10, n) FROM generate_series(1::bigint, 100) n$$,
    'many keys, in the order of time') FROM generate_series(1::bigint, 100) n;

-- What a text tells it to do: "set 12; clear 13; fail" ..., also in handlers, by the moment.
CREATE FOREIGN TABLE commands (k text, at timestamptz OPTIONS (watermark '0 s'), does text) SERVER here OPTIONS (format 'csv');
CREATE TABLE told (k text, what text);
CREATE FUNCTION obey(does text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    step text;
    word text[];
BEGIN
    FOREACH step IN ARRAY regexp_split_to_array(does, '; ?') LOOP
        CONTINUE WHEN step = '';
        word := string_to_array(step, ' ');
        CASE word[1]
            WHEN 'set' THEN PERFORM weir.timer_set('t', sec(word[2]));
            WHEN 'other' THEN PERFORM weir.timer_set('other', sec(word[2]));
            WHEN 'clear' THEN PERFORM weir.timer_clear('t', sec(word[2]));
            WHEN 'all' THEN PERFORM weir.timer_clear('t');
            WHEN 'state' THEN PERFORM weir.state_clear('t');
            WHEN 'null' THEN PERFORM weir.timer_set('t', NULL);
            WHEN 'never' THEN PERFORM weir.timer_set('t', 'infinity');
            WHEN 'unknown' THEN PERFORM weir.timer_set('nobody', now());
            WHEN 'value' THEN PERFORM weir.timer_set('plan', now());
            WHEN 'on' THEN PERFORM weir.map_put('plan', word[2], replace(substr(step, length(word[1] || word[2]) + 3), ',', ';'));
            WHEN 'fail' THEN RAISE EXCEPTION 'told to';
            WHEN 'try' THEN
                BEGIN
                    PERFORM obey(translate(substr(step, 5), ',+', ';;'));
                EXCEPTION WHEN raise_exception THEN NULL;
                END;
        END CASE;
    END LOOP;
END $$;
CREATE FUNCTION g(r commands) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN PERFORM obey(r.does); RETURN NEXT 'row'; END $$;
CREATE FUNCTION g_t(k text, moment timestamptz) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM obey(coalesce(weir.map_get('plan', 't' || sec(moment), NULL::text), ''));
    RETURN NEXT 't ' || sec(moment);
END $$;
CREATE FUNCTION g_other(k text, moment timestamptz) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM obey(coalesce(weir.map_get('plan', 'other' || sec(moment), NULL::text), ''));
    RETURN 'other ' || sec(moment);
END $$;
SELECT weir.create_map_state('g(commands)', 'plan', 'text', 'text'),
    weir.create_timer('g(commands)', 't', 'g_t(text, timestamptz)'),
    weir.create_timer('g(commands)', 'other', 'g_other(text, timestamptz)') \g /dev/null
SELECT weir.create_job('told', $$
    INSERT INTO told SELECT r.k, g FROM commands r JOIN LATERAL g(r) ON weir.key_by(r.k)
$$) \g /dev/null
-- 'a@5 set 9': what comes of it as one text, "after" tells the line
CREATE FUNCTION tell(VARIADIC lines text[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(t.k, 'NULL') || ': ' || t.what, ', ')
      FROM weir.try_job('told', ARRAY(SELECT format('%s,%s,"%s"', m[1], sec(m[2]), m[3])
                                        FROM unnest(lines) line, regexp_match(line, '^(.*?)@(\S*) ?(.*)$') m),
                        NULL::told, finish => true) t $$;

SELECT is(tell('a@5 set 9; set 9', 'a@6 set 9'), 'a: row, a: row, a: t 9', 'a moment is set once');
SELECT is(tell('a@5 set 9; set 7; set 8'), 'a: row, a: t 7, a: t 8, a: t 9', 'several moments of a key');
SELECT is(tell('a@5 set 9', 'b@9', 'b@9'), 'a: row, b: row, a: t 9, b: row', 'the row that brings the time comes first, what is due before the next');
SELECT is(tell('a@5', 'a@6 set 3; set 20', 'a@6'), 'a: row, a: row, a: t 3, a: row, a: t 20', 'one in the past fires behind the row');
SELECT is(tell('a@5', 'b@6 set 3; other 2', 'a@6'), 'a: row, b: row, b: other 2, b: t 3, a: row', '.. in the order of time');
SELECT is(tell('a@5 set 9; set 8; clear 9; clear 4'), 'a: row, a: t 8', 'cleared');
SELECT is(tell('a@5 set 9; set 8; other 10; all'), 'a: row, a: other 10', 'all of a name cleared');
SELECT is(tell('a@5 set 9; set 8; other 10; state'), 'a: row, a: other 10', '.. as any state is');
SELECT is(tell('a@5 set 9; other 8; set 7; other 6', 'b@5 set 8'), 'a: row, b: row, a: other 6, a: t 7, a: other 8, b: t 8, a: t 9',
    'over keys and names in the order of time');
SELECT is(tell('a@5 set 9; on t9 set 12,set 11', 'b@20', 'b@20'), 'a: row, b: row, a: t 9, a: t 11, a: t 12, b: row', 'a handler sets more');
SELECT is(tell('a@5 set 9; set 15; on t9 clear 15', 'b@20', 'b@20'), 'a: row, b: row, a: t 9, b: row', '.. or clears');
SELECT is(tell('a@5 set 9; on t9 other 3', 'b@20', 'b@20'), 'a: row, b: row, a: t 9, a: other 3, b: row', '.. or sets one in the past');
SELECT is(tell('a@5 set 9; on t9 set 3', 'b@20', 'b@20'), 'a: row, b: row, a: t 9, a: t 3, b: row', '.. of its own name, too');
SELECT throws_ok($$SELECT tell('a@5 set 9; on t9 set 9', 'b@20', 'b@20')$$, '54000', 'timer "t" fires without end', '.. but not for ever');
SELECT is(tell('a@5 set 9; on t9 set 12'), 'a: row, a: t 9', 'with the end of the input no more are set');
SELECT is(tell('@5 set 9; other 8', 'b@20 set 21'), 'NULL: row, b: row, NULL: other 8, NULL: t 9, b: t 21', 'NULL is a key');

-- subtransactions
SELECT is(tell('a@5 set 9; try set 7,clear 9,fail'), 'a: row, a: t 9', 'what a block did is undone');
SELECT is(tell('a@5 set 9; try set 7,clear 9'), 'a: row, a: t 7', '.. or stays');
SELECT is(tell('a@5 try set 7,fail'), 'a: row', 'undone: the first');
SELECT is(tell('a@5 set 7; try all,fail'), 'a: row, a: t 7', 'undone: cleared');
SELECT is(tell('a@5 set 7; try clear 7,set 8,fail', 'b@7', 'b@7'), 'a: row, b: row, a: t 7, b: row', 'undone: the only one cleared');
SELECT is(tell('a@5 set 7; set 9; on t7 try clear 9+fail', 'b@7', 'b@7'), 'a: row, b: row, a: t 7, b: row, a: t 9', 'undone in a handler');

-- errors where timers are set
SELECT throws_ok($$SELECT tell('a@5 null')$$, '22004', 'the moment of timer "t" must not be null', 'null');
SELECT throws_ok($$SELECT tell('a@5 never')$$, '22008', 'timer "t" cannot be set at infinity', 'infinity');
SELECT throws_ok($$SELECT tell('a@5 unknown')$$, '42704', 'function public.g(public.commands) has no timer "nobody"', 'a timer that was not declared');
SELECT throws_ok($$SELECT tell('a@5 value')$$, '42809', 'weir.timer_set() cannot be used on map state "plan"', 'no timer');
SELECT throws_ok($$SELECT weir.timer_set('t', now())$$, '55000',
    'weir.timer_set() can only be used by the keyed function of a job, while the job runs', 'outside a job');

-- random sets and clears in random blocks, held against a map that lives through the same
CREATE FOREIGN TABLE rounds (k int, at timestamptz OPTIONS (watermark '0 s')) SERVER here OPTIONS (format 'csv');
CREATE TABLE missed (k int, what text);
CREATE FUNCTION change(at timestamptz, depth int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz;
BEGIN
    FOR i IN 1 .. (random() * 4)::int LOOP
        moment := at + (random() * 20)::int * interval '1 s';
        CASE floor(random() * 8)::int
            WHEN 0, 1, 2 THEN
                PERFORM weir.timer_set('t', moment);
                PERFORM weir.map_put('model', moment, true);
            WHEN 3, 4 THEN
                PERFORM weir.timer_clear('t', moment);
                PERFORM weir.map_remove('model', moment);
            WHEN 5 THEN
                IF random() < 0.1 THEN
                    PERFORM weir.timer_clear('t');
                    PERFORM weir.state_clear('model');
                END IF;
            ELSE
                IF depth < 3 THEN
                    BEGIN
                        PERFORM change(at, depth + 1);
                        IF random() < 0.5 THEN RAISE EXCEPTION 'undo'; END IF;
                    EXCEPTION WHEN raise_exception THEN NULL;
                    END;
                END IF;
        END CASE;
    END LOOP;
END $$;
-- whatever is due but still in the model was missed
CREATE FUNCTION h(r rounds) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT format('missed %s at %s', sec(key), sec(r.at))
        FROM weir.map_entries('model', NULL::timestamptz, NULL::boolean) WHERE key <= r.at - interval '1 s';
    PERFORM change(r.at, 0);
    RETURN QUERY SELECT 'left over' WHERE r.at = sec('1000') AND EXISTS (
        SELECT FROM weir.map_entries('model', NULL::timestamptz, NULL::boolean) WHERE key < r.at - interval '1 s');
END $$;
CREATE FUNCTION h_t(k int, moment timestamptz) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    IF weir.map_get('model', moment, NULL::boolean) IS NULL THEN RETURN NEXT 'fired though not set: ' || sec(moment); END IF;
    PERFORM weir.map_remove('model', moment);
    PERFORM change(moment, 1);
END $$;
SELECT weir.create_map_state('h(rounds)', 'model', 'timestamptz', 'boolean'), weir.create_timer('h(rounds)', 't', 'h_t(int, timestamptz)') \g /dev/null
SELECT weir.create_job('random', $$INSERT INTO missed SELECT r.k, h FROM rounds r JOIN LATERAL h(r) ON weir.key_by(r.k)$$) \g /dev/null
SELECT is_empty($$SELECT * FROM weir.try_job('random', ARRAY(SELECT (random() * 5)::int || ',' || sec(n::text) FROM generate_series(1, 600) n), NULL::missed)$$,
    'whatever blocks undid, what is set fires, and nothing else');

-- the clock of arrival
CREATE FUNCTION a(r commands) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.timer_set('later', sec(r.does));
END $$;
CREATE FUNCTION a_later(k text, moment timestamptz) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'later ' || sec(moment) $$;
SELECT weir.create_timer('a(commands)', 'later', 'a_later(text, timestamptz)', 'arrival') \g /dev/null
SELECT weir.create_job('arrival', $$INSERT INTO told SELECT r.k, a FROM commands r JOIN LATERAL a(r) ON weir.key_by(r.k)$$) \g /dev/null
BEGIN;
SELECT is_empty($$SELECT * FROM weir.try_job('arrival', ARRAY['a,2030-01-01 00:00Z,12', 'b,2030-01-01 00:00Z,13'], NULL::told, at => sec('10'))$$, 'by arrival: not yet');
SELECT results_eq($$SELECT * FROM weir.try_job('arrival', ARRAY['c,2010-01-01 00:00Z,14'], NULL::told, at => sec('12.5'))$$,
    $$VALUES ('a', 'later 12')$$, '.. when a row arrives at the moment or later');
SELECT results_eq($$SELECT * FROM weir.try_job('arrival', ARRAY['c,2010-01-01 00:00Z,5'], NULL::told, at => sec('20'))$$,
    $$VALUES ('b', 'later 13'), ('c', 'later 14'), ('c', 'later 5')$$, '.. and behind it what it has set');
ROLLBACK;

-- a key of two columns, a scalar, in SQL
CREATE FUNCTION two(r readings) RETURNS int LANGUAGE sql AS $$ SELECT weir.timer_set('t', r.at + '1 s'); SELECT r.value $$;
CREATE FUNCTION two_t(device bigint, value int, moment timestamptz) RETURNS int LANGUAGE sql AS $$ SELECT -$2 $$;
SELECT weir.create_timer('two(readings)', 't', 'two_t(bigint, int, timestamptz)') \g /dev/null
CREATE TABLE pairs (device bigint, key int, value int);
SELECT weir.create_job('two', $$INSERT INTO pairs SELECT r.device, r.value, v FROM readings r JOIN LATERAL two(r) v ON weir.key_by(r.device, r.value)$$) \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('two', lines('1@1=5', '2@1=6'), NULL::pairs, finish => true)$$,
    'VALUES (1::bigint, 5, 5), (2, 6, 6), (1, 5, -5), (2, 6, -6)', 'a key of two columns, a scalar, functions in SQL');

-- names
ALTER FUNCTION g_other(text, timestamptz) RENAME TO g_else;
ALTER FUNCTION g(commands) RENAME TO g2;
SELECT results_eq($$SELECT function, handler FROM weir.timers WHERE name = 'other'$$,
    $$VALUES ('public.g2(public.commands)', 'public.g_else(pg_catalog.text,timestamp with time zone)')$$, 'declarations follow renames');
DROP FUNCTION two(readings) CASCADE;
SELECT is_empty($$SELECT FROM weir.timers WHERE function LIKE '%two%'$$, '.. and go with the function');
SELECT weir.drop_timer('a(commands)', 'later') \g /dev/null
SELECT is_empty($$SELECT FROM weir.timers WHERE name = 'later'$$, 'or when they are dropped');

SELECT * FROM finish();
