# A job that is changed: other parallelism through savepoints and restarts, each
# key at the task its group says, totals exact; another query, another
# function, states added, dropped and of another type.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('alter');

sub alter { my ($arguments) = @_; return $node->sql("SELECT weir.alter_job('s3', $arguments)"); }
sub start_job { my ($arguments) = @_; return $node->sql("SELECT weir.start_job('s3'" . ($arguments ? ", $arguments" : '') . ')'); }
sub stop_job { my ($arguments) = @_; return $node->sql("SELECT weir.stop_job('s3'" . ($arguments ? ", $arguments" : '') . ')'); }
sub checkpoint { return $node->sql(q{SELECT weir.trigger_checkpoint('s3')}); }

# Sum of a key so far, a row a record.
my $totals = <<'SQL';
CREATE FUNCTION totals(r readings) RETURNS TABLE (f0 bigint, total bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM weir.state_update('total', weir.state_value('total', NULL::bigint) + r.f1);
	RETURN QUERY SELECT r.f0, weir.state_value('total', NULL::bigint);
END $$;
SELECT weir.create_value_state('totals(readings)', 'total', 'bigint', default_value => '0');
CREATE TABLE sums (f0 bigint, total bigint);
SQL
my $query = 'INSERT INTO sums SELECT a.* FROM readings r JOIN LATERAL totals(r) a ON weir.key_by(r.f0)';

sub totals_job
{
	my ($name, $sender, $arguments) = @_;

	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '@{[$sender->port]}');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
$totals
SELECT weir.create_job('s3', '$query', $arguments);
SELECT weir.enable_checkpointing('s3', every => '50 ms', fail_on_errors => false);
SELECT weir.start_job('s3');
SQL
	return;
}

# As many records in the output as were sent.
sub arrived
{
	my ($n, $what) = @_;
	return ok($node->wait_until("SELECT count(*) = $n FROM sums"), $what);
}

# ---- parallelism 1 -> 3 -> 2 -> 4 ----

sub rescale
{
	my ($keys, $lines) = @_;
	my @parts = map { Weir::Node::random_lines($lines, $keys, $keys + $_) } 1 .. 4;
	my $data = join('', @parts);
	my $sender = Weir::Sender->new($data);
	my $name = "rescale_$keys";
	my ($sent, $n) = (0, 0);
	my $send = sub {
		$sender->send_to($sent += length($parts[$n++]));
		arrived($n * $lines, "$name: part $n arrived");
	};

	totals_job($name, $sender, 'parallelism => 1, max_parallelism => 13');
	$node->load_input($data);
	$send->();
	alter('parallelism => 3, restart => true');
	ok($node->wait_status('running'), "$name: restarted with 3 tasks");
	is($node->sql(q{SELECT count(*) FROM weir.tasks WHERE kind = 'keyed'}), '3', "$name: three keyed tasks");
	$send->();
	stop_job(q{savepoint => 'three'});
	alter('parallelism => 2');
	start_job(q{from_savepoint => 'three'});
	$send->();
	like($node->sql_error(q{SELECT weir.alter_job('s3', parallelism => 4)}), qr/55000.*is running/s, "$name: not while it runs");
	$node->sql(q{SELECT weir.create_savepoint('s3', 'two')});
	stop_job();
	alter('parallelism => 4');
	start_job(q{from_savepoint => 'two'});
	$sender->finish;
	ok($node->wait_status('finished'), "$name: finished");
	is($node->sql('SELECT count(*) FROM sums'), 4 * $lines, "$name: a row a record");
	is($node->sql(q{
		SELECT count(*) FROM
			(SELECT f0, sum(f1) OVER (PARTITION BY f0 ORDER BY line) AS total FROM input EXCEPT ALL TABLE sums) x}),
		'0', "$name: every running total is exact");
	is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$name: nothing is left prepared");

	# by hand, from what key_group is: tasks own ranges of groups of equal length
	is($node->sql(q{
		SELECT format('%s %s %s', count(DISTINCT key), count(DISTINCT key_group) <= 13,
			bool_and(task = key_group * 4 / 13 AND key_group BETWEEN 0 AND 12 AND task BETWEEN 0 AND 3)) FROM weir.state('s3')}),
		$node->sql('SELECT count(DISTINCT f0) FROM input') . ' t t', "$name: each key at the task its group says");
	is($node->sql(q{SELECT count(*) FROM weir.state('s3', 'total', NULL::bigint, NULL::bigint) s
		FULL JOIN (SELECT f0, sum(f1) AS total FROM input GROUP BY f0) i ON i.f0 = s.key
		WHERE s.value IS DISTINCT FROM i.total}), '0', "$name: and the state holds the totals");
	return;
}

rescale(42, 2000);
rescale(100_000, 50_000);

# ---- another query, another function ----

my $input = "1 5\n2 7\n";
my $sender = Weir::Sender->new($input);
my $n = 0;

# More of it, processed.
sub more
{
	my ($lines) = @_;

	$node->wait_status('running');
	$input .= $lines if $n++;
	$sender->append($lines) if $n > 1;
	$sender->send_to(length $input);
	ok($node->wait_until("SELECT journal_end() >= " . length($input)), 'received');
	checkpoint();
	return;
}

sub sums { return $node->sql(q{SELECT string_agg(f0 || ' ' || total, ', ' ORDER BY f0, total) FROM sums}); }

totals_job('changes', $sender, 'parallelism => 2');
ok($node->wait_status('running'), 'running');
more($input);
is(sums(), '1 5, 2 7', 'totals');

like($node->sql_error(q{SELECT weir.alter_job('s3', 'INSERT INTO sums SELECT 1', restart => true)}), qr/stream/,
	'a query that is none is refused before the job is stopped');
like($node->sql_error(q{SELECT weir.alter_job('s3', max_parallelism => 64, restart => true)}),
	qr/55000.*max_parallelism of job "s3" is fixed/s, 'so is another max_parallelism');
like($node->sql_error(q{SELECT weir.alter_job('s3', parallelism => 90, restart => true)}),
	qr/55000.*cannot be started on this server.*max_worker_processes/s, 'so is more than the server has');
like($node->sql_error(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT weir.alter_job('s3', parallelism => 3, restart => true)}),
	qr/25001.*needs isolation level READ COMMITTED/s, 'a snapshot that would not see the stop');
like($node->sql_error(q{BEGIN READ ONLY; SELECT weir.alter_job('s3', parallelism => 3, restart => true)}),
	qr/25006.*read-only transaction/s, 'and a read-only transaction');
foreach my $verb (q{stop_job('s3')}, q{trigger_checkpoint('s3')}, q{create_savepoint('s3', 'x')}, q{disable_checkpointing('s3')})
{
	like($node->sql_error("BEGIN READ ONLY; SELECT weir.$verb"), qr/25006: cannot execute weir.*read-only transaction/, "read only: $verb");
}
is($node->sql(q{SELECT status, attempt FROM weir.jobs}), 'running|1', 'the job still runs');
alter(q{query => 'INSERT INTO sums SELECT a.f0, a.total + 1000 FROM readings r JOIN LATERAL totals(r) a ON weir.key_by(r.f0)', restart => true});
more("1 1\n");
is(sums(), '1 5, 1 1006, 2 7', 'another query, the same state');

stop_job();
like($node->sql_error(q{SELECT weir.alter_job('s3', max_parallelism => 64)}), qr/55000.*max_parallelism of job "s3" is fixed.*128.*64/s,
	'max_parallelism is fixed once there is state, and both numbers are told');

# The function is dropped, recreated and declared again: its state matches.
$node->sql("DROP FUNCTION totals(readings); $totals" =~ s/CREATE TABLE.*//r);
start_job();
more("2 1\n");
is(sums(), '1 5, 1 1006, 2 7, 2 1008', 'a function created anew finds its state');

# Renamed, it is the same function, once the job's query is told its new name.
# Another function by the old name has none of its state.
stop_job();
$node->sql('ALTER FUNCTION totals(readings) RENAME TO totals_so_far');
alter(q{query => 'INSERT INTO sums SELECT a.f0, a.total + 1000 FROM readings r JOIN LATERAL totals_so_far(r) a ON weir.key_by(r.f0)'});
start_job();
more("2 1\n");
is(sums(), '1 5, 1 1006, 2 7, 2 1008, 2 1009', 'a function that is renamed keeps the state of a job');
stop_job();
$node->sql("$totals" =~ s/^SELECT weir.*//msr);
like($node->sql_error(qq{SELECT weir.alter_job('s3', query => '$query')}),
	qr/55000.*does not belong to its new query.*kept by public\.totals_so_far\(/s, 'one that takes its name does not get it');
alter(q{query => 'INSERT INTO sums SELECT a.f0, a.total + 2000 FROM readings r JOIN LATERAL totals_so_far(r) a ON weir.key_by(r.f0)'});
start_job();
more("2 1\n");
is(sums(), '1 5, 1 1006, 2 7, 2 1008, 2 1009, 2 2010', 'by its new name it goes on');
stop_job();
$node->sql('DROP FUNCTION totals(readings); ALTER FUNCTION totals_so_far(readings) RENAME TO totals');
alter(q{query => 'INSERT INTO sums SELECT a.f0, a.total + 1000 FROM readings r JOIN LATERAL totals(r) a ON weir.key_by(r.f0)'});
start_job();
$node->wait_status('running');

# A state that is declared no more.
stop_job();
$node->sql(q{SELECT weir.create_value_state('totals(readings)', 'more', 'bigint', default_value => '0')});
start_job();
more("1 1\n");
stop_job();
$node->sql(<<'SQL');
SELECT weir.drop_state('totals(readings)', 'total');
SELECT weir.create_value_state('totals(readings)', 'fresh', 'bigint', default_value => '0');
CREATE OR REPLACE FUNCTION totals(r readings) RETURNS TABLE (f0 bigint, total bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM weir.state_update('fresh', weir.state_value('fresh', NULL::bigint) + r.f1);
	RETURN QUERY SELECT r.f0, weir.state_value('fresh', NULL::bigint);
END $$;
TRUNCATE sums;
SQL
like($node->sql_error(qq{SELECT weir.alter_job('s3', query => '$query')}),
	qr/42704.*state "total".*drop_state/s, 'a state that is declared no more is refused');
# Started all the same, it fails at once and for good.
start_job();
ok($node->wait_status('failed'), 'a start without alter_job fails');
like($node->sql('SELECT restarts, last_error FROM weir.jobs'), qr/^0\|.*state "total".*drop_state/s, 'and says what to do');
alter(qq{query => '$query', drop_state => true});
start_job();
more("1 3\n");
is(sums(), '1 3', 'it is left behind with drop_state');
$node->restart('immediate');
$node->wait_status('running');
more("1 4\n");
is(sums(), '1 3, 1 7', 'for good, through a crash');

# A type that changes: an added attribute reads NULL, a retyped one is migrated.
stop_job();
$node->sql(<<'SQL');
CREATE TYPE counted AS (n bigint, total bigint);
SELECT weir.drop_state('totals(readings)', 'fresh');
SELECT weir.create_value_state('totals(readings)', 'counted', 'counted');
CREATE OR REPLACE FUNCTION totals(r readings) RETURNS TABLE (f0 bigint, total bigint) LANGUAGE plpgsql AS $$
DECLARE
	c counted := weir.state_value('counted', NULL::counted);
BEGIN
	c.n := coalesce(c.n, 0) + 1;
	c.total := coalesce(c.total, 0) + r.f1;
	PERFORM weir.state_update('counted', c);
	RETURN QUERY SELECT r.f0, c.total;
END $$;
TRUNCATE sums;
SELECT weir.alter_job('s3', drop_state => true);
SQL
start_job();
more("1 10\n2 20\n");
is(sums(), '1 10, 2 20', 'composite state');
stop_job();
$node->sql('ALTER TYPE counted ADD ATTRIBUTE last text');
start_job();
more("1 1\n");
is(sums(), '1 10, 1 11, 2 20', 'an added attribute changes nothing of what is there');
stop_job();
$node->sql(<<'SQL');
CREATE TYPE counted_before AS (n bigint, total bigint, last text);
CREATE TYPE counted_text AS (label text, total bigint);
SELECT weir.drop_state('totals(readings)', 'counted');
SELECT weir.create_value_state('totals(readings)', 'counted', 'counted_text');
CREATE FUNCTION migrate_counted(c counted_before) RETURNS counted_text LANGUAGE sql AS $$
	SELECT row('n ' || c.n, c.total * 100)::counted_text $$;
CREATE OR REPLACE FUNCTION totals(r readings) RETURNS TABLE (f0 bigint, total bigint) LANGUAGE plpgsql AS $$
DECLARE
	c counted_text := weir.state_value('counted', NULL::counted_text);
BEGIN
	c.total := coalesce(c.total, 0) + r.f1;
	PERFORM weir.state_update('counted', c);
	RETURN QUERY SELECT r.f0, c.total;
END $$;
TRUNCATE sums;
SQL
like($node->sql_error(qq{SELECT weir.alter_job('s3', query => '$query')}),
	qr/42804.*state "counted".*migrate/s, 'another type is refused');
like($node->sql_error(qq{SELECT weir.alter_job('s3', migrate => 'no_such_function')}),
	qr/42883.*no_such_function/s, 'a function to migrate with that is not there');
like($node->sql_error(qq{SELECT weir.alter_job('s3', migrate => 'int8pl(bigint,bigint)')}),
	qr/42P13.*cannot migrate/s, 'a function that cannot migrate');
alter(q{migrate => 'migrate_counted(counted_before)', parallelism => 3});
start_job();
more("1 1\n2 2\n");
is(sums(), '1 1101, 2 2002', 'values went through the function');

# Another function altogether.
stop_job(q{savepoint => 'of totals'});
$node->sql(<<'SQL');
CREATE FUNCTION counts(r readings) RETURNS TABLE (f0 bigint, total bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + 1);
	RETURN QUERY SELECT r.f0, weir.state_value('n', NULL::bigint);
END $$;
SELECT weir.create_value_state('counts(readings)', 'n', 'bigint', default_value => '0');
CREATE FOREIGN TABLE others (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
TRUNCATE sums;
SQL
my $counts = 'INSERT INTO sums SELECT a.* FROM readings r JOIN LATERAL counts(r) a ON weir.key_by(r.f0)';
like($node->sql_error(qq{SELECT weir.alter_job('s3', query => '$counts')}),
	qr/55000.*does not belong to its new query.*totals\(.*drop_state/s, 'state of another function');
like($node->sql_error(qq{SELECT weir.alter_job('s3', query => 'INSERT INTO sums TABLE others', drop_state => true)}),
	qr/55000.*cannot change its stream.*readings.*others/s, 'another stream');
alter(qq{query => '$counts', drop_state => true, max_parallelism => 64});
start_job();
more("1 1\n1 1\n");
is(sums(), '1 1, 1 2', 'it begins empty');
is($node->sql('SELECT max_parallelism FROM weir.jobs'), '64', 'and at another max_parallelism');

# The state, as SQL sees it.
$node->sql(q{SELECT weir.create_savepoint('s3', 'view')});
is($node->sql(q{SELECT string_agg(format('%s %s %s %s %s', step, state, key, value, expires_at IS NULL), ', ' ORDER BY key::text) FROM weir.state('s3')}),
	'0 n 1 2 t', 'weir.state shows the last completed checkpoint');
is($node->sql(q{SELECT count(*) FROM weir.state('s3') s, weir_internal.completed c
	WHERE s.task = s.key_group * c.parallelism / c.max_parallelism AND c.savepoint = 'view'}), '1', 'each group at the task it says');

# What is rolled back has not happened; replaced while it runs, the function counts from the next batch.
stop_job();
$node->sql(q{BEGIN; SELECT weir.alter_job('s3', parallelism => 1); ROLLBACK});
is($node->sql('SELECT parallelism FROM weir.jobs'), '3', 'rolled back');
start_job();
$node->wait_status('running');
$node->sql(q{CREATE OR REPLACE FUNCTION counts(r readings) RETURNS TABLE (f0 bigint, total bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + 100);
	RETURN QUERY SELECT r.f0, weir.state_value('n', NULL::bigint);
END $$});
more("1 1\n");
is(sums(), '1 1, 1 2, 1 102', 'the new body, the old state');

# A savepoint of the step before: it is not started from without that step, which finds its state again.
stop_job();
like($node->sql_error(q{SELECT weir.start_job('s3', from_savepoint => 'of totals')}),
	qr/55000.*"of totals" of job "s3" holds state that does not belong to its query.*kept by public\.totals\(/s, 'state of a step that is gone');
alter(qq{query => '$query', drop_state => true, max_parallelism => 128});
$node->sql('TRUNCATE sums');
start_job(q{from_savepoint => 'of totals'});
arrived(3, 'what came since is read again');
is(sums(), '1 1102, 1 1103, 1 1104', 'the step that came back has its state');


# ---- every kind of state, of a type that changes ----

my $kinds = <<'SQL';
CREATE FUNCTION keep(r readings) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	v item;
BEGIN
	v.n := r.f1;
	PERFORM weir.state_update('value', v), weir.list_add('list', v), weir.list_add('list', NULL),
		weir.map_put('map', r.f1, v), weir.reducing_add('reducing', v), weir.aggregating_add('aggregating', v);
	RETURN 1;
END $$;
CREATE FUNCTION add(item, item) RETURNS item LANGUAGE plpgsql AS $$ BEGIN $1.n := $1.n + $2.n; RETURN $1; END $$;
SELECT weir.create_value_state('keep(readings)', 'value', 'item'),
	weir.create_list_state('keep(readings)', 'list', 'item', ttl => '1 day'),
	weir.create_map_state('keep(readings)', 'map', 'bigint', 'item', ttl => '1 day'),
	weir.create_reducing_state('keep(readings)', 'reducing', 'item', reduce => 'add(item,item)', ttl => '1 day'),
	weir.create_aggregating_state('keep(readings)', 'aggregating', 'item', aggregate => 'array_agg(anynonarray)');
SQL

sub kept { return $node->sql(q{SELECT string_agg(state || ' ' || value, ', ' ORDER BY state) FROM weir.state('s3')}); }

sub feed
{
	my ($records) = @_;

	start_job();
	$node->wait_status('running');
	$input .= $records;
	$sender->append($records);
	$sender->send_to(length $input);
	ok($node->wait_until('SELECT journal_end() >= ' . length($input)), 'received');
	stop_job();
	return;
}

$sender = Weir::Sender->new('');
$input = '';
$node->use_database('kinds');
$node->sql(<<"SQL");
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$sender->port]}');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
CREATE TYPE item AS (n bigint);
$kinds
CREATE TABLE ones (one bigint);
SELECT weir.create_job('s3', 'INSERT INTO ones SELECT one FROM readings r JOIN LATERAL keep(r) one ON weir.key_by(r.f0)');
SELECT weir.enable_checkpointing('s3', every => '1 h');
SQL
feed("1 2\n1 3\n");
is(kept(), 'aggregating [{"n": 2}, {"n": 3}], list [{"n": 2}, null, {"n": 3}, null], map {"2": {"n": 2}, "3": {"n": 3}}, '
	. 'reducing {"n": 5}, value {"n": 3}', 'state of every kind');
$node->sql('ALTER TYPE item ADD ATTRIBUTE word text');
feed("1 4\n");
is(kept(), 'aggregating [{"n": 2, "word": null}, {"n": 3, "word": null}, {"n": 4, "word": null}], '
	. 'list [{"n": 2, "word": null}, null, {"n": 3, "word": null}, null, {"n": 4, "word": null}, null], '
	. 'map {"2": {"n": 2, "word": null}, "3": {"n": 3, "word": null}, "4": {"n": 4, "word": null}}, '
	. 'reducing {"n": 9, "word": null}, value {"n": 4, "word": null}', 'an added attribute reads NULL in every kind');

# The same functions with another type by this name; what was is item_before.
$node->sql(<<"SQL");
ALTER TYPE item RENAME TO item_before;
DROP FUNCTION keep(readings), add(item_before, item_before);
CREATE TYPE item AS (n varchar(3));
$kinds
CREATE FUNCTION migrate_item(item_before) RETURNS item LANGUAGE sql AS 'SELECT CASE WHEN \$1.n <> 3 THEN row(left((\$1.n * 100)::text, 3))::item END';
CREATE OR REPLACE FUNCTION add(item, item) RETURNS item LANGUAGE sql AS 'SELECT row(\$1.n || \$2.n)::item';
SQL
like($node->sql_error(q{SELECT weir.alter_job('s3', migrate => 'migrate_item')}),
	qr/42804.*state "aggregating".*aggregating of type item.*drop_state/s, 'an aggregate cannot be migrated');
$node->sql(q{SELECT weir.drop_state('keep(readings)', 'aggregating');
	CREATE OR REPLACE FUNCTION keep(r readings) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'});
like($node->sql_error(q{SELECT weir.alter_job('s3', drop_state => true)}),
	qr/42804.*state "list".*list of type item, and was kept as list of another one.*migrate/s, 'the others are refused without');
$node->sql(q{SELECT weir.alter_job('s3', drop_state => true, migrate => 'migrate_item')});
my $migrated = 'list [{"n": "200"}, null, null, null, {"n": "400"}, null], '
	. 'map {"2": {"n": "200"}, "3": null, "4": {"n": "400"}}, reducing {"n": "900"}, value {"n": "400"}';
feed("1 5\n");
is(kept(), $migrated, 'each value went through the function');
feed("1 6\n");
is(kept(), $migrated, 'once');

# ---- a job without keyed step, which keeps no state ----

my ($total, $plain) = (0, Weir::Sender->new(join('', map { "$_ $_\n" } 1 .. 9)));
$node->use_database('unkeyed');
$node->sql(<<"SQL");
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '@{[$plain->port]}', max_retries '-1', retry_delay '100 ms');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
$totals
CREATE TABLE rows (f0 bigint, f1 bigint);
SELECT weir.create_job('s3', 'INSERT INTO rows SELECT f0, f1 FROM readings');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.start_job('s3');
SQL

# One more record, by the query that holds now.
sub one_more
{
	my ($expected, $what) = @_;
	$plain->send_to(4 * ++$total);
	ok($node->wait_until("SELECT count(*) = $total FROM (TABLE rows UNION ALL TABLE sums) x"), $what);
	return is($node->sql('SELECT f0, f1 FROM (TABLE rows UNION ALL TABLE sums) x ORDER BY f0 DESC LIMIT 1'), $expected, "$what: the row");
}
$node->tend($plain);
one_more('1|1', 'it runs');
alter(q{query => 'INSERT INTO rows SELECT f0, f1 + 100 FROM readings', restart => true});
one_more('2|102', 'another query, while it runs');
$node->sql(q{SELECT weir.stop_job('s3')});
alter(q{query => 'INSERT INTO rows SELECT f0, f1 + 200 FROM readings WHERE f0 > 0'});
alter('drop_state => true');
alter(q{migrate => 'abs(bigint)'});
alter(q{query => 'INSERT INTO rows SELECT f0, f1 + 200 FROM readings', drop_state => true, migrate => 'abs(bigint)'});
start_job('');
one_more('3|203', 'another query, while it is stopped');
alter(qq{query => '$query', restart => true});
one_more('4|4', 'a keyed step');
like($node->sql_error(q{SELECT weir.alter_job('s3', query => 'INSERT INTO rows SELECT f0, f1 FROM readings', restart => true)}),
	qr/55000.*state of job "s3" does not belong to its new query.*drop_state/s, 'which keeps state that none would know');
alter(q{query => 'INSERT INTO rows SELECT f0, f1 FROM readings', restart => true, drop_state => true});
one_more('5|5', 'and none again');
alter(q{query => 'INSERT INTO rows SELECT f0, f1 + 300 FROM readings', restart => true});
one_more('6|306', 'altered once more');
is($node->sql(q{SELECT restarts FROM weir.jobs}), '0', 'without a restart of its own');

done_testing();
