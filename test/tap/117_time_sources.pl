# Rows that a time brings about, and not a record: of which source they are said to come
# after the job's query has changed, and which moment records have that come again.
use strict;
use warnings;

use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('time_sources');

# ---- the source's node is another one ----
# Of 20 keys windows are open.  One row of another key moves the watermark: what fires in the
# other task comes of no record that it has seen.  The sink refuses it.
$node->use_database('altered');
$node->sql(<<'SQL');
CREATE FOREIGN TABLE s1 (k int) SERVER weir_feed;
CREATE FOREIGN TABLE s2 (k int, ts timestamptz OPTIONS (watermark '0 s')) SERVER weir_feed OPTIONS (on_error 'dead_letter');
CREATE TABLE plain (k int);
CREATE TABLE counts (k int, n bigint CHECK (n < 2));
SELECT weir.create_job('j', $$INSERT INTO plain SELECT k FROM s1;
    INSERT INTO counts SELECT k, count(*) FROM s2, LATERAL weir.tumble(ts, '10 s') w GROUP BY k, w$$, parallelism => 2);
SELECT weir.enable_checkpointing('j', every => '50 ms');
SELECT weir.start_job('j');
INSERT INTO s1 VALUES (1);
INSERT INTO s2 SELECT i % 20, '2026-01-01 00:00:01+00' FROM generate_series(1, 40) i;
SQL
ok($node->wait_until(q{SELECT sum(records_in) = 40 FROM weir.tasks WHERE kind = 'keyed'}), 'windows are open');
$node->sql(<<'SQL');
SELECT weir.stop_job('j');
SELECT weir.alter_job('j', $$INSERT INTO counts SELECT k, count(*) FROM s2, LATERAL weir.tumble(ts, '10 s') w GROUP BY k, w;
    INSERT INTO plain SELECT k FROM s1$$);
SELECT weir.start_job('j');
INSERT INTO s2 VALUES (1, '2026-01-01 00:01+00');
SQL
ok($node->wait_until(q{SELECT count(*) = 20 FROM weir.dead_letters WHERE stream LIKE '%s2'}), 'a letter each, of the stream');
is($node->sql(q{SELECT status FROM weir.jobs}), 'running', 'and the job runs');
is($node->sql(q{SELECT sum(attempt) FROM weir.jobs}), 2, 'in its second attempt');

# ---- dead letters that come again by arrival ----
my $data = join '', map { "$_\n" } 1 .. 200;
my $sender = Weir::Sender->new($data, hold => 1);

$node->use_database('again');
$node->sql(<<"SQL");
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '${\$sender->port}');
CREATE FOREIGN TABLE readings (k int) SERVER sensors OPTIONS (on_error 'dead_letter');
CREATE TABLE counts (k int, n bigint);
CREATE FUNCTION known(k int) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN RETURN k % 10 / (k - 5) * 0 + k % 10; END \$\$;
SELECT weir.create_job('j', \$\$INSERT INTO counts SELECT known(k), count(*)
    FROM readings, LATERAL weir.tumble(weir.arrival(), '100 ms') w GROUP BY known(k), w\$\$, parallelism => 1);
SELECT weir.enable_checkpointing('j', every => '1 h');
SELECT weir.set_restart_strategy('j', 'fixed_delay', attempts => 10, delay => '10 ms');
SELECT weir.start_job('j');
SQL
$node->tend($sender);
$sender->send_to(index($data, "10\n"));
ok($node->wait_until(q{SELECT dead_letters = 1 FROM weir.sources}), 'a letter');
$node->sql(q{SELECT weir.trigger_checkpoint('j')});
$sender->send_to(length $data);
ok($node->wait_consumed(length $data), 'more has come, which no checkpoint has seen');
$node->sql(q{CREATE OR REPLACE FUNCTION known(k int) RETURNS int LANGUAGE sql AS 'SELECT k % 10'});
is($node->sql(q{SELECT weir.retry_dead_letters('j')}), 1, 'the letter comes again');
kill('KILL', $node->sql("SELECT pid FROM weir.tasks WHERE kind = 'source'"));
ok($node->wait_until(q{SELECT attempt > 1 AND status = 'running' FROM weir.jobs}), 'an attempt that replays');
$sender->finish;
ok($node->wait_until('SELECT status FROM weir.jobs', 'finished'), 'finished');
is($node->sql('SELECT sum(n) FROM counts'), 200, 'each record counts once');

done_testing();
