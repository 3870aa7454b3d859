-- Timers of keyed functions, through weir.try_job.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (device bigint, at timestamptz OPTIONS (watermark '4 s'), value int)
    SERVER here OPTIONS (format 'csv');

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
    RETURN QUERY SELECT k, format('gone at %s, last seen %s', to_char(moment, 'SS'),
        to_char(weir.state_value('last', NULL::timestamptz), 'SS'));
    PERFORM weir.state_clear('last');
END $$;
SELECT weir.create_value_state('f(readings)', 'last', 'timestamptz') \g /dev/null
SELECT weir.create_timer('f(readings)', 'gone', handler => 'f_gone(bigint, timestamptz)', clock => 'event') \g /dev/null
CREATE TABLE events (device bigint, what text);
SELECT weir.create_job('gone', $$
    INSERT INTO events SELECT e.device, e.what FROM readings r JOIN LATERAL f(r) e ON weir.key_by(r.device)
$$) \g /dev/null

SELECT results_eq('TABLE weir.timers', $$VALUES ('public.f(public.readings)', 'gone',
    'public.f_gone(bigint,timestamp with time zone)', 'event', current_user::name)$$, 'weir.timers');
SELECT weir.explain_job('gone');

BEGIN;
SELECT results_eq($$SELECT * FROM weir.try_job('gone', ARRAY[
    '1,2026-01-01 00:00:01Z,1',
    '2,2026-01-01 00:00:02Z,1',
    '1,2026-01-01 00:00:05Z,1',
    '2,2026-01-01 00:00:16Z,1',
    '3,2026-01-01 00:00:40Z,1'], NULL::events)$$,
    $$VALUES (2::bigint, 'gone at 12, last seen 02'), (1, 'gone at 15, last seen 05'), (2, 'gone at 26, last seen 16')$$, 'in order of time');
ROLLBACK;
SELECT * FROM finish();
