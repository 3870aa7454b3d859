-- weir.tumble, hop, cumulate over plain values and tables.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(33);
SET TimeZone = 'Europe/Berlin';

SELECT is(weir.tumble('2024-03-05 12:00:07.5+00'::timestamptz, '10 s'),
    '["2024-03-05 12:00:00+00","2024-03-05 12:00:10+00")'::tstzrange, 'tumble');
SELECT is(weir.tumble('2024-03-05 12:00:10+00'::timestamptz, '10 s'),
    '["2024-03-05 12:00:10+00","2024-03-05 12:00:20+00")'::tstzrange, 'a window begins with its first moment');
SELECT is(weir.tumble('2024-03-05 12:00:07.5'::timestamp, '10 s'),
    '["2024-03-05 12:00:00","2024-03-05 12:00:10")'::tsrange, 'tumble of a timestamp');
SELECT is(weir.tumble('2024-03-05 12:00:07'::timestamp, '10 s', '8 s'),
    '["2024-03-05 11:59:58","2024-03-05 12:00:08")'::tsrange, 'with an offset');
SELECT is(weir.tumble('2024-03-05 12:00:07'::timestamp, '10 s', "offset" => '-2 s'),
    '["2024-03-05 11:59:58","2024-03-05 12:00:08")'::tsrange, 'with a negative one');
SELECT is(weir.tumble('2024-03-05 12:00:07'::timestamp, '10 s', "offset" => '100008 s'),
    '["2024-03-05 11:59:58","2024-03-05 12:00:08")'::tsrange, 'with one above the size');
SELECT is(weir.tumble('1969-12-31 23:59:59'::timestamp, '7 s'),
    '["1969-12-31 23:59:53","1970-01-01 00:00:00")'::tsrange, 'before 1970');
SELECT is(weir.tumble('1970-01-01 00:00:00'::timestamp, '7 s'),
    '["1970-01-01 00:00:00","1970-01-01 00:00:07")'::tsrange, 'windows count from 1970');
SELECT is(weir.tumble('1901-02-03 04:05:06'::timestamp, '7 days'),
    tsrange(t, t + '7 days'), 'days, long before')
  FROM (VALUES (timestamp '1970-01-01' + interval '7 days' * floor(extract(epoch FROM timestamp '1901-02-03 04:05:06')::float / 604800))) v (t);
SELECT is(weir.tumble('2024-03-31 12:00+00'::timestamptz, '1 day'),
    '["2024-03-31 00:00+00","2024-04-01 00:00+00")'::tstzrange, 'a day has 24 hours, whatever the time zone');
SELECT is(weir.tumble(NULL::timestamptz, '1 day'), NULL, 'of null');
SELECT is(weir.tumble('infinity'::timestamptz, '1 day'), NULL, 'infinity is in no window');
SELECT is(weir.tumble('-infinity'::timestamp, '1 day'), NULL, 'nor is -infinity');
SELECT results_eq($$ SELECT extract(epoch FROM lower(weir.tumble(t, '10 s'))), count(*) FROM
        (SELECT to_timestamp(i) FROM generate_series(-25, 24) i) s (t) GROUP BY 1 ORDER BY 1 $$,
    $$ VALUES (-30::numeric, 5::bigint), (-20, 10), (-10, 10), (0, 10), (10, 10), (20, 5) $$, 'in a grouping');

SELECT results_eq($$ SELECT weir.hop('2024-03-05 12:00:07'::timestamp, '10 s', '5 s') $$,
    $$ VALUES ('["2024-03-05 12:00:00","2024-03-05 12:00:10")'::tsrange), ('["2024-03-05 12:00:05","2024-03-05 12:00:15")') $$, 'hop');
SELECT results_eq($$ SELECT extract(epoch FROM lower(w)), extract(epoch FROM upper(w)) FROM weir.hop(to_timestamp(-1), '10 s', '4 s') w $$,
    $$ VALUES (-8::numeric, 2::numeric), (-4, 6) $$, 'hop by a slide that does not divide the size, before 1970');
SELECT results_eq($$ SELECT s, extract(epoch FROM lower(w)) FROM generate_series(0, 11) s, weir.hop(to_timestamp(s), '2 s', '5 s') w ORDER BY s $$,
    $$ VALUES (0, 0::numeric), (1, 0), (5, 5), (6, 5), (10, 10), (11, 10) $$, 'hop with gaps');
SELECT is_empty($$ SELECT weir.hop(NULL::timestamptz, '10 s', '5 s') $$, 'hop of null');
SELECT is_empty($$ SELECT weir.hop('infinity'::timestamptz, '10 s', '5 s') $$, 'hop of infinity');
SELECT results_eq($$ SELECT extract(epoch FROM lower(w)), extract(epoch FROM upper(w)) FROM weir.cumulate(to_timestamp(107), '5 s', '20 s') w $$,
    $$ VALUES (100::numeric, 110::numeric), (100, 115), (100, 120) $$, 'cumulate');
SELECT results_eq($$ SELECT extract(epoch FROM lower(w)), extract(epoch FROM upper(w)) FROM weir.cumulate(to_timestamp(-1), '5 s', '15 s', "offset" => '2 s') w $$,
    $$ VALUES (-13::numeric, 2::numeric) $$, 'cumulate before 1970, with an offset');
-- each time is in all windows that say they hold it, and in no other
SELECT is_empty($$ SELECT t, w FROM generate_series(-60, 60) t, weir.hop(to_timestamp(t), '13 s', '5 s', '2 s') w WHERE NOT w @> to_timestamp(t) $$, 'they hold it');
SELECT results_eq($$ SELECT t, count(*) FROM generate_series(-60, 60) t, weir.hop(to_timestamp(t), '13 s', '5 s', '2 s') w GROUP BY t ORDER BY t $$,
    $$ SELECT t, count(*) FROM generate_series(-60, 60) t, generate_series(-98, 97, 5) s WHERE s <= t AND t < s + 13 GROUP BY t ORDER BY t $$, 'and there are no more');

SELECT throws_ok($$ SELECT weir.tumble(now(), '1 mon') $$, '22023', 'size of weir.tumble cannot have months', 'months');
SELECT throws_ok($$ SELECT weir.tumble(now(), '0') $$, '22023', 'size of weir.tumble must be above zero', 'no size');
SELECT throws_ok($$ SELECT weir.hop(now(), '-1 s', '1 s') $$, '22023', 'size of weir.hop must be above zero', 'a negative size');
SELECT throws_ok($$ SELECT weir.hop(now(), '1 s', '0 s') $$, '22023', 'slide of weir.hop must be above zero', 'no slide');
SELECT throws_ok($$ SELECT weir.cumulate(now(), '2 s', '5 s') $$, '22023', 'size of weir.cumulate must be a multiple of step', 'part of a step');
SELECT throws_ok($$ SELECT weir.cumulate(now(), '10 s', '5 s') $$, '22023', 'size of weir.cumulate must be a multiple of step', 'a step above the size');
SELECT throws_ok($$ SELECT weir.tumble(now(), '1 s', '1 mon') $$, '22023', 'offset of weir.tumble cannot have months', 'months of an offset');
SELECT throws_ok($$ SELECT weir.tumble(now(), '1 s', lateness => '-1 s') $$, '22023', 'lateness of weir.tumble must not be negative', 'lateness');
SELECT throws_ok($$ SELECT weir.tumble('294276-12-31 23:59:59+00'::timestamptz, '10 s') $$, '22008', 'timestamp out of range', 'the last window there is');
SELECT throws_ok($$ SELECT weir.session(now(), '1 s') $$, '0A000', 'weir.session cannot be called outside GROUP BY of a job', 'session');

SELECT finish();
