-- Every kind of state x time to live x update type x visibility, played against a
-- model in plain SQL: fixed scenarios and random scripts, with a clock of their
-- own, snapshots and restores in between, and subtransactions that are rolled back.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
\set scripts 20

CREATE TABLE records (k int);
CREATE FUNCTION keyed(records) RETURNS void LANGUAGE sql AS 'SELECT';

-- ---- the states: a kind each, without and with a time to live of every sort

CREATE TABLE states AS
SELECT concat_ws('_', kind, update_type, CASE visibility
        WHEN 'return_expired_if_not_cleaned_up' THEN 'relaxed' END) AS name, kind, update_type,
    coalesce(visibility = 'return_expired_if_not_cleaned_up', false) AS relaxed
FROM unnest(ARRAY['value', 'list', 'map', 'reducing', 'aggregating']) kind,
    (SELECT NULL AS update_type, NULL AS visibility
     UNION ALL
     SELECT * FROM unnest(ARRAY['disabled', 'on_create_and_write', 'on_read_and_write']) u,
         unnest(ARRAY['never_return_expired', 'return_expired_if_not_cleaned_up']) v) t;

SELECT CASE kind
    WHEN 'value' THEN weir.create_value_state('keyed(records)', name, 'bigint', '-1', ttl)
    WHEN 'list' THEN weir.create_list_state('keyed(records)', name, 'bigint', ttl)
    WHEN 'map' THEN weir.create_map_state('keyed(records)', name, 'text', 'bigint', ttl)
    WHEN 'reducing' THEN
        weir.create_reducing_state('keyed(records)', name, 'bigint', 'int8pl(bigint,bigint)', ttl)
    ELSE weir.create_aggregating_state('keyed(records)', name, aggregate => 'sum(bigint)', ttl => ttl)
    END
FROM (SELECT name, kind, CASE WHEN update_type IS NOT NULL THEN
        weir.state_ttl('100 s', update_type, CASE WHEN relaxed THEN
            'return_expired_if_not_cleaned_up' ELSE 'never_return_expired' END) END AS ttl
    FROM states) s \g /dev/null

-- ---- the model: parts, each with a stamp, least recently stamped first

-- unsure: it has expired, and incremental cleanup may have removed it
CREATE TYPE part AS (k text, v bigint, stamp int, unsure boolean);

CREATE FUNCTION is_expired(state states, p part, now int) RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce(state.update_type, 'disabled') <> 'disabled' AND p.stamp + 100 <= now
$$;

CREATE FUNCTION shown(state states, parts part[]) RETURNS text LANGUAGE sql AS $$
    SELECT CASE state.kind
        WHEN 'list' THEN (SELECT coalesce(array_agg(v ORDER BY i), '{}')::text
                          FROM unnest(parts) WITH ORDINALITY u (k, v, stamp, unsure, i))
        WHEN 'map' THEN (SELECT string_agg(k || '=' || v, ',' ORDER BY k) FROM unnest(parts))
        WHEN 'value' THEN coalesce((SELECT v FROM unnest(parts)), -1)::text
        ELSE (SELECT v::text FROM unnest(parts))
    END
$$;

-- Reads the parts of key wanted, or all; what a read may then return.
CREATE FUNCTION model_read(state states, INOUT parts part[], wanted text, now int, OUT answers text[])
LANGUAGE plpgsql AS $$
DECLARE
    p part;
    present part[] := '{}';
    kept part[] := '{}';
    renewed part[] := '{}';
    certain part[] := '{}';     -- expired, and surely there still
    maybe part[] := '{}';
BEGIN
    FOREACH p IN ARRAY parts LOOP
        IF wanted <> p.k THEN
            kept := kept || p;
        ELSIF NOT is_expired(state, p, now) THEN
            IF state.update_type = 'on_read_and_write' THEN
                p.stamp := now;
                renewed := renewed || p;
            ELSE
                kept := kept || p;
            END IF;
            present := present || p;
        ELSIF p.unsure THEN
            maybe := maybe || p;
        ELSE
            certain := certain || p;
        END IF;
    END LOOP;
    parts := kept || renewed;
    IF NOT state.relaxed THEN
        answers := ARRAY[shown(state, present)];
        RETURN;
    END IF;
    FOR i IN 0 .. cardinality(maybe) LOOP
        answers := answers || shown(state, maybe[i + 1:] || certain || present);
    END LOOP;
END $$;

CREATE FUNCTION model_add(state states, parts part[], v bigint, now int) RETURNS part[]
LANGUAGE plpgsql AS $$
DECLARE
    p part := parts[1];
BEGIN
    IF cardinality(parts) > 0 AND (NOT is_expired(state, p, now) OR state.relaxed) THEN
        v := p.v + v;
    END IF;
    RETURN ARRAY[ROW(NULL, v, now, false)::part];
END $$;

-- One operation: the parts after it, and what it may return.
CREATE FUNCTION model(state states, INOUT parts part[], op text, key text, val bigint, now int,
    OUT answers text[])
LANGUAGE plpgsql AS $$
BEGIN
    IF op IN ('read', 'get') THEN
        SELECT r.parts, r.answers INTO parts, answers
        FROM model_read(state, parts, CASE WHEN op = 'get' THEN key END, now) r;
        IF op = 'get' THEN
            answers := ARRAY(SELECT split_part(a, '=', 2) FROM unnest(answers) a);
        END IF;
        RETURN;
    ELSIF op = 'contains' THEN
        SELECT r.parts, ARRAY(SELECT (a IS NOT NULL)::text FROM unnest(r.answers) a)
        INTO parts, answers FROM model_read(state, parts, key, now) r;
        RETURN;
    END IF;
    answers := ARRAY[''];
    parts := CASE op
        WHEN 'clear' THEN '{}'
        WHEN 'remove' THEN ARRAY(SELECT u::part FROM unnest(parts) u WHERE u.k <> key)
        WHEN 'update' THEN ARRAY[ROW(NULL, val, now, false), ROW(NULL, val + 1, now, false)]::part[]
        WHEN 'write' THEN CASE state.kind
            WHEN 'value' THEN ARRAY[ROW(NULL, val, now, false)]::part[]
            WHEN 'list' THEN parts || ROW(NULL, val, now, false)::part
            WHEN 'map' THEN ARRAY(SELECT u::part FROM unnest(parts) u WHERE u.k <> key) ||
                ROW(key, val, now, false)::part
            ELSE model_add(state, parts, val, now)
            END
        END;
END $$;

-- After a record: what has expired may have been cleaned up.
CREATE FUNCTION swept(state states, parts part[], now int) RETURNS part[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(ROW(k, v, stamp, unsure OR
        is_expired(state, ROW(k, v, stamp, unsure)::part, now))::part ORDER BY i), '{}')
    FROM unnest(parts) WITH ORDINALITY u (k, v, stamp, unsure, i)
$$;

-- ---- the same operation, on the store

CREATE FUNCTION statement(state states, op text, key text, val bigint) RETURNS text LANGUAGE sql AS $$
    SELECT format('SELECT ' || CASE op
        WHEN 'clear' THEN 'weir.state_clear(%1$L)'
        WHEN 'remove' THEN 'weir.map_remove(%1$L, %2$L)'
        WHEN 'get' THEN 'weir.map_get(%1$L, %2$L, NULL::bigint)'
        WHEN 'contains' THEN 'weir.map_contains(%1$L, %2$L)::text'
        WHEN 'update' THEN 'weir.list_update(%1$L, ARRAY[%3$s, %3$s + 1])'
        WHEN 'read' THEN CASE state.kind
            WHEN 'value' THEN 'weir.state_value(%1$L, NULL::bigint)'
            WHEN 'list' THEN 'weir.list_get(%1$L, NULL::bigint)'
            WHEN 'map' THEN 'string_agg(key || ''='' || value, '','' ORDER BY key)'
                ' FROM weir.map_entries(%1$L, NULL::text, NULL::bigint)'
            WHEN 'reducing' THEN 'weir.reducing_get(%1$L, NULL::bigint)'
            ELSE 'weir.aggregating_get(%1$L, NULL::numeric)'
            END
        ELSE CASE state.kind
            WHEN 'value' THEN 'weir.state_update(%1$L, %3$s)'
            WHEN 'list' THEN 'weir.list_add(%1$L, %3$s)'
            WHEN 'map' THEN 'weir.map_put(%1$L, %2$L, %3$s)'
            WHEN 'reducing' THEN 'weir.reducing_add(%1$L, %3$s)'
            ELSE 'weir.aggregating_add(%1$L, %3$s)'
            END
        END, state.name, key, val || '::bigint')
$$;

CREATE FUNCTION act(state states, op text, key text, val bigint, now int) RETURNS text LANGUAGE sql AS $$
    SELECT weir_internal.with_state('keyed(records)', 1, 'epoch'::timestamptz + now * interval '1 s',
        statement(state, op, key, val))
$$;

CREATE TABLE chunks (key_group int, is_full boolean, seq int, payload bytea, number serial);

-- The session's store as a restart would find it.
CREATE FUNCTION restart(now int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chunks SELECT * FROM weir_internal.snapshot_state('keyed(records)', false);
    PERFORM weir_internal.forget_state('keyed(records)');
    PERFORM weir_internal.with_state('keyed(records)', 0, 'epoch'::timestamptz + now * interval '1 s', 'SELECT');
    -- a group's chunks before its last full one are superseded
    DELETE FROM chunks c WHERE number < (SELECT max(number) FROM chunks f
        WHERE f.key_group = c.key_group AND f.is_full AND f.seq = 0);
    PERFORM weir_internal.load_state('keyed(records)', key_group, is_full, payload)
    FROM chunks ORDER BY number;
END $$;

-- ---- scripts: steps of time, operation, key, value

CREATE TYPE step AS (now int, op text, key text, val bigint, undone boolean);

-- Plays a script; what went wrong, or NULL.
CREATE FUNCTION play(state states, script step[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s step;
    parts part[] := '{}';
    result record;
    got text;
BEGIN
    TRUNCATE chunks;
    PERFORM weir_internal.forget_state('keyed(records)');
    FOREACH s IN ARRAY script LOOP
        IF s.op = 'restart' THEN
            PERFORM weir_internal.with_state('keyed(records)', 0, 'epoch'::timestamptz + s.now * interval '1 s', 'SELECT');
            PERFORM restart(s.now);
            -- snapshots need not leave out what has expired
            parts := swept(state, parts, s.now);
            CONTINUE;
        END IF;
        IF s.op = 'write' AND state.kind IN ('reducing', 'aggregating') AND state.relaxed AND
            parts[1].unsure THEN
            s.op := 'clear';    -- what would be added to is not known
        END IF;
        SELECT * INTO result FROM model(state, parts, s.op, s.key, s.val, s.now);
        IF s.undone THEN
            BEGIN
                got := act(state, s.op, s.key, s.val, s.now);
                RAISE EXCEPTION 'undone';
            EXCEPTION WHEN raise_exception THEN
            END;
        ELSE
            got := act(state, s.op, s.key, s.val, s.now);
            parts := result.parts;
        END IF;
        IF array_position(result.answers, got) IS NULL THEN
            RETURN format('%s: at %s %s: %s, not %s', array_to_json(script), s.now, s.op,
                coalesce(got, 'NULL'), result.answers);
        END IF;
        parts := swept(state, parts, s.now);
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION random_script(kind text) RETURNS step[] LANGUAGE plpgsql AS $$
DECLARE
    ops text[] := ARRAY['write', 'write', 'write', 'read', 'read', 'clear', 'restart'] ||
        CASE kind WHEN 'list' THEN ARRAY['write', 'update']
                  WHEN 'map' THEN ARRAY['write', 'write', 'get', 'contains', 'remove']
                  ELSE '{}' END;
    jumps int[] := '{0, 0, 1, 30, 50, 99, 100, 120}';
    now int := 0;
    script step[] := '{}';
BEGIN
    FOR i IN 1 .. 25 LOOP
        now := now + jumps[1 + floor(random() * cardinality(jumps))::int];
        script := script || ROW(now, ops[1 + floor(random() * cardinality(ops))::int],
            chr(97 + floor(random() * 4)::int), floor(random() * 100), random() < 0.2)::step;
    END LOOP;
    RETURN script;
END $$;

CREATE TABLE scripts (name text, script step[]);
INSERT INTO scripts VALUES
    ('20: written at 0 and 50, read at 120',
     '{"(0,write,a,1,f)","(50,write,a,2,f)","(120,read,a,,f)"}'),
    ('21: written at 0, read at 50, 120, 250',
     '{"(0,write,a,1,f)","(50,read,a,,f)","(120,read,a,,f)","(250,read,a,,f)","(250,read,a,,f)"}'),
    ('21: one before its time is over, and when it is',
     '{"(0,write,a,1,f)","(99,read,a,,f)","(199,read,a,,f)","(200,read,a,,f)"}'),
    ('22: updated after a snapshot, restored, the stamps of the snapshot rule',
     '{"(0,write,a,1,f)","(10,restart,,,f)","(60,write,a,2,f)","(70,restart,,,f)","(120,read,a,,f)","(170,read,a,,f)"}'),
    ('22: downtime counts', '{"(0,write,a,1,f)","(10,restart,,,f)","(500,read,a,,f)"}'),
    ('an expired value read once only, then written anew',
     '{"(0,write,a,1,f)","(100,read,a,,f)","(100,read,a,,f)","(100,write,a,2,f)","(199,read,a,,f)"}'),
    ('added to when expired', '{"(0,write,a,1,f)","(100,write,a,2,f)","(100,read,a,,f)"}'),
    ('written in a subtransaction that is undone',
     '{"(0,write,a,1,f)","(10,write,a,2,t)","(20,read,a,,t)","(30,clear,a,,t)","(100,read,a,,f)"}'),
    ('cleared', '{"(0,write,a,1,f)","(10,clear,a,,f)","(20,read,a,,f)","(20,restart,,,f)","(20,read,a,,f)"}');

SELECT count(*) * ((SELECT count(*) FROM scripts) + :scripts) AS cases FROM states \gset
SELECT plan(:cases + 12);
SELECT diag('state_kinds: ' || :cases || ' cases');

SELECT setseed(0.5);
SELECT is(play(s, script), NULL, s.name || ', ' || c.name)
FROM states s, scripts c ORDER BY s.name, c.name;
SELECT is(play(s, random_script(kind)), NULL, s.name || ', random script ' || i)
FROM states s, generate_series(1, :scripts) i ORDER BY s.name, i;

-- 23: other keys are touched; what has expired vanishes, and its memory with it.
SELECT weir_internal.forget_state('keyed(records)');
CREATE FUNCTION fill(state states, n int) RETURNS void LANGUAGE sql AS $$
    SELECT weir_internal.with_state('keyed(records)', k, 'epoch'::timestamptz,
        statement(state, 'write', 'key ' || i, k))
    FROM generate_series(1, n) k, generate_series(1, 3) i
$$;
CREATE FUNCTION touch(at int, n int) RETURNS void LANGUAGE sql AS $$
    SELECT weir_internal.with_state('keyed(records)', -1, 'epoch'::timestamptz + at * interval '1 s', 'SELECT')
    FROM generate_series(1, n)
$$;
CREATE FUNCTION idle(kind text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    state states;
    before record;
    after record;
BEGIN
    SELECT s.* INTO state FROM states s WHERE s.kind = idle.kind AND update_type = 'on_create_and_write' AND NOT relaxed;
    PERFORM weir_internal.forget_state('keyed(records)');
    PERFORM fill(state, 10000);
    SELECT * INTO before FROM weir_internal.measure_state('keyed(records)');
    PERFORM touch(99, 6000);
    RETURN NEXT is((SELECT keys FROM weir_internal.measure_state('keyed(records)')), 10000::bigint,
        '23: ' || kind || ': before their time nothing is removed');
    PERFORM touch(100, 6000);
    PERFORM weir_internal.snapshot_state('keyed(records)', false);
    SELECT * INTO after FROM weir_internal.measure_state('keyed(records)');
    RETURN NEXT ok(after.keys = 0 AND after.bytes < before.bytes * 2 / 3,
        format('23: %s: idle keys vanish: %s keys, %s bytes; then %s, %s', kind,
            before.keys, before.bytes, after.keys, after.bytes));
END $$;
SELECT idle(kind) FROM unnest(ARRAY['value', 'list', 'map', 'reducing', 'aggregating']) kind;

-- A full snapshot leaves out what has expired.
CREATE FUNCTION written(at int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir_internal.with_state('keyed(records)', -1, 'epoch'::timestamptz + at * interval '1 s', 'SELECT');
    RETURN (SELECT coalesce(sum(length(payload)), 0) FROM weir_internal.snapshot_state('keyed(records)', true));
END $$;
SELECT weir_internal.forget_state('keyed(records)');
SELECT fill(s, 100) FROM states s WHERE update_type = 'on_create_and_write' \g /dev/null
SELECT written(99) AS before \gset
SELECT written(100) AS after \gset
SELECT cmp_ok(:before, '>', 10000, 'a full snapshot holds what is there');
SELECT ok(:after < :before / 10 AND keys = 0, 'and leaves out what has expired')
FROM weir_internal.measure_state('keyed(records)');
SELECT * FROM finish();
