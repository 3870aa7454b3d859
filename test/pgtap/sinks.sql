-- A job's INSERT is an INSERT: whatever the target has and the query looks up, the
-- job's rows, and the records that are refused, are those of the same statement run
-- once a record over a stored table.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION file_fdw;
SELECT plan(107);

-- Several of a key in one batch, values that come again, some that targets refuse.
CREATE TABLE input (line bigint GENERATED ALWAYS AS IDENTITY, k bigint, v bigint, t text);
INSERT INTO input (k, v, t) VALUES (1, 3, 'a'), (2, 20, 'B'), (1, 4, 'A'), (3, -5, 'c'), (1, 9, 'a'), (2, 1, 'b'),
    (40, 7, 'D'), (3, 8, 'C'), (5, 13, 'e'), (1, -2, 'x'), (6, 6, 'E'), (2, 2, 'f');
SELECT string_agg(k || ' ' || v || ' ' || t || '\n', '' ORDER BY line) AS data FROM input \gset
\setenv DATA :data
\set port `perl test/pgtap/sender --each "$DATA"`
CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port :'port');
CREATE FOREIGN TABLE readings (k bigint, v bigint, t text) SERVER here OPTIONS (delimiter ' ', on_error 'dead_letter');
CREATE TABLE known (id bigint PRIMARY KEY, name text, since int);
INSERT INTO known SELECT i, 'name ' || i, i % 3 FROM generate_series(1, 6) i WHERE i <> 5;
CREATE INDEX ON known USING hash (name);
DROP ROLE IF EXISTS weir_sinks_owner;
CREATE ROLE weir_sinks_owner LOGIN;
GRANT SELECT ON readings, known, input TO weir_sinks_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO weir_sinks_owner', current_database()) \gexec

CREATE TABLE cases (number int GENERATED ALWAYS AS IDENTITY, name text, ddl text, query text,
    result text DEFAULT 'TABLE target', owner text DEFAULT 'postgres', schema text DEFAULT '');
\set plain 'CREATE TABLE target (k bigint, v bigint, t text)'

INSERT INTO cases (name, ddl, query) VALUES
    ('do nothing', 'CREATE TABLE target (k bigint PRIMARY KEY, v bigint)',
     'INSERT INTO target SELECT k, v FROM readings ON CONFLICT DO NOTHING'),
    ('do nothing on another index', 'CREATE TABLE target (k bigint PRIMARY KEY, v bigint, t text UNIQUE)',
     'INSERT INTO target SELECT line, v, lower(t) FROM readings JOIN input USING (k, v, t) ON CONFLICT (t) DO NOTHING'),
    ('do update where', 'CREATE TABLE target (k bigint PRIMARY KEY, v bigint, n int DEFAULT 1)',
     'INSERT INTO target AS old (k, v) SELECT k, v FROM readings ON CONFLICT (k) DO UPDATE
      SET v = old.v + excluded.v, n = old.n + 1 WHERE excluded.v > 0 AND old.v < 10'),
    ('constraint by name', 'CREATE TABLE target (k bigint, v bigint, CONSTRAINT only_one UNIQUE (k))',
     'INSERT INTO target SELECT k, v FROM readings ON CONFLICT ON CONSTRAINT only_one DO UPDATE SET v = target.v * 10 + excluded.v'),
    ('arbiter over an expression', 'CREATE TABLE target (t text, v bigint, n int DEFAULT 1); CREATE UNIQUE INDEX ON target (lower(t))',
     'INSERT INTO target (t, v) SELECT t, v FROM readings ON CONFLICT (lower(t)) DO UPDATE SET v = target.v - excluded.v, n = target.n + 1'),
    ('partial arbiter', 'CREATE TABLE target (k bigint, v bigint); CREATE UNIQUE INDEX ON target (k) WHERE v > 0',
     'INSERT INTO target SELECT k, v FROM readings ON CONFLICT (k) WHERE v > 0 DO UPDATE SET v = target.v + excluded.v'),
    ('an index beside the arbiter', 'CREATE TABLE target (k bigint PRIMARY KEY, t text UNIQUE)',
     'INSERT INTO target SELECT k, lower(t) FROM readings ON CONFLICT (k) DO UPDATE SET t = excluded.t'),
    ('exclusion constraint', 'CREATE TABLE target (r int8range, EXCLUDE USING gist (r WITH &&))',
     'INSERT INTO target SELECT int8range(least(k, v), greatest(k, v), ''[]'') FROM readings ON CONFLICT DO NOTHING'),
    ('conflicts that are refused', 'CREATE TABLE target (k bigint PRIMARY KEY, v bigint)', 'INSERT INTO target SELECT k, v FROM readings'),
    ('row triggers', 'CREATE TABLE target (k bigint, v bigint); CREATE TABLE log (n int GENERATED ALWAYS AS IDENTITY, what text);
      CREATE TRIGGER before_row BEFORE INSERT ON target FOR EACH ROW EXECUTE FUNCTION public.doubles();
      CREATE TRIGGER after_row AFTER INSERT ON target FOR EACH ROW EXECUTE FUNCTION public.notes()',
     'INSERT INTO target SELECT k, v FROM readings'),
    ('statement triggers', 'CREATE TABLE target (k bigint, v bigint); CREATE TABLE log (n int GENERATED ALWAYS AS IDENTITY, what text);
      CREATE TRIGGER before_statement BEFORE INSERT ON target FOR EACH STATEMENT EXECUTE FUNCTION public.notes();
      CREATE TRIGGER after_statement AFTER INSERT ON target REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.notes_added()',
     'INSERT INTO target SELECT k, v FROM readings'),
    ('triggers of an upsert', 'CREATE TABLE target (k bigint PRIMARY KEY, v bigint); CREATE TABLE log (n int GENERATED ALWAYS AS IDENTITY, what text);
      CREATE TRIGGER changes BEFORE INSERT OR UPDATE ON target FOR EACH ROW EXECUTE FUNCTION public.notes();
      CREATE TRIGGER changed AFTER UPDATE ON target FOR EACH ROW WHEN (new.v > old.v) EXECUTE FUNCTION public.notes()',
     'INSERT INTO target SELECT k, v FROM readings ON CONFLICT (k) DO UPDATE SET v = excluded.v'),
    ('instead of on a view', 'CREATE TABLE target (k bigint, v bigint); CREATE VIEW seen AS SELECT k, sum(v) AS v FROM target GROUP BY k;
      CREATE TRIGGER instead INSTEAD OF INSERT ON seen FOR EACH ROW EXECUTE FUNCTION public.inserts()',
     'INSERT INTO seen SELECT k, v FROM readings'),
    ('deferred constraint trigger', 'CREATE TABLE target (k bigint, v bigint);
      CREATE CONSTRAINT TRIGGER guard AFTER INSERT ON target DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuses()',
     'INSERT INTO target SELECT k, v FROM readings'),
    ('overriding system value', 'CREATE TABLE target (id bigint GENERATED ALWAYS AS IDENTITY, t text)',
     'INSERT INTO target OVERRIDING SYSTEM VALUE SELECT k, t FROM readings'),
    ('overriding user value', 'CREATE TABLE target (id bigint GENERATED BY DEFAULT AS IDENTITY, t text)',
     'INSERT INTO target OVERRIDING USER VALUE SELECT k, t FROM readings'),
    ('identity by default', 'CREATE TABLE target (id bigint GENERATED BY DEFAULT AS IDENTITY, t text)', 'INSERT INTO target SELECT k, t FROM readings'),
    ('defaults and generated columns', 'CREATE SEQUENCE numbers; CREATE TABLE target (n bigint DEFAULT nextval(''numbers'') * 10, k bigint, v bigint CHECK (v < 15),
      sum bigint GENERATED ALWAYS AS (k + v) STORED CHECK (sum <> 47), d text DEFAULT upper(''x''), none int)', 'INSERT INTO target (k, v) SELECT k, v FROM readings'),
    ('partitions', 'CREATE TABLE target (k bigint, v bigint, t text) PARTITION BY RANGE (k);
      CREATE TABLE low PARTITION OF target FOR VALUES FROM (1) TO (3); CREATE TABLE middle PARTITION OF target FOR VALUES FROM (3) TO (10) PARTITION BY LIST (t);
      CREATE TABLE middle_c PARTITION OF middle FOR VALUES IN (''c'', ''e'')', 'INSERT INTO target SELECT * FROM readings'),
    ('upsert into partitions', 'CREATE TABLE target (k bigint, v bigint, PRIMARY KEY (k)) PARTITION BY HASH (k);
      CREATE TABLE even PARTITION OF target FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE odd PARTITION OF target FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
     'INSERT INTO target SELECT k, v FROM readings ON CONFLICT (k) DO UPDATE SET v = target.v + excluded.v'),
    ('foreign keys', 'CREATE TABLE target (k bigint REFERENCES public.known, v bigint)', 'INSERT INTO target SELECT k, v FROM readings'),
    ('deferred foreign keys', 'CREATE TABLE target (k bigint REFERENCES public.known DEFERRABLE INITIALLY DEFERRED, v bigint)', 'INSERT INTO target SELECT k, v FROM readings'),
    ('a view with check option', 'CREATE TABLE target (k bigint, v bigint); CREATE VIEW positive AS SELECT * FROM target WHERE v > 0;
      CREATE VIEW small AS SELECT v, k FROM positive WHERE k < 6 WITH CASCADED CHECK OPTION', 'INSERT INTO small SELECT v, k FROM readings'),
    ('inner join', :'plain', 'INSERT INTO target SELECT k, since, name FROM readings JOIN known ON id = k WHERE v > 0'),
    ('left join', :'plain', 'INSERT INTO target SELECT k, since, name FROM readings LEFT JOIN known ON name = ''name '' || k'),
    ('lateral', :'plain', 'INSERT INTO target SELECT r.k, l.n, l.names FROM readings r, LATERAL
      (SELECT count(*) AS n, string_agg(name, '','' ORDER BY id) AS names FROM known WHERE since < r.v AND id <> r.k) l'),
    ('left join lateral', :'plain', 'INSERT INTO target SELECT r.k, l.id, r.t FROM readings r LEFT JOIN LATERAL
      (SELECT id FROM known WHERE id > r.k ORDER BY id LIMIT 1) l ON true'),
    ('subqueries', :'plain', 'INSERT INTO target SELECT k, (SELECT since FROM known WHERE id = k), t FROM readings
      WHERE EXISTS (SELECT FROM known WHERE id = k) AND v > (SELECT avg(since) FROM known) AND k NOT IN (SELECT id FROM known WHERE name = ''name 2'')'),
    ('functions', :'plain', 'INSERT INTO target SELECT public.immutable(k), public.stable(v), public.named(known) FROM readings JOIN known ON id = k');
INSERT INTO cases (name, ddl, query, result) VALUES
    ('a volatile function a row', :'plain' || '; CREATE SEQUENCE calls; CREATE FUNCTION counted(bigint) RETURNS bigint
      LANGUAGE sql VOLATILE AS $$ SELECT nextval(''calls'') * 0 + $1 $$', 'INSERT INTO target SELECT k, counted(v), t FROM readings',
     'SELECT (SELECT count(*) FROM target), (SELECT last_value FROM calls)');
INSERT INTO cases (name, owner, ddl, query) VALUES
    ('row security', 'weir_sinks_owner', 'CREATE TABLE target (k bigint, v bigint); ALTER TABLE target ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY good ON target WITH CHECK (v > 0 AND EXISTS (SELECT FROM public.known WHERE id = k)); CREATE POLICY seen ON target FOR SELECT USING (true)',
     'INSERT INTO target SELECT k, v FROM readings'),
    ('row security of an upsert', 'weir_sinks_owner', 'CREATE TABLE target (k bigint PRIMARY KEY, v bigint); ALTER TABLE target ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY added ON target FOR INSERT WITH CHECK (v > 0); CREATE POLICY changed ON target FOR UPDATE USING (v < 10) WITH CHECK (v <> 4); CREATE POLICY seen ON target FOR SELECT USING (true)',
     'INSERT INTO target SELECT k, v FROM readings ON CONFLICT (k) DO UPDATE SET v = excluded.v');
-- A batch is narrowed down to what is refused, which takes numbers of sequences.
UPDATE cases SET result = 'SELECT row_number() OVER (ORDER BY n), what FROM log' WHERE ddl LIKE '%TABLE log%';
UPDATE cases SET result = 'SELECT k, v, sum, d, none, n % 10 FROM target' WHERE name = 'defaults and generated columns';

CREATE FUNCTION doubles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.k = 2 THEN RETURN NULL; ELSIF new.v = 8 THEN RAISE 'not 8'; END IF;
    new.v := new.v * 2;
    RETURN new;
END $$;
CREATE FUNCTION notes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log (what) VALUES (concat_ws(' ', tg_when, tg_op, tg_level, new, (SELECT count(*) FROM target)));
    RETURN new;
END $$;
CREATE FUNCTION notes_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log (what) SELECT concat_ws(' ', tg_when, count(*), sum(v)) FROM added;
    RETURN NULL;
END $$;
CREATE FUNCTION inserts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO target VALUES (new.k, new.v - coalesce((SELECT v FROM seen WHERE k = new.k), 0));
    RETURN new;
END $$;
CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.v < 0 THEN RAISE 'below zero' USING ERRCODE = 'check_violation'; END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION immutable(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 * 100; END';
CREATE FUNCTION stable(bigint) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT $1 + max(since) FROM public.known';
CREATE FUNCTION named(known) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.name || $1.since';

-- A schema for the job of each case, and one for its batch.
CREATE PROCEDURE start_all() LANGUAGE plpgsql AS $$
DECLARE
    c cases;
BEGIN
    FOR c IN SELECT * FROM cases ORDER BY number LOOP
        PERFORM set_config('role', c.owner, false);
        EXECUTE format('CREATE SCHEMA live_%s', c.number);
        PERFORM set_config('search_path', format('live_%s, public', c.number), false);
        EXECUTE c.ddl;
        PERFORM weir.create_job(c.name, c.query);
        PERFORM weir.enable_checkpointing(c.name, every => '1 h');
        PERFORM weir.set_restart_strategy(c.name, 'none');
        PERFORM weir.start_job(c.name);
        PERFORM set_config('search_path', 'public', false), set_config('role', 'postgres', false);
        COMMIT;
        PERFORM weir.wait_for_job(c.name, 'finished', '1 min');
        COMMIT;
    END LOOP;
END $$;

-- Runs the statement once a record; the lines of those that it refuses.
CREATE FUNCTION batch(c cases) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    r input;
    refused bigint[] := '{}';
BEGIN
    EXECUTE c.ddl;
    CREATE TABLE readings (k bigint, v bigint, t text);
    FOR r IN SELECT * FROM input ORDER BY line LOOP
        DELETE FROM readings;
        INSERT INTO readings VALUES (r.k, r.v, r.t);
        BEGIN
            EXECUTE c.query;
            SET CONSTRAINTS ALL IMMEDIATE;
        EXCEPTION WHEN others THEN
            refused := refused || r.line;
        END;
    END LOOP;
    RETURN refused;
END $$;

CREATE FUNCTION result(c cases, schema text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM set_config('search_path', format('%s_%s, public', schema, c.number), true);
    EXECUTE format('SELECT string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C") FROM (%s) r', c.result) INTO result;
    RETURN result;
END $$;

CREATE FUNCTION is_same(c cases) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    refused bigint[];
BEGIN
    PERFORM set_config('role', c.owner, true);
    EXECUTE format('CREATE SCHEMA batch_%s', c.number);
    PERFORM set_config('search_path', format('batch_%s, public', c.number), true);
    refused := batch(c);
    PERFORM set_config('role', 'postgres', true);
    RETURN NEXT is((SELECT concat_ws(': ', status, last_error) FROM weir.jobs WHERE name = c.name), 'finished', c.name || ': finished');
    RETURN NEXT is(result(c, 'live'), result(c, 'batch'), c.name || ': the rows');
    RETURN NEXT is((SELECT coalesce(array_agg(line_number ORDER BY line_number), '{}') FROM weir.dead_letters WHERE job = c.name),
                   refused, c.name || ': the records that are refused');
    PERFORM set_config('search_path', 'public', true);
END $$;

CALL start_all();
SELECT is_same(c) FROM cases c ORDER BY number;

-- Refused at the word.
CREATE SEQUENCE calls;
CREATE TABLE identity (id bigint GENERATED ALWAYS AS IDENTITY, t text);
SELECT throws_ok($$SELECT weir.create_job('before', 'INSERT INTO identity (t) SELECT name FROM (SELECT k, nextval(''calls'') AS n FROM readings) r JOIN known ON id < n')$$,
    '0A000', 'nextval() cannot be called where a job only reads', 'a function that writes, before the sink');
SELECT throws_ok($$SELECT weir.create_job('always', 'INSERT INTO identity SELECT k, t FROM readings')$$, '428C9', NULL, 'an identity column GENERATED ALWAYS');
SELECT throws_ok($$SELECT weir.create_job('returns', 'INSERT INTO identity (t) SELECT t FROM readings RETURNING id')$$, '0A000',
    'the query of a job cannot have RETURNING', 'RETURNING');

-- Foreign tables of other wrappers: where nothing is prepared.
SELECT current_setting('unix_socket_directories') AS sockets, current_setting('port') AS port, current_database() AS database \gset
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host :'sockets', port :'port', dbname :'database');
CREATE USER MAPPING FOR CURRENT_USER SERVER loop OPTIONS (user 'postgres');
CREATE TABLE remote (k bigint CHECK (k <> 40), v bigint);
CREATE FOREIGN TABLE far (k bigint, v bigint) SERVER loop OPTIONS (table_name 'remote');
SELECT weir.create_job('far', 'INSERT INTO far SELECT k, v FROM readings') \g /dev/null
SELECT throws_ok($$SELECT weir.enable_checkpointing('far')$$, '0A000', 'job "far" cannot write foreign table "far" in mode exactly_once', 'postgres_fdw: not exactly once');
SELECT lives_ok($$SELECT weir.enable_checkpointing('far', every => '50 ms', mode => 'at_least_once')$$, 'postgres_fdw: at least once');
SELECT throws_ok($$SELECT weir.enable_checkpointing('far', mode => 'exactly_once')$$, '0A000', NULL, 'a mode is not changed to exactly_once');
SELECT weir.start_job('far') \g /dev/null
SELECT ok(weir.wait_for_job('far', 'finished', '1 min'), 'postgres_fdw: finished');
SELECT bag_eq('TABLE remote', 'SELECT k, v FROM input WHERE k <> 40', 'postgres_fdw: the rows are there');
SELECT results_eq($$SELECT line_number FROM weir.dead_letters WHERE job = 'far'$$, 'VALUES (7::bigint)', 'postgres_fdw: a row that is refused there is a letter');

CREATE TABLE parts (k bigint, v bigint) PARTITION BY LIST (k);
CREATE TABLE part_near PARTITION OF parts FOR VALUES IN (1);
SELECT weir.create_job('parts', 'INSERT INTO parts SELECT k, v FROM readings'), weir.enable_checkpointing('parts') \g /dev/null
CREATE FOREIGN TABLE part_far PARTITION OF parts DEFAULT SERVER loop OPTIONS (table_name 'remote');
SELECT throws_ok($$SELECT weir.start_job('parts')$$, '0A000', 'job "parts" cannot write foreign table "part_far" in mode exactly_once', 'a partition elsewhere: start_job looks again');

CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE file (k bigint, v bigint) SERVER files OPTIONS (filename '/dev/null');
SELECT throws_ok($$SELECT weir.create_job('file', 'INSERT INTO file SELECT k, v FROM readings')$$, '0A000', 'cannot insert into foreign table "file"', 'file_fdw takes no rows');

SELECT * FROM finish();
DO $$
BEGIN
    PERFORM weir.drop_job(name) FROM weir.jobs;
END $$;
DROP OWNED BY weir_sinks_owner CASCADE;
DROP ROLE weir_sinks_owner;
