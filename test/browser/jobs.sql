-- Jobs in various states, for test/report.
SET client_min_messages = warning;
CREATE SERVER nobody FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER nobody OPTIONS (delimiter ' ');
CREATE TABLE sums (f0 bigint, total bigint);
CREATE TABLE "a table of a name that is longer than others, by far, and more" (f0 bigint, total bigint);
SELECT weir.create_job('created <b>&"it''s"', $$INSERT INTO "a table of a name that is longer than others, by far, and more"
    SELECT f0, sum(f1) FROM readings GROUP BY f0, weir.count_window(2)$$, parallelism => 2);
SELECT weir.create_job('failed', 'INSERT INTO sums SELECT f0, f1 FROM readings');
SELECT weir.start_job('failed');

CREATE PROCEDURE until(condition text) LANGUAGE plpgsql AS $$
DECLARE
    reached bool := false;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXECUTE 'SELECT ' || condition INTO reached;
        EXIT WHEN reached;
        COMMIT;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;

-- A sink that is slow, checkpoints of which some fail, a dead letter.
\setenv LINES_FILE `mktemp`
\! perl -e 'print "x<y>\n"; print $_ % 500, " ", $_, "\n" for 1 .. 400000' > "$LINES_FILE"; chmod 644 "$LINES_FILE"
\set port `perl test/pgtap/sender --file "$LINES_FILE" --sleep 100`
CREATE SERVER one FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port :'port', max_retries '-1');
CREATE FOREIGN TABLE many_readings (f0 bigint, f1 bigint) SERVER one OPTIONS (delimiter ' ', on_error 'dead_letter');
CREATE TABLE slow (f0 bigint, total bigint);
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.002); RETURN new; END';
CREATE TRIGGER slow BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION slow();
SELECT weir.create_job('slow sink', 'INSERT INTO slow SELECT f0, sum(f1) FROM many_readings GROUP BY f0, weir.count_window(2)', parallelism => 2);
SELECT weir.enable_checkpointing('slow sink', every => '100 ms', timeout => '150 ms', fail_on_errors => false);
SELECT weir.start_job('slow sink');

\set port `perl test/pgtap/sender --file "$LINES_FILE" --sleep 100`
CREATE SERVER two FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port :'port', max_retries '-1');
CREATE FOREIGN TABLE more_readings (f0 bigint, f1 bigint) SERVER two OPTIONS (delimiter ' ', on_error 'dead_letter');
SELECT weir.create_job('many tasks', 'INSERT INTO sums SELECT f0, sum(f1) FROM more_readings GROUP BY f0, weir.count_window(2)', parallelism => 16);
SELECT weir.enable_checkpointing('many tasks', every => '20 ms');
SELECT weir.start_job('many tasks');
SELECT format('CREATE FOREIGN TABLE readings_%s (f0 bigint, f1 bigint) SERVER nobody OPTIONS (delimiter '' '')', i) FROM generate_series(1, 8) i \gexec
SELECT weir.create_job('wide', 'INSERT INTO sums ' || string_agg('SELECT f0, f1 FROM readings_' || i, ' UNION ALL ')) FROM generate_series(1, 8) i;
CALL until($$ EXISTS (SELECT FROM weir.jobs WHERE name = 'failed' AND status = 'failed')
    AND EXISTS (SELECT FROM weir.tasks WHERE kind = 'sink' AND in_sink > 0.6) AND EXISTS (SELECT FROM weir.tasks WHERE kind = 'keyed' AND backpressured > 0.2)
    AND EXISTS (SELECT FROM weir.checkpoints WHERE status = 'failed') AND EXISTS (SELECT FROM weir.checkpoints WHERE job = 'many tasks') $$);
