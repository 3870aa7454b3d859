-- The compile step: how a job's query is cut, and what is refused where.
-- Nothing runs here: the queries are only described.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
RESET client_min_messages;
CREATE SCHEMA compiled;
SET search_path = compiled;

CREATE SERVER compiled FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER compiled OPTIONS (delimiter ' ');
CREATE FOREIGN TABLE words (id int, name text, doc json, at timestamptz) SERVER compiled;
CREATE TABLE averages (f0 bigint, average bigint);
CREATE TABLE texts (id bigint, line text);
CREATE TABLE names (id bigint PRIMARY KEY, name text, threshold bigint);
CREATE FUNCTION count_window_average(r readings) RETURNS TABLE (f0 bigint, average bigint)
    LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
CREATE FUNCTION total(id bigint, v bigint DEFAULT 1, scale numeric DEFAULT 2) RETURNS bigint
    LANGUAGE plpgsql AS $$ BEGIN RETURN v; END $$;
CREATE FUNCTION untyped(v bigint) RETURNS SETOF record
    LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;

SET enable_nestloop = off;
SET enable_mergejoin = off;
SET enable_bitmapscan = off;
\pset format unaligned
\pset tuples_only on

-- The job of the contract.
SELECT weir_internal.describe_query($$
    INSERT INTO averages
    SELECT a.* FROM readings r
    JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
$$, plans => true);

-- No keyed step: filters in the scan, the select list in the sink.
SELECT weir_internal.describe_query(
    'INSERT INTO averages (average, f0) SELECT f1 * 2, f0 FROM readings WHERE f1 > 10 AND f0 < 5', plans => true);
SELECT weir_internal.describe_query('INSERT INTO averages SELECT 1, 2 FROM readings', plans => true);

-- Conditions, of WHERE and of ON, stand where what they mention is known.
-- (From PostgreSQL 17 on a plan tells more of a subplan.)
SELECT replace(weir_internal.describe_query($$
    INSERT INTO averages
    SELECT r.f0 + 1, a.average FROM readings r
    JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0) AND r.f1 > 0 AND a.average < 100
    WHERE (r.f0 IS NOT NULL AND a.f0 IN (SELECT id FROM names)) AND r.f1 % 2 = 0
$$, plans => true), '(ANY (f0_1 = (hashed SubPlan 1).col1))', '(hashed SubPlan 1)');

-- Joins with tables: sorted again by the records' order.
SELECT weir_internal.describe_query($$
    INSERT INTO averages
    SELECT n.id, a.average FROM readings r
    LEFT JOIN names n ON n.id = r.f0
    JOIN LATERAL count_window_average(r) a ON weir.key_by(n.name, r.f0)
    WHERE a.average > n.threshold
$$, plans => true);
SELECT weir_internal.describe_query($$
    INSERT INTO averages
    SELECT f0, total FROM (readings JOIN names ON id = f0) JOIN LATERAL total(f0, threshold) ON weir.key_by(f0)
$$);
SELECT weir_internal.describe_query($$
    INSERT INTO averages
    SELECT id, a.average
    FROM (SELECT f0 AS id, f1 FROM readings) r JOIN names USING (id)
    JOIN LATERAL count_window_average(ROW(id, f1)::readings) a ON weir.key_by(id)
$$);
SELECT weir_internal.describe_query($$
    INSERT INTO averages
    SELECT r.f0, (SELECT threshold + a.average FROM names n WHERE n.id = r.f0 AND n.name = a::text)
    FROM readings r JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
$$, plans => true);

-- Views and subqueries between the stream and the query.
CREATE VIEW hot AS SELECT f0, f1 FROM readings WHERE f1 > 50;
CREATE VIEW hotter WITH (security_barrier) AS SELECT h.f0, h.f1 + 1 AS f1 FROM hot h WHERE f1 > 90;
CREATE VIEW named AS SELECT r.f0, r.f1, n.name FROM readings r JOIN names n ON n.id = r.f0;
SELECT weir_internal.describe_query($$
    INSERT INTO averages SELECT a.* FROM (SELECT * FROM hotter) r
    JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
$$, plans => true);
SELECT weir_internal.describe_query($$
    INSERT INTO texts SELECT f0, name || (named.*)::text FROM named
$$, plans => true);
SELECT weir_internal.describe_query($$
    INSERT INTO averages SELECT f0, x FROM (SELECT f0, generate_series(1, f1) AS x FROM readings) g WHERE x > 1
$$, plans => true);
SELECT weir_internal.describe_query($$
    INSERT INTO averages SELECT r.f0, g.x FROM readings r, LATERAL generate_series(1, r.f1) g(x)
$$);

SELECT weir_internal.describe_query($$
    INSERT INTO texts SELECT r.f0, (r.*)::text FROM (SELECT h.*, random() AS x FROM hotter h) r
    JOIN LATERAL total(r.f0) a ON weir.key_by(r.f0) WHERE r.x < 0.5 AND r.f0 IN (SELECT id FROM names)
$$, plans => true);

-- What f returns: scalar, record with a column list, whole rows of both sides.
SELECT weir_internal.describe_query($$
    INSERT INTO averages SELECT r.f0, t FROM readings r JOIN LATERAL total(r.f0, r.f1) t ON weir.key_by(r.f0)
$$);
SELECT weir_internal.describe_query($$
    INSERT INTO averages SELECT t.x, r.f1 FROM readings r
    JOIN LATERAL total(scale => 3, id => r.f0) t(x) ON weir.key_by(r.f0, r.f1 % 10)
$$);
SELECT weir_internal.describe_query($$
    INSERT INTO names SELECT u.a, u::text || r::text || s::text, (r).f1
    FROM (SELECT f0, f1 FROM readings) s JOIN LATERAL (SELECT s.f0, s.f1) AS r ON true
    JOIN LATERAL untyped(s.f1) u(a bigint, b text) ON weir.key_by(s.f0)
$$, plans => true);
SELECT weir_internal.describe_query($$
    INSERT INTO averages SELECT w.id, length(k) FROM words w
    JOIN LATERAL upper(w.name) k ON weir.key_by(lower(w.name), 'x', w.at::date)
$$);

-- Where the sink runs.
CREATE TABLE plain (id int, name text, v bigint);
CREATE TABLE by_id (id int PRIMARY KEY, name text, v bigint);
CREATE TABLE by_id_name (id int, name text, v bigint, UNIQUE (name, id));
CREATE TABLE by_name (id int, name varchar PRIMARY KEY, v bigint);
CREATE TABLE by_lower (id int, name text, v bigint);
CREATE UNIQUE INDEX ON by_lower (lower(name));
CREATE COLLATION shady (provider = icu, locale = 'und', deterministic = false);
CREATE TABLE by_shady (id int, name text COLLATE shady UNIQUE, v bigint);
CREATE TABLE numbered (no bigserial PRIMARY KEY, id int, name text, v bigint,
    tag uuid DEFAULT gen_random_uuid() UNIQUE, i int GENERATED ALWAYS AS IDENTITY UNIQUE);
CREATE TABLE excluded (id int, name text, v bigint, EXCLUDE USING btree (id WITH =));
CREATE TABLE triggered (id int, name text, v bigint);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER watch AFTER INSERT ON triggered FOR EACH STATEMENT EXECUTE FUNCTION nothing();
CREATE TABLE deleted (id int, name text, v bigint);
CREATE TRIGGER watch BEFORE DELETE ON deleted FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE VIEW window_on AS SELECT id, name, v FROM plain WITH CHECK OPTION;
CREATE TABLE referring (id bigint REFERENCES names, name text, v bigint);
CREATE TABLE own (id int PRIMARY KEY, name text, v bigint, parent int REFERENCES own);
CREATE TABLE parts (id int, name text, v bigint) PARTITION BY RANGE (id);
CREATE TABLE parts_low (v bigint, name text, id int);
ALTER TABLE parts ATTACH PARTITION parts_low FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (10) TO (20);
CREATE UNIQUE INDEX ON parts_low (id);
CREATE FUNCTION place(target text, key text, item text DEFAULT 'w.id') RETURNS text LANGUAGE sql AS $f$
    SELECT target || ', ' || substring(weir_internal.describe_query(format(
        $$INSERT INTO %s (id, name, v) SELECT %s, w.name, t FROM words w JOIN LATERAL total(w.id) t ON weir.key_by(%s)$$,
        target, item, key)) FROM 'Placement: ([^\n]*)')
$f$;
SELECT place(t, k) FROM (VALUES ('plain', 'w.id'), ('by_id', 'w.id'), ('by_id', 'w.name'), ('by_id', 'w.id, w.name'),
    ('by_id_name', 'w.id'), ('by_id_name', 'w.name, w.id'), ('by_id_name', 'w.id + 1'), ('by_name', 'w.name'),
    ('by_lower', 'lower(w.name)'), ('by_shady', 'w.name'), ('numbered', 'w.id'), ('excluded', 'w.id'),
    ('triggered', 'w.id'), ('deleted', 'w.id'), ('window_on', 'w.id'), ('referring', 'w.id'), ('own', 'w.id'),
    ('parts', 'w.id'), ('parts', 'w.name')) x(t, k);
SELECT place('by_id', 'w.id % 7', 'w.id % 7');
-- Each kind of value that no two tasks can produce, by itself; and where the statement gives another.
CREATE TABLE by_serial (no bigserial PRIMARY KEY, id int, name text, v bigint);
CREATE TABLE by_identity (i int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, id int, name text, v bigint);
CREATE TABLE by_uuid (tag uuid DEFAULT gen_random_uuid(), id int, name text, v bigint, UNIQUE (name, tag));
CREATE TABLE by_text_uuid (tag text DEFAULT gen_random_uuid()::text PRIMARY KEY, id int, name text, v bigint);
CREATE TABLE by_clock (at timestamptz DEFAULT clock_timestamp() PRIMARY KEY, id int, name text, v bigint);
CREATE TABLE given (id bigserial PRIMARY KEY, name text, v bigint);
CREATE TABLE by_both (id int PRIMARY KEY, name text UNIQUE, v bigint);
CREATE TABLE by_part (id int, name text, v bigint, UNIQUE (id)) PARTITION BY HASH (id);
CREATE TABLE by_part_0 PARTITION OF by_part FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE excluded_key (id int, name text, v bigint, EXCLUDE USING hash (id WITH =));
CREATE TABLE guarded (id int, name text, v bigint);
CREATE CONSTRAINT TRIGGER guard AFTER INSERT ON guarded DEFERRABLE FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE guarded_part (id int, name text, v bigint) PARTITION BY RANGE (id);
CREATE TABLE guarded_part_0 PARTITION OF guarded_part DEFAULT;
CREATE TRIGGER guard AFTER INSERT ON guarded_part_0 FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT t, place(t, k) FROM (VALUES ('by_serial', 'w.id'), ('by_identity', 'w.id'), ('by_uuid', 'w.id'), ('by_text_uuid', 'w.id'),
    ('by_clock', 'w.id'), ('given', 'w.name'), ('by_both', 'w.id'), ('by_both', 'w.name'), ('by_both', 'w.id, w.name'),
    ('by_part', 'w.id'), ('by_part', 'w.name'), ('excluded_key', 'w.id'), ('guarded', 'w.id'), ('guarded_part', 'w.id'),
    ('by_id_name', 'w.id, w.name COLLATE compiled.shady')) x(t, k);
-- An update that moves a row in a unique index can meet another task's.
CREATE FUNCTION place_upsert(target text, action text) RETURNS text LANGUAGE sql AS $f$
    SELECT target || ', ' || substring(weir_internal.describe_query(format(
        $$INSERT INTO %s AS x (id, name, v) SELECT w.id, w.name, t FROM words w JOIN LATERAL total(w.id) t
            ON weir.key_by(w.id) ON CONFLICT %s$$, target, action)) FROM 'Placement: ([^\n]*)')
$f$;
SELECT place_upsert(t, a) FROM (VALUES ('by_id', '(id) DO UPDATE SET v = excluded.v'),
    ('by_id', '(id) DO UPDATE SET id = excluded.id, name = x.name'), ('by_id', '(id) DO UPDATE SET id = x.id + 1'),
    ('by_id', '(id) DO NOTHING'), ('by_id_name', '(id, name) DO UPDATE SET name = ''moved'''),
    ('numbered', '(no) DO UPDATE SET no = 1')) x(t, a);
-- A function that could write, wherever the statement calls it; those that cannot.
CREATE TABLE counter (n bigint);
CREATE FUNCTION next_number() RETURNS int LANGUAGE sql AS 'UPDATE counter SET n = n + 1 RETURNING n::int';
CREATE FUNCTION numbers(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN next_number() > 0; END $$;
CREATE FUNCTION reads(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT count(*) > 0 FROM counter';
CREATE DOMAIN numbered_text AS text CHECK (numbers(VALUE));
CREATE DOMAIN outer_text AS numbered_text;
CREATE DOMAIN plain_text AS text CHECK (reads(VALUE));
CREATE TYPE wrapped AS (value text);
CREATE FUNCTION wrap(int) RETURNS wrapped LANGUAGE plpgsql AS $$ BEGIN RETURN ROW(next_number()); END $$;
CREATE CAST (int AS wrapped) WITH FUNCTION wrap(int) AS ASSIGNMENT;
CREATE FUNCTION numbers_of(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN next_number(); END $$;
CREATE OPERATOR ### (LEFTARG = text, RIGHTARG = text, FUNCTION = numbers_of);
CREATE TABLE by_default (id int, name text, v bigint, no int DEFAULT next_number());
CREATE TABLE by_check (id int, name text CHECK (numbers(name)), v bigint);
CREATE TABLE by_domain (id int, name outer_text, v bigint);
CREATE TABLE by_plain (id int, name plain_text, v bigint, at timestamptz DEFAULT clock_timestamp(), x float8 DEFAULT random());
CREATE TABLE by_cast (id wrapped, name text, v bigint);
CREATE TABLE by_partition (id int, name text, v bigint) PARTITION BY RANGE (id);
CREATE TABLE by_partition_0 PARTITION OF by_partition (CHECK (numbers(name))) DEFAULT;
CREATE TABLE by_generated (id int, name text, v bigint, length int GENERATED ALWAYS AS (length(name)) STORED);
SELECT t, place(t, 'w.id', i) FROM (VALUES ('by_default', 'w.id'), ('by_check', 'w.id'), ('by_domain', 'w.id'), ('by_plain', 'w.id'),
    ('by_cast', 'w.id'), ('by_partition', 'w.id'), ('by_generated', 'w.id'), ('plain', 'next_number()'), ('plain', 'length(w.name ### w.name)'),
    ('plain', 'CASE WHEN reads(w.name) THEN 1 END'), ('plain', '(SELECT next_number())'), ('plain', 'nextval(''given_id_seq'')::int'),
    ('plain', 'length(pg_advisory_xact_lock(1)::text)'), ('plain', 'extract(epoch FROM now())::int')) x(t, i);
SELECT place_upsert(t, a) FROM (VALUES ('by_id', '(id) DO UPDATE SET v = next_number()'),
    ('by_id', '(id) DO UPDATE SET v = 1 WHERE numbers(x.name)'), ('by_id', '(id) DO UPDATE SET v = x.v WHERE reads(x.name)')) x(t, a);
SELECT place('by_id', 'w.id', 't.t::int');
SELECT place('by_id', 'w.id', 'w.id::bigint::int');

-- How many rows a statement.
CREATE FUNCTION batching(conflict text, target text DEFAULT 'by_id', item text DEFAULT 'w.name') RETURNS text LANGUAGE sql AS $f$
    SELECT substring(weir_internal.describe_query(format(
        $$INSERT INTO %s (id, name, v) SELECT w.id, %s, 1 FROM words w %s$$, target, item, conflict))
        FROM 'Batching: ([^\n]*)')
$f$;
CREATE FUNCTION peek() RETURNS text LANGUAGE sql STABLE AS 'SELECT count(*)::text FROM by_id';
CREATE FUNCTION wrap(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
SELECT batching('');
SELECT batching('', 'triggered');
SELECT batching('', 'deleted');
SELECT batching('', 'window_on');
SELECT batching('', 'parts');
SELECT batching('', 'by_id', 'peek()');
SELECT batching('', 'by_id', 'wrap(w.name)');
CREATE FUNCTION looked_up(int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 > 0';
CREATE TABLE checked (id int CHECK (looked_up(id)), name text CHECK (name <> ''), v bigint);
SELECT batching('', 'checked');
SELECT batching('', 'by_id', '(SELECT name FROM names n WHERE n.id = w.id)');
SELECT batching('ON CONFLICT DO NOTHING');
SELECT batching('ON CONFLICT DO NOTHING', 'excluded');
SELECT batching('ON CONFLICT (id) DO UPDATE SET v = by_id.v + excluded.v');
SELECT batching('ON CONFLICT (id) DO UPDATE SET id = excluded.id, v = excluded.v');
SELECT batching('ON CONFLICT (id) DO UPDATE SET id = by_id.id + 1');
SELECT batching('ON CONFLICT ON CONSTRAINT by_id_name_name_id_key DO UPDATE SET v = excluded.v', 'by_id_name');
SELECT batching('ON CONFLICT (name) DO UPDATE SET v = excluded.v', 'by_name', 'random()::text');
SELECT batching('ON CONFLICT (name) DO UPDATE SET v = excluded.v', 'by_name', 'regexp_split_to_table(w.name, '' '')');
SELECT batching('ON CONFLICT (lower(name)) DO UPDATE SET v = excluded.v', 'by_lower');
SELECT weir_internal.describe_query($$
    INSERT INTO by_id AS b SELECT id, name, 1 FROM words ON CONFLICT (id) DO UPDATE SET v = b.v + excluded.v WHERE b.v < 10
$$, plans => true);

-- Row security and privileges are those of whoever compiles.
CREATE ROLE compile_reader;
GRANT USAGE ON SCHEMA weir_internal, compiled TO compile_reader;
GRANT SELECT ON readings, names TO compile_reader;
ALTER TABLE names ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON names USING (id < 100);
\set joined 'INSERT INTO averages SELECT r.f0, n.threshold FROM readings r JOIN names n ON n.id = r.f0'
SET ROLE compile_reader;
SELECT weir_internal.describe_query(:'joined', plans => true);
SELECT weir_internal.describe_query('INSERT INTO averages SELECT id, id FROM words');
RESET ROLE;
GRANT INSERT ON averages TO compile_reader;
REVOKE EXECUTE ON FUNCTION total FROM PUBLIC;
SET ROLE compile_reader;
SELECT weir_internal.describe_query(:'joined', plans => true);
SELECT weir_internal.describe_query('INSERT INTO averages SELECT r.f0, t FROM readings r JOIN LATERAL total(r.f0) t ON weir.key_by(r.f0)');
SELECT weir_internal.describe_query('INSERT INTO averages SELECT id, id FROM words');
RESET ROLE;
GRANT EXECUTE ON FUNCTION total TO PUBLIC;

SET client_min_messages = warning;
DROP SCHEMA compiled CASCADE;
DROP SERVER compiled;
DROP OWNED BY compile_reader;
DROP ROLE compile_reader;
