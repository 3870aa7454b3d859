-- Rows that Weir inserts many at once, without the executor, are those that the
-- statement would insert: the same query into tables that are alike, of which one
-- has a trigger, disabled, so that the executor writes it.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
CREATE SCHEMA fast;
CREATE SCHEMA slow;
SELECT no_plan();

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE stopping (k bigint, v bigint, t text) SERVER here OPTIONS (delimiter ' ');
CREATE FOREIGN TABLE lettering (k bigint, v bigint, t text)
    SERVER here OPTIONS (delimiter ' ', on_error 'dead_letter', max_dead_letters '10000');
CREATE FUNCTION passes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE DOMAIN small AS bigint CHECK (VALUE < 1990);
CREATE TABLE ports (port int);

-- Three batches and more; a value that is refused in most of the tables is far behind.
\set sender `pwd`/test/pgtap/sender
\set lines `mktemp`
\setenv LINES_FILE :lines
\! perl -e 'print $_ % 50, " ", $_, " ", $_ == 700 ? "x" x 9000 : join("", map { chr(97 + ($_ * 7919 + $_[0]) % 26) } 1 .. $_ % 40), "\n" for 1 .. 2000' > "$LINES_FILE"; chmod 644 "$LINES_FILE"

CREATE PROCEDURE run(sender text, lines text, job text, schema text, ddl text, query text)
LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE ports;
    EXECUTE format('COPY ports FROM PROGRAM %L', 'perl ' || sender || ' --file ' || lines);
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', (SELECT port FROM ports));
    PERFORM set_config('search_path', schema || ', public', false);
    EXECUTE ddl;
    IF schema = 'slow' THEN
        CREATE TRIGGER passes BEFORE INSERT ON target FOR EACH ROW EXECUTE FUNCTION passes();
        ALTER TABLE target DISABLE TRIGGER passes;
    END IF;
    PERFORM weir.create_job(job, query);
    PERFORM weir.enable_checkpointing(job, every => '1 h');
    PERFORM weir.set_restart_strategy(job, 'none');
    COMMIT;
    PERFORM weir.start_job(job);
    COMMIT;
    PERFORM weir.wait_for_job(job, CASE WHEN query LIKE '%stopping%' AND job LIKE '% errs' THEN 'failed' ELSE 'finished' END, '1 min');
    PERFORM set_config('search_path', 'public', false);
END $$;

CREATE FUNCTION outcome(job text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(E'\n', status, replace(last_error, job, ''),
                     (SELECT string_agg(line_number || ' ' || sqlstate || ' ' || error, E'\n' ORDER BY line_number, id)
                      FROM (SELECT *, row_number() OVER () AS id FROM weir.dead_letters) d WHERE d.job = j.name))
    FROM weir.jobs j WHERE name = job
$$;

CREATE FUNCTION is_same(name text, reason text, compared text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT matches((SELECT string_agg(e, E'\n') FROM weir.explain_job('fast ' || name) e), 'Written: without the executor', name || ': past the executor');
    RETURN NEXT matches((SELECT string_agg(e, E'\n') FROM weir.explain_job('slow ' || name) e), 'Written: by the executor: the table has triggers', name || ': by the executor');
    RETURN NEXT is(outcome('fast ' || name), outcome('slow ' || name), name || ': the same outcome');
    RETURN NEXT alike(outcome('fast ' || name), reason, name || ': the one that is expected');
    RETURN NEXT results_eq(format('SELECT %s FROM fast.target ORDER BY 1, 2', compared),
                           format('SELECT %s FROM slow.target ORDER BY 1, 2', compared), name || ': the same rows');
    PERFORM weir.drop_job(s || ' ' || name) FROM unnest(ARRAY['fast', 'slow']) s;
    DROP TABLE fast.target, slow.target;
END $$;

-- compare NAME TABLE QUERY OUTCOME COLUMNS
\set compare 'CALL run(:''sender'', :''lines'', ''fast '' || :''name'', ''fast'', :''ddl'', :''query''); CALL run(:''sender'', :''lines'', ''slow '' || :''name'', ''slow'', :''ddl'', :''query''); SELECT is_same(:''name'', :''outcome'', :''columns'');'

\set name 'columns of every kind'
\set ddl 'CREATE TABLE target (gone int, id bigint GENERATED ALWAYS AS IDENTITY, n serial, k bigint NOT NULL, v numeric(9,2) CHECK (v > 0), double bigint GENERATED ALWAYS AS (k * 2) STORED, t varchar COLLATE "C", a text[], d small DEFAULT 7, r real DEFAULT random()); ALTER TABLE target DROP COLUMN gone; ALTER TABLE target ADD COLUMN late date DEFAULT ''2020-02-02''; CREATE INDEX ON target (k, id)'
\set query 'INSERT INTO target (k, v, t, a) SELECT k, v / 3.0, t, ARRAY[t, NULL] FROM stopping WHERE k <> 3'
\set outcome 'finished%'
\set columns 'id, n, k, v, double, t, a, d, late'
:compare

\set name 'filter on what the step returns'
\set ddl 'CREATE UNLOGGED TABLE target (k bigint, n bigint, "no column of the query" text)'
\set query 'INSERT INTO target (n, k) SELECT count(*), k FROM stopping GROUP BY k, weir.count_window(4) HAVING sum(v) % 3 = 0'
\set columns 'k, n'
:compare

\set name 'a partition'
\set ddl 'CREATE TABLE whole (k bigint, v bigint) PARTITION BY RANGE (v); CREATE TABLE target PARTITION OF whole FOR VALUES FROM (1) TO (1900)'
\set query 'INSERT INTO target SELECT k, v FROM lettering'
\set outcome 'finished%1900 23514 new row for relation "target" violates partition constraint%1901 23514%'
\set columns 'k, v'
:compare
DROP TABLE fast.whole, slow.whole;

\set name 'long rows'
\set ddl 'CREATE TABLE target (k bigint, v bigint UNIQUE, t text); ALTER TABLE target ALTER t SET STORAGE PLAIN'
\set query 'INSERT INTO target SELECT k, CASE v WHEN 500 THEN 499 ELSE v END, CASE WHEN v % 100 = 50 THEN repeat(t, 200) ELSE t END FROM lettering'
\set outcome 'finished%500 23505 duplicate key value violates unique constraint "target_v_key"%Key (v)=(499) already exists.%700 54000 row is too big%'
\set columns 'k, v, t'
:compare

\set name 'rows that TOAST takes'
\set ddl 'CREATE TABLE target (k bigint, v bigint, t text, u text); CREATE INDEX ON target (k); CREATE INDEX ON target USING hash (v)'
\set query 'INSERT INTO target SELECT k, v, repeat(t, 500), t FROM lettering'
\set outcome 'finished'
\set columns 'k, v, t, u'
:compare

\set name 'constraints and indexes'
\set ddl 'CREATE TABLE target (k bigint, v small NOT NULL, t text CHECK (length(t) < 39)); CREATE UNIQUE INDEX ON target ((v / 2 * 2 + v % 2 * (v - 1301))) WHERE v > 1290; CREATE INDEX ON target ((1 / (v - 1234)))'
\set query 'INSERT INTO target SELECT k, 5000 / (v - 77) * 0 + NULLIF(v, 100), t FROM lettering'
\set outcome 'finished%77 22012 division by zero%100 23502 null value in column "v"%1234 22012 division by zero%1990 23514 value for domain small violates check constraint%'
\set columns 'k, v, t'
:compare

-- Where an error ends the job, it is that of the first row at fault, whatever is.
\set name 'a constraint errs'
\set ddl 'CREATE TABLE target (k bigint, v bigint CHECK (v <> 1200))'
\set query 'INSERT INTO target SELECT k, v FROM stopping'
\set outcome 'failed%line 1200: new row for relation "target" violates check constraint "target_v_check"%'
\set columns 'k, v'
:compare

\set name 'an index refuses before a constraint: errs'
\set ddl 'CREATE TABLE target (k bigint, v bigint UNIQUE CHECK (v <> 1203))'
\set query 'INSERT INTO target SELECT k, CASE v WHEN 1202 THEN 1201 ELSE v END FROM stopping'
\set outcome 'failed%line 1202: duplicate key value violates unique constraint "target_v_key"%'
:compare

\set name 'a long row before a constraint: errs'
\set ddl 'CREATE TABLE target (k bigint, v bigint CHECK (v <> 702), t text); ALTER TABLE target ALTER t SET STORAGE PLAIN'
\set query 'INSERT INTO target SELECT k, v, t FROM stopping'
\set outcome 'failed%line 700: row is too big%'
:compare

\set name 'an expression errs'
\set ddl 'CREATE TABLE target (k bigint, v bigint)'
\set query 'INSERT INTO target SELECT k, 1 / (v - 1300) FROM stopping'
\set outcome 'failed%line 1300: division by zero%'
:compare

\! rm -f "$LINES_FILE"
SELECT * FROM finish();
