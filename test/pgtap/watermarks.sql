-- How far event time has come at a stream: by a column, by weir.watermark, over a restart.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();
SET timezone = 'UTC';

-- start(name, query): a job that takes no checkpoint but those it is asked for
CREATE PROCEDURE start(name text, query text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job(name, query);
    PERFORM weir.enable_checkpointing(name, every => '1 h');
    PERFORM weir.start_job(name);
END $$;
-- comes(query): until it says true, 20 s at most
CREATE FUNCTION comes(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    answer boolean;
BEGIN
    FOR i IN 1 .. 2000 LOOP
        EXECUTE query INTO answer;
        EXIT WHEN answer;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN answer;
END $$;
CREATE FUNCTION watermark(j text) RETURNS text LANGUAGE sql AS
    $$ SELECT to_char(watermark, 'HH24:MI:SS') FROM weir.sources WHERE job = j $$;

CREATE FOREIGN TABLE bids (id bigint, at timestamptz OPTIONS (watermark '4 s')) SERVER weir_feed;
CREATE TABLE seen (id bigint, at timestamptz);

-- the function is one like any other
SELECT results_eq($$SELECT weir.watermark(timestamptz '2026-01-01', '4 s'), weir.watermark(timestamp '2026-01-02', NULL)$$,
    $$VALUES (timestamptz '2026-01-01', timestamp '2026-01-02')$$, 'outside a job weir.watermark returns its first argument');
SELECT is(weir.watermark(NULL::timestamptz, '1 s'), NULL, 'be it null');
SELECT is(weir.arrival(), statement_timestamp(), 'and weir.arrival the time of the statement');

-- the column
CALL start('by column', 'INSERT INTO seen SELECT * FROM bids');
SELECT weir.trigger_checkpoint('by column') \g /dev/null
SELECT is(watermark('by column'), NULL, 'there is none before the first record');
INSERT INTO bids VALUES (1, '2026-01-01 10:00:10'), (2, NULL), (3, '2026-01-01 10:00:05'), (4, 'infinity');
SELECT weir.trigger_checkpoint('by column') \g /dev/null
SELECT is(watermark('by column'), '10:00:06', 'it is the highest time less the bound');
SELECT is(is_idle, false, 'and not idle') FROM weir.sources;
SELECT matches(weir.report('by column')::text, 'watermark lag', 'weir.report shows it');
SELECT weir.stop_job('by column', savepoint => 'here') \g /dev/null
SELECT weir.start_job('by column') \g /dev/null
SELECT ok(comes($$SELECT watermark('by column') = '10:00:06'$$), 'a restart remembers it');
INSERT INTO bids VALUES (5, '2026-01-01 10:00:09');
SELECT weir.trigger_checkpoint('by column') \g /dev/null
SELECT is(watermark('by column'), '10:00:06', 'it does not go back');
INSERT INTO bids VALUES (6, '2026-01-01 10:00:11');
SELECT weir.trigger_checkpoint('by column') \g /dev/null
SELECT is(watermark('by column'), '10:00:07', 'it goes on');
SELECT weir.stop_job('by column') \g /dev/null
SELECT weir.start_job('by column', from_savepoint => 'here') \g /dev/null
SELECT weir.trigger_checkpoint('by column') \g /dev/null
SELECT is(watermark('by column'), '10:00:07', 'a replay comes to the same');
SELECT weir.drop_job('by column') \g /dev/null

-- weir.watermark, in a view
CREATE VIEW slow_bids AS SELECT id, weir.watermark(at - interval '1 h', '1 min') AS at FROM bids WHERE id < 100;
CALL start('by call', 'INSERT INTO seen SELECT * FROM slow_bids WHERE id > 10');
INSERT INTO bids VALUES (20, '2026-01-01 10:00:00'), (1, '2026-01-01 11:00:00'), (101, '2026-01-01 12:00:00');
SELECT weir.trigger_checkpoint('by call') \g /dev/null
SELECT is(watermark('by call'), '08:59:00', 'by weir.watermark, of the rows that conditions let through');
SELECT weir.stop_job('by call', savepoint => 'here') \g /dev/null
SELECT weir.start_job('by call') \g /dev/null
SELECT ok(comes($$SELECT watermark('by call') = '08:59:00'$$), 'it is remembered, too');
INSERT INTO bids VALUES (21, '2026-01-01 09:00:00');
SELECT weir.trigger_checkpoint('by call') \g /dev/null
SELECT is(watermark('by call'), '08:59:00', 'and does not go back');
SELECT weir.drop_job('by call') \g /dev/null

-- several scans of a stream: the lowest
CALL start('two', $$INSERT INTO seen SELECT id, weir.watermark(at, '10 s') FROM bids WHERE id = 1
    UNION ALL SELECT id, weir.watermark(at, '10 s') FROM bids WHERE id = 2$$);
INSERT INTO bids VALUES (1, '2026-01-01 10:00:00');
SELECT weir.trigger_checkpoint('two') \g /dev/null
SELECT is(watermark('two'), NULL, 'a scan has none yet');
INSERT INTO bids VALUES (2, '2026-01-01 09:00:00');
SELECT weir.trigger_checkpoint('two') \g /dev/null
SELECT is(watermark('two'), '08:59:50', 'that of the scan that is behind');
SELECT weir.stop_job('two', savepoint => 'here') \g /dev/null
SELECT weir.start_job('two') \g /dev/null
SELECT ok(comes($$SELECT watermark('two') = '08:59:50'$$), 'each is remembered');
INSERT INTO bids VALUES (2, '2026-01-01 11:00:00');
SELECT weir.trigger_checkpoint('two') \g /dev/null
SELECT is(watermark('two'), '09:59:50', 'under its own name');
SELECT weir.drop_job('two') \g /dev/null

-- a record for which the query errs does not move it
ALTER FOREIGN TABLE bids OPTIONS (ADD on_error 'dead_letter');
CALL start('errs', $$INSERT INTO seen SELECT id, weir.watermark(at, '10 s') FROM bids WHERE 1 / id > 0$$);
INSERT INTO bids VALUES (1, '2026-01-01 10:00:00'), (0, '2026-01-01 11:00:00'), (1, '2026-01-01 09:00:00');
SELECT weir.trigger_checkpoint('errs') \g /dev/null
SELECT is(watermark('errs'), '09:59:50', 'a record for which the query errs does not move it');
SELECT is(count(*)::int, 1, 'and is a dead letter') FROM weir.dead_letters WHERE job = 'errs';
SELECT weir.drop_job('errs') \g /dev/null

-- arrival
TRUNCATE seen;
CALL start('arrival', $$INSERT INTO seen SELECT b.id, weir.arrival() FROM bids b, LATERAL (SELECT weir.arrival() AS a) l
    WHERE a BETWEEN statement_timestamp() - interval '1 h' AND statement_timestamp() AND a = (SELECT weir.arrival())$$);
INSERT INTO bids VALUES (1, now()), (2, now());
SELECT weir.trigger_checkpoint('arrival') \g /dev/null
SELECT results_eq('SELECT id, at BETWEEN now() - interval ''1 min'' AND now() FROM seen ORDER BY id',
    'VALUES (1::bigint, true), (2, true)', 'weir.arrival() says when a record came, wherever it stands');
SELECT weir.drop_job('arrival') \g /dev/null

-- as event time: the clock goes on while nothing comes
CREATE TABLE counts (began timestamptz, n bigint);
CALL start('by arrival', $$INSERT INTO counts SELECT lower(w), count(*) FROM bids, LATERAL weir.tumble(weir.arrival(), '300 ms') w GROUP BY w$$);
INSERT INTO bids SELECT i, NULL FROM generate_series(1, 5) i;
SELECT ok(comes($$SELECT weir.trigger_checkpoint('by arrival') > 0 AND sum(n) = 5 FROM counts$$), 'windows of arrival times are complete without another record');
SELECT ok(began BETWEEN now() - interval '1 min' AND now() AND date_bin('300 ms', began, '2000-01-01') = began, 'they are those of the clock') FROM counts LIMIT 1;
SELECT ok(watermark > now() - interval '1 min', 'the watermark is the clock''s') FROM weir.sources;
SELECT matches(string_agg(l, E'\n'), 'Watermark: the arrival of records', 'weir.explain_job says so') FROM weir.explain_job('by arrival') l;
SELECT weir.drop_job('by arrival') \g /dev/null
SELECT weir.create_job('mixed', $$INSERT INTO counts SELECT lower(w), count(*) FROM
    (SELECT lower(w) AS at FROM bids, LATERAL weir.tumble(weir.arrival(), '1 s') w GROUP BY w) b, LATERAL weir.tumble(at, '1 min') w GROUP BY w$$) \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('mixed', ARRAY[E'1\t2020-01-01', E'1\t2021-01-01'], NULL::counts, at => '2026-01-01 10:00:30', finish => true)$$,
    $$VALUES (timestamptz '2026-01-01 10:00', 1::bigint)$$, 'a window of windows of arrival');
SELECT weir.drop_job('mixed') \g /dev/null
SELECT throws_like($$SELECT weir.create_job('mixed', 'INSERT INTO counts SELECT lower(w), count(*) FROM bids, LATERAL weir.tumble(weir.arrival(), ''1 s'') w GROUP BY w;
    INSERT INTO counts SELECT lower(w), count(*) FROM bids, LATERAL weir.tumble(at, ''1 s'') w GROUP BY w')$$,
    'a job cannot go by the arrival of records and by another time', 'not both clocks in a job');

SELECT weir.create_job('join', $$INSERT INTO seen SELECT a.id, b.at FROM (SELECT id, weir.arrival() AS came FROM bids) a
    JOIN (SELECT id, at, weir.arrival() AS came FROM bids) b ON a.id = b.id AND b.came BETWEEN a.came AND a.came + interval '1 s'$$) \g /dev/null
SELECT results_eq($$SELECT id FROM weir.try_job('join', ARRAY[E'1\t2020-01-01', E'2\t2021-01-01'], NULL::seen) ORDER BY 1$$,
    $$VALUES (1::bigint), (2)$$, 'a join by arrival');
SELECT throws_like($$SELECT weir.create_job('mixed', $j$INSERT INTO seen SELECT a.id, b.at FROM (SELECT id, weir.arrival() AS came FROM bids) a
    JOIN bids b ON a.id = b.id AND b.at BETWEEN a.came AND a.came + interval '1 s'$j$)$$,
    'a job cannot go by % and by another time', 'not by arrival of one side and a column of the other');
SELECT weir.drop_job('join') \g /dev/null

-- what comes too late, as the option says
CREATE TABLE per_window (began timestamptz, n bigint);
CREATE VIEW windows AS SELECT lower(w) AS began, count(*) FROM bids, LATERAL weir.tumble(at, '10 s') w GROUP BY w;
CALL start('drop', 'INSERT INTO per_window SELECT * FROM windows');
INSERT INTO bids VALUES (1, '2026-01-01 10:00:10'), (2, '2026-01-01 10:00:24'), (3, '2026-01-01 10:00:19'), (4, '2026-01-01 10:00:21');
SELECT weir.trigger_checkpoint('drop') \g /dev/null
SELECT results_eq('TABLE per_window', $$VALUES (timestamptz '2026-01-01 10:00:10', 1::bigint)$$, 'a window is complete when the watermark has reached its end');
SELECT results_eq('SELECT sum(late_records)::int FROM weir.tasks', 'VALUES (1)', 'a row of a complete window is late, one of an open window is not');
SELECT weir.stop_job('drop', savepoint => 'here') \g /dev/null
SELECT weir.start_job('drop') \g /dev/null
INSERT INTO bids VALUES (5, '2026-01-01 10:00:18'), (6, '2026-01-01 10:00:29');
SELECT weir.trigger_checkpoint('drop') \g /dev/null
SELECT results_eq('SELECT sum(late_records)::int FROM weir.tasks', 'VALUES (1)', 'and late after a restart, too');
SELECT results_eq('SELECT count(*)::int FROM per_window', 'VALUES (1)', 'it makes no window');
SELECT weir.drop_job('drop') \g /dev/null

ALTER FOREIGN TABLE bids OPTIONS (DROP on_error, ADD late 'dead_letter');
CALL start('letters', 'INSERT INTO per_window SELECT * FROM windows');
INSERT INTO bids VALUES (1, '2026-01-01 11:00:10'), (2, '2026-01-01 11:00:24'), (3, '2026-01-01 11:00:19');
SELECT weir.trigger_checkpoint('letters') \g /dev/null
SELECT results_eq($$SELECT line_number, line, sqlstate FROM weir.dead_letters$$,
    $$VALUES (3::bigint, E'3\t2026-01-01 11:00:19+00', 'WE001')$$, 'with late ''dead_letter'' it is a dead letter, whatever on_error says');
SELECT weir.drop_job('letters') \g /dev/null

ALTER FOREIGN TABLE bids OPTIONS (SET late 'stop');
CALL start('stops', 'INSERT INTO per_window SELECT * FROM windows');
INSERT INTO bids VALUES (1, '2026-01-01 12:00:10'), (2, '2026-01-01 12:00:24');
SELECT weir.trigger_checkpoint('stops') \g /dev/null
INSERT INTO bids VALUES (3, '2026-01-01 12:00:19');
SELECT ok(comes($$SELECT status = 'failed' FROM weir.jobs WHERE name = 'stops'$$), 'with late ''stop'' the job fails');
SELECT matches(last_error, 'too late', 'and says why') FROM weir.jobs WHERE name = 'stops';
ALTER FOREIGN TABLE bids ALTER at OPTIONS (SET watermark '1 min');
SELECT weir.start_job('stops') \g /dev/null
SELECT ok(comes($$SELECT status = 'failed' AND last_error ~ 'watermark had come to 2026-01-01 12:00:20' FROM weir.jobs WHERE name = 'stops'$$),
    'a larger bound does not help a job that has got there');
ALTER FOREIGN TABLE bids ALTER at OPTIONS (SET watermark '4 s');
ALTER FOREIGN TABLE bids OPTIONS (SET late 'drop');
SELECT weir.start_job('stops') \g /dev/null
SELECT ok(weir.trigger_checkpoint('stops') > 0, 'with late ''drop'' it goes on, as the hint says');
SELECT results_eq('SELECT sum(late_records)::int FROM weir.tasks', 'VALUES (1)', 'and counts the record');
SELECT weir.drop_job('stops') \g /dev/null
ALTER FOREIGN TABLE bids OPTIONS (SET late 'dead_letter');
CALL start('timeless', 'INSERT INTO per_window SELECT * FROM windows');
INSERT INTO bids VALUES (1, NULL), (2, '-infinity');
SELECT weir.trigger_checkpoint('timeless') \g /dev/null
SELECT results_eq($$SELECT sqlstate, error FROM weir.dead_letters WHERE job = 'timeless' ORDER BY line_number$$,
    $$VALUES ('WE001', E'the record has no time\nThe time by which its place is found is null.'),
        ('WE001', E'the record has an infinite time\nThe time by which its place is found is infinite.')$$, 'a record without a time is not said to be late');
SELECT weir.drop_job('timeless') \g /dev/null
ALTER FOREIGN TABLE bids OPTIONS (DROP late);

-- the option goes and comes while a job runs
TRUNCATE per_window;
CALL start('dropped', 'INSERT INTO per_window SELECT * FROM windows');
INSERT INTO bids VALUES (1, '2026-01-01 13:00:10');
SELECT weir.trigger_checkpoint('dropped') \g /dev/null
SELECT results_eq($$SELECT value FROM weir.state('dropped')$$,
    $$VALUES ('[{"from": "2026-01-01T13:00:10+00:00", "to": "2026-01-01T13:00:20+00:00", "results": [1]}]'::jsonb)$$, 'weir.state shows a window');
ALTER FOREIGN TABLE bids ALTER at OPTIONS (DROP watermark);
INSERT INTO bids VALUES (2, '2026-01-01 13:00:11');
SELECT ok(comes($$SELECT status = 'restarting' AND status_reason ~ 'needs a watermark' FROM weir.jobs WHERE name = 'dropped'$$),
    'a running job whose stream loses its watermark cannot go on');
ALTER FOREIGN TABLE bids ALTER at OPTIONS (ADD watermark '4 s');
SELECT ok(comes($$SELECT status = 'running' FROM weir.jobs WHERE name = 'dropped'$$), 'until it has it again');
INSERT INTO bids VALUES (3, '2026-01-01 13:00:24');
SELECT weir.trigger_checkpoint('dropped') \g /dev/null
SELECT results_eq('TABLE per_window', $$VALUES (timestamptz '2026-01-01 13:00:10', 2::bigint)$$, 'and has every record');
SELECT weir.drop_job('dropped') \g /dev/null
CALL start('panes', $$INSERT INTO per_window SELECT lower(w), sum(id) FROM bids, LATERAL weir.hop(at, '15 s', '10 s') w GROUP BY w$$);
INSERT INTO bids VALUES (1, '2026-01-01 13:00:10'), (2, '2026-01-01 13:00:14'), (3, '2026-01-01 13:00:16');
SELECT weir.trigger_checkpoint('panes') \g /dev/null
SELECT results_eq($$SELECT value FROM weir.state('panes')$$,
    $$VALUES ('[{"from": "2026-01-01T13:00:10+00:00", "results": [3]}, {"from": "2026-01-01T13:00:15+00:00", "results": [3]}]'::jsonb)$$, 'and the panes of those that overlap');
SELECT weir.drop_job('panes') \g /dev/null

-- windows by weir.watermark, live and in weir.try_job
TRUNCATE per_window;
CREATE VIEW hours AS SELECT id, weir.watermark(at + interval '1 h', '4 s') AS at FROM bids;
CALL start('hours', $$INSERT INTO per_window SELECT lower(w), count(*) FROM hours, LATERAL weir.tumble(at, '10 s') w GROUP BY w$$);
INSERT INTO bids VALUES (1, '2026-01-01 10:00:10'), (2, '2026-01-01 10:00:24'), (3, '2026-01-01 10:00:19'), (4, '2026-01-01 10:00:21');
SELECT weir.trigger_checkpoint('hours') \g /dev/null
SELECT results_eq('TABLE per_window', $$VALUES (timestamptz '2026-01-01 11:00:10', 1::bigint)$$, 'a window by weir.watermark');
SELECT results_eq('SELECT sum(late_records)::int FROM weir.tasks', 'VALUES (1)', 'and what is late for it');
SELECT weir.stop_job('hours', savepoint => 'here') \g /dev/null
SELECT weir.start_job('hours') \g /dev/null
INSERT INTO bids VALUES (5, '2026-01-01 10:00:18'), (6, '2026-01-01 10:00:35');
SELECT weir.trigger_checkpoint('hours') \g /dev/null
SELECT results_eq('TABLE per_window ORDER BY 1', $$VALUES (timestamptz '2026-01-01 11:00:10', 1::bigint), ('2026-01-01 11:00:20', 2)$$, 'after a restart, too');
SELECT weir.stop_job('hours') \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('hours', ARRAY[E'1\t2026-01-01 10:00:10', E'2\t2026-01-01 10:00:24', E'3\t2026-01-01 10:00:19', E'4\t2026-01-01 10:00:21'], NULL::per_window)$$,
    $$VALUES (timestamptz '2026-01-01 11:00:10', 1::bigint)$$, 'and in weir.try_job');
SELECT results_eq($$SELECT * FROM weir.try_job('hours', ARRAY[E'1\t2026-01-01 10:00:10', E'2\t2026-01-01 10:00:24', E'3\t2026-01-01 10:00:19', E'4\t2026-01-01 10:00:21'], NULL::per_window, finish => true)$$,
    $$VALUES (timestamptz '2026-01-01 11:00:10', 1::bigint), ('2026-01-01 11:00:20', 2)$$, 'which may end');
SELECT weir.drop_job('hours') \g /dev/null

-- a stream that is idle holds nobody back
CREATE FOREIGN TABLE quiet (id bigint, at timestamptz OPTIONS (watermark '0')) SERVER weir_feed;
TRUNCATE per_window;
CALL start('two streams', $$INSERT INTO per_window SELECT lower(w), count(*) FROM (SELECT at FROM bids UNION ALL SELECT at FROM quiet) u, LATERAL weir.tumble(at, '10 s') w GROUP BY w$$);
INSERT INTO bids VALUES (1, '2026-01-01 10:00:10'), (2, '2026-01-01 10:00:40');
SELECT weir.trigger_checkpoint('two streams') \g /dev/null
SELECT is(count(*)::int, 0, 'windows wait for the stream that is behind') FROM per_window;
SELECT weir.drop_job('two streams') \g /dev/null
ALTER FOREIGN TABLE quiet OPTIONS (ADD idle_timeout '300 ms');
CALL start('two streams', $$INSERT INTO per_window SELECT lower(w), count(*) FROM (SELECT at FROM bids UNION ALL SELECT at FROM quiet) u, LATERAL weir.tumble(at, '10 s') w GROUP BY w$$);
INSERT INTO bids VALUES (1, '2026-01-01 10:00:10'), (2, '2026-01-01 10:00:40');
SELECT ok(comes($$SELECT weir.trigger_checkpoint('two streams') > 0 AND count(*) = 1 FROM per_window$$), 'but not for one that is idle');
SELECT weir.drop_job('two streams') \g /dev/null

-- idle
ALTER FOREIGN TABLE bids OPTIONS (ADD idle_timeout '200 ms');
CALL start('idle', 'INSERT INTO seen SELECT * FROM bids');
SELECT ok(comes('SELECT is_idle FROM weir.sources'), 'a stream of which nothing comes is idle');
SELECT weir.drop_job('idle') \g /dev/null

-- a record from far ahead, until the job begins anew
CREATE FOREIGN TABLE ahead (id bigint, at timestamptz OPTIONS (watermark '4 s')) SERVER weir_feed;
CREATE TABLE of_ahead (at timestamptz, n bigint);
CALL start('ahead', $$INSERT INTO of_ahead SELECT lower(w), count(*) FROM ahead, LATERAL weir.tumble(at, '10 s') w GROUP BY w$$);
INSERT INTO ahead VALUES (1, '2126-01-01');
SELECT weir.trigger_checkpoint('ahead'), weir.stop_job('ahead'), weir.start_job('ahead') \g /dev/null
INSERT INTO ahead VALUES (2, '2026-01-01 10:00:01'), (3, '2026-01-01 10:00:20');
SELECT weir.trigger_checkpoint('ahead'), weir.stop_job('ahead') \g /dev/null
SELECT is_empty('TABLE of_ahead', 'what follows a record from far ahead is late, over a restart, too');
SELECT weir.start_job('ahead', fresh => true) \g /dev/null
INSERT INTO ahead VALUES (4, '2026-01-01 10:00:01'), (5, '2026-01-01 10:00:20');
SELECT weir.trigger_checkpoint('ahead') \g /dev/null
SELECT results_eq('TABLE of_ahead', $$VALUES (timestamptz '2026-01-01 10:00', 1::bigint)$$, 'not where it begins anew');
SELECT weir.drop_job('ahead') \g /dev/null

-- the same in weir.try_job
SELECT weir.create_job('try', $$INSERT INTO seen SELECT id, weir.watermark(at, '10 s') FROM bids$$) \g /dev/null
SELECT results_eq($$SELECT id FROM weir.try_job('try', ARRAY[E'1\t2026-01-01', E'2\t2025-01-01'], NULL::seen)$$,
    'VALUES (1::bigint), (2)', 'weir.try_job runs it');
SELECT matches(string_agg(l, E'\n'), 'Watermark: weir.watermark, 00:00:10 late at most', 'weir.explain_job shows it') FROM weir.explain_job('try') l;
SELECT * FROM finish();
