-- weir.report(): the page is XML, whatever jobs and errors say; it draws a job as it runs,
-- and one that does not; it names who holds whom back; it shows what the reader may see.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(43);

-- The page, and what an XPath finds in it: h: is XHTML, s: SVG.
CREATE TABLE pages (name text PRIMARY KEY, page xml);
GRANT ALL ON pages TO PUBLIC;
CREATE FUNCTION look(name text, job text DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
    INSERT INTO pages SELECT look.name, xmlparse(DOCUMENT weir.report(job)) ON CONFLICT ON CONSTRAINT pages_pkey DO UPDATE SET page = excluded.page;
    SELECT ok(weir.report(job) !~ '[^\x01-\x7f]', look.name || ': it is XML, all ASCII');
$$;
CREATE FUNCTION found(name text, path text) RETURNS text[] LANGUAGE sql AS $$
    SELECT xpath(path, page, '{{h,http://www.w3.org/1999/xhtml},{s,http://www.w3.org/2000/svg}}')::text[] FROM pages WHERE pages.name = found.name
$$;

SELECT look('empty');
SELECT is(found('empty', '//h:main/h:p/text()'), '{There are no jobs here that you may see.}', 'no jobs: it says so');
SELECT throws_ok($$ SELECT weir.report('nobody') $$, '42704', 'job "nobody" does not exist', 'a job that is not there');

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ', on_error 'dead_letter');
CREATE TABLE sums (f0 bigint, total bigint);
CREATE TABLE slow (f0 bigint, total bigint);
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN new; END';
CREATE TRIGGER slow BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION slow();
CREATE ROLE report_stats IN ROLE pg_read_all_stats;
CREATE ROLE report_stranger;

-- One that has not been started, of a name that is none in HTML.
\set query 'INSERT INTO sums SELECT f0, sum(f1) FROM readings WHERE f1 <> 7 GROUP BY f0, weir.count_window(2)'
\set odd '<script>alert(1)</script> & "quoted"\1 é😀'
SELECT weir.create_job(:'odd', :'query', parallelism => 3) \g /dev/null
SELECT look('created');
SELECT is(found('created', '//h:h2/text()[1]'), ARRAY['&lt;script&gt;alert(1)&lt;/script&gt; &amp; "quoted"� é😀'], 'the name is there as it is, but for what XML has no place for');
SELECT is(found('created', 'count(//h:script)'), '{0}', 'and runs nothing');
SELECT is(found('created', '//*[@class="box"]/*[@class="kind"]/text()'), '{"source, 1 task","keyed, 3 tasks"}', 'its boxes');
SELECT is(found('created', '//*[@class="step"]/text()'), '{"Source readings",Scan,"Window weir.count_window(2)","Insert on sums"}', 'and what they do');
SELECT is(found('created', 'count(//s:path[@class="arrow"])'), '{1}', 'an arrow between them');
SELECT is(found('created', 'count(//*[@class="bar"] | //*[@class="verdict"])'), '{0}', 'of tasks nothing is known');
SELECT is(found('created', '//h:pre/text()')::text, ARRAY[replace(replace(:'query', '<', '&lt;'), '>', '&gt;')]::text, 'the query');
ALTER TABLE sums RENAME TO others;
SELECT look('broken');
SELECT is(found('broken', '//h:section/h:p[position() = last()]/text()'), '{"Its query cannot be compiled: relation \"sums\" does not exist"}', 'a query that compiles no more');
ALTER TABLE others RENAME TO sums;

-- One that fails.
SELECT weir.create_job('fails', 'INSERT INTO sums SELECT f0, 1 / f1 FROM readings'), weir.start_job('fails') \g /dev/null
SELECT weir.wait_for_job('fails', 'failed', '1 min') \g /dev/null
SELECT look('failed', 'fails');
SELECT matches(found('failed', '//h:p[@class="error"]/text()')::text, 'could not connect to "127\.0\.0\.1"|could not connect to \\"127', 'failed: it says why');
SELECT is(found('failed', 'count(//h:h2/h:span[@class="status failed"])'), '{1}', 'and what it is');
SELECT is(found('failed', 'count(//*[@class="box"])'), '{2}', 'its boxes are drawn');

-- One whose sink is slow, and which had records that are none.
\setenv LINES_FILE `mktemp`
\! perl -e 'print "x<y>\n"; print $_ % 50, " ", $_, "\n" for 1 .. 200000' > "$LINES_FILE"; chmod 644 "$LINES_FILE"
\set port `perl test/pgtap/sender --file "$LINES_FILE" --sleep 60`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.create_job('slow', 'INSERT INTO slow SELECT f0, sum(f1) FROM readings GROUP BY f0, weir.count_window(2)', parallelism => 2) \g /dev/null
SELECT weir.enable_checkpointing('slow', every => '100 ms', timeout => '10 ms', fail_on_errors => false), weir.start_job('slow') \g /dev/null
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
CALL until($$ EXISTS (SELECT FROM weir.tasks WHERE kind = 'sink' AND in_sink > 0.6) AND EXISTS (SELECT FROM weir.checkpoints WHERE status = 'failed')
    AND EXISTS (SELECT FROM weir.tasks WHERE kind = 'keyed' AND backpressured > 0.2) $$);
SELECT look('slow', 'slow');
SELECT is(found('slow', '//*[contains(@class, "bottleneck")]/*[@class="kind"]/text()'), '{"sink, 1 task: holds back"}', 'slow: the sink is marked');
SELECT matches((found('slow', '//h:p[@class="verdict holds"]/text()'))[1], '^The sink slow holds the others back: \d+ % of its time in the sink statement\.$', 'and named in words');
SELECT is(found('slow', 'count(//*[contains(@class, "box")]//*[@class="bar"])'), '{3}', 'a bar in each box');
SELECT is(found('slow', 'count(//h:table[@class="tasks"]/h:tbody/h:tr)'), '{4}', 'a row for each task');
SELECT is(found('slow', 'count(//h:table[@class="tasks"]//*[@class="bar"])'), '{4}', 'with a bar');
SELECT is(found('slow', 'count(//s:path[@class="arrow"])'), '{2}', 'arrows between the boxes');
SELECT is(found('slow', '//h:table[@class="sources"]/h:tbody/h:tr/h:td[position() < 3]/text()'), '{public.readings,connected}', 'the source');
SELECT is(found('slow', 'count(//h:table[@class="sources"]//h:th[text() = "watermark lag"])'), '{0}', 'no watermark, no column');
SELECT is(found('slow', 'count(//s:svg[@class="checkpoints"][1]/s:g) >= 1'), '{true}', 'checkpoints as bars');
SELECT is(found('slow', 'count(//s:g[@class="failed"]/s:title) >= 1 and count(//h:ul[@class="failures"]/h:li) >= 1'), '{true}', 'those that failed, and why');
SELECT is((found('slow', '//h:h3/text()'))[1:3], '{Tasks,Sources,Checkpoints}', 'the chapters');

-- One that has finished, and could not process a record.
\set port `perl test/pgtap/sender '1 2\nx<y>\n'`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.create_job('letters', 'INSERT INTO sums SELECT * FROM readings'), weir.start_job('letters') \g /dev/null
SELECT weir.wait_for_job('letters', 'finished', '1 min') \g /dev/null
SELECT look('letters', 'letters');
SELECT is(found('letters', '//h:h2/h:span/text()')::text, '{finished}', 'finished: it says so');
SELECT matches((found('letters', 'string(//h:p[@class="letters"])'))[1], '^1\s+record could not be processed\. .* is line 2 of public\.readings, 22P02: invalid input syntax for type bigint: "x&lt;y&gt;"', 'and which record it was');

-- No two boxes overlap, and each text begins within its own.
CREATE FUNCTION boxes(name text) RETURNS TABLE (n bigint, area box) LANGUAGE sql AS $$
    SELECT n, box(point(x[1]::float8, y[1]::float8), point(x[1]::float8 + w[1]::float8, y[1]::float8 + h[1]::float8))
    FROM pages p, unnest(xpath('//*[@class="frame"]', page)) WITH ORDINALITY f (f, n),
        LATERAL (SELECT xpath('/*/@x', f)::text[] x, xpath('/*/@y', f)::text[] y, xpath('/*/@width', f)::text[] w, xpath('/*/@height', f)::text[] h) a
    WHERE p.name = boxes.name
$$;
SELECT is((SELECT count(*) FROM boxes('slow')), 3::bigint, 'there are boxes');
SELECT is_empty($$ SELECT * FROM boxes('slow') a JOIN boxes('slow') b ON a.n < b.n AND a.area && b.area $$, 'no two overlap');

-- Who may see what.
SET ROLE report_stranger;
SELECT look('stranger');
SELECT is(found('stranger', '//h:main/h:p/text()'), '{There are no jobs here that you may see.}', 'a stranger sees none');
SELECT throws_ok($$ SELECT weir.report('slow') $$, '42501', 'must be owner of job "slow"', 'nor one by its name');
SET ROLE report_stats;
SELECT look('stats');
SELECT is(found('stats', 'count(//h:section)'), '{4}', 'a member of pg_read_all_stats sees all jobs');
SELECT is(found('stats', 'count(//h:pre | //*[@class="step"] | //h:p[@class="error"] | //h:p[@class="letters"])'), '{0}', 'without queries, steps, errors and records');
SELECT is(found('stats', 'count(//h:section[@id="job4"]//*[@class="frame"])'), '{3}', 'and the boxes of one that runs');
RESET ROLE;
SELECT matches((SELECT string_agg(page::text, '') FROM pages), 'prefers-color-scheme:dark', 'by day and by night');
SELECT is_empty($$ SELECT name, unnest(regexp_matches(page::text, '(?:src|href)="[^#]|url\(|@import|http://(?!www\.w3\.org/(?:1999/xhtml|2000/svg)")', 'g')) FROM pages $$, 'nothing from elsewhere');

SELECT weir.stop_job('slow', cancel => true) \g /dev/null
DROP ROLE report_stats, report_stranger;
SELECT * FROM finish();
