# Changes of tables in the corners: a gap that is passed, a slot that somebody else has, a
# copy that is cut off, a sink that stands still, modes in which nothing comes again, and
# a source that does not let us in.
use strict;
use warnings;

use Test::More;
use Weir::Node;

my $node = Weir::Node->create('changes_corners', 'wal_level = logical', 'max_wal_senders = 20',
	'max_replication_slots = 20', 'wal_sender_timeout = 1s');

$node->sql('CREATE SERVER here FOREIGN DATA WRAPPER weir_changes');

sub prepare
{
	my ($name, $rows, $options, %o) = @_;
	my $server = $o{server} // 'here';

	$node->sql("CREATE TABLE $name (id int PRIMARY KEY, v text); INSERT INTO $name $rows") unless $o{again};
	$node->sql("CREATE FOREIGN TABLE ${name}_changes (id int, v text) SERVER $server OPTIONS (table_name '$name'$options);
		CREATE TABLE ${name}_seen (at bigint GENERATED ALWAYS AS IDENTITY, id int);
		SELECT weir.create_job('$name', 'INSERT INTO ${name}_seen (id) SELECT id FROM ${name}_changes')");
	$node->sql("SELECT weir.enable_checkpointing('$name', every => '50 ms', mode => '@{[ $o{mode} // 'exactly_once' ]}')") unless $o{unchecked};
	$node->sql("SELECT weir.set_restart_strategy('$name', 'fixed_delay', attempts => @{[ $o{attempts} // -1 ]}, delay => '10 ms')");
	return;
}

sub begin
{
	my ($name, @rest) = @_;

	prepare($name, @rest);
	$node->sql("SELECT weir.start_job('$name')");
	return;
}

sub comes
{
	my ($name, $expected, $what) = @_;
	my $rows = "SELECT string_agg(id::text, ' ' ORDER BY at) FROM ${name}_seen";

	$node->wait_until("SELECT count(*) >= @{[ scalar split / /, $expected ]} FROM ${name}_seen");
	is($node->sql($rows), $expected, $what);
	return;
}

sub end
{
	my ($name) = @_;

	$node->sql("SELECT weir.stop_job('$name', cancel => true)") if $node->sql("SELECT status FROM weir.jobs WHERE name = '$name'") eq 'running';
	$node->sql("SELECT weir.drop_job('$name')");
	is($node->sql('SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication)'), '0', "$name: nothing is left");
	return;
}

# ---- a gap ----

begin('gap', "VALUES (1, 'a')", '');
comes('gap', '1', 'a job');
$node->sql(q{SELECT weir.trigger_checkpoint('gap')});
$node->sql(q{SELECT weir.stop_job('gap')});
$node->sql(q{SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots; INSERT INTO gap VALUES (2, 'b')});
$node->sql(q{SELECT weir.start_job('gap', allow_gap => true)});
ok($node->wait_until(q{SELECT count(*) = 1 FROM weir.sources WHERE status = 'connected'}), 'a slot that is gone: with allow_gap the job goes on');
$node->sql(q{INSERT INTO gap VALUES (3, 'c')});
comes('gap', '1 3', 'without what is missing');

# ---- somebody else has the slot ----

$node->sql(q{SELECT weir.stop_job('gap')});
my $slot = $node->sql('SELECT slot_name FROM pg_replication_slots');
my $other = fork() // die $!;
if ($other == 0)
{
	open(STDOUT, '>', '/dev/null');
	exec('pg_recvlogical', '-d', $node->connstr('postgres'), '-S', $slot, '--start', '-s', '0', '-f', '-', '-o', 'proto_version=1', '-o', "publication_names=$slot");
}
$node->wait_until('SELECT active FROM pg_replication_slots');
# what it has received is not to be forgotten
kill('STOP', $other);
$node->sql(q{SELECT weir.start_job('gap')});
ok($node->wait_until(q{SELECT last_error ~ 'in use by process' FROM weir.sources}), 'a slot that another has is waited for, and that is said');
kill('KILL', $other);
waitpid($other, 0);
$node->sql(q{INSERT INTO gap VALUES (4, 'd')});
comes('gap', '1 3 4', 'until it is given up');
end('gap');

# ---- a copy that is cut off ----

begin('cut', q{SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 60000) i}, '');
$node->wait_until('SELECT count(*) > 5 FROM weir_internal.change_copy');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE job = 'cut' AND kind = 'source'});
$node->wait_until('SELECT count(*) >= 60000 FROM cut_seen');
$node->sql(q{UPDATE cut SET v = 'x' WHERE id = 7});
$node->wait_until('SELECT count(*) >= 60001 FROM cut_seen');
is($node->sql(q{SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || (SELECT id FROM cut_seen ORDER BY at DESC LIMIT 1) FROM cut_seen}), '60001 60000 7',
	'a copy that is cut off is made anew, and what followed comes behind it')
  or diag($node->sql('SELECT id, count(*) FROM cut_seen GROUP BY id HAVING count(*) > 1 LIMIT 5'));
ok($node->wait_until(q{SELECT count(*) = 0 FROM weir_internal.change_copy}), 'its rows are kept until a checkpoint has passed them');

# ---- a sink that stands still ----

my $walsender = $node->sql('SELECT active_pid FROM pg_replication_slots');
my $lock = $node->background_psql('postgres');
$lock->query_safe('BEGIN; LOCK cut_seen IN ACCESS EXCLUSIVE MODE');
$node->sql(q{INSERT INTO cut SELECT i, repeat('y', 600) FROM generate_series(60001, 100000) i});
$lock->query_safe('SELECT pg_sleep(4)');
$lock->query_safe('COMMIT');
$lock->quit;
ok($node->wait_until('SELECT count(*) = 100001 FROM cut_seen'), 'a sink that stands still for longer than wal_sender_timeout');
is($node->sql('SELECT active_pid FROM pg_replication_slots'), $walsender, 'does not cost the connection');
end('cut');

# ---- nothing comes again ----

begin('once', "VALUES (1, 'a'), (2, 'b')", '', mode => 'at_most_once');
comes('once', '1 2', 'at_most_once: a copy');
$node->sql(q{INSERT INTO once VALUES (3, 'c')});
comes('once', '1 2 3', 'at_most_once: and what follows');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE job = 'once' AND kind = 'source'});
$node->sql(q{INSERT INTO once VALUES (4, 'd')});
comes('once', '1 2 3 4', 'at_most_once: nothing comes twice');
end('once');

begin('unchecked', "VALUES (1, 'a')", '', unchecked => 1);
comes('unchecked', '1', 'without checkpoints: a copy');
$node->sql(q{INSERT INTO unchecked VALUES (2, 'b')});
comes('unchecked', '1 2', 'without checkpoints: and what follows');
ok($node->wait_until(q{SELECT bool_and(confirmed_flush_lsn > restart_lsn) FROM pg_replication_slots}), 'without checkpoints: the slot is confirmed');
end('unchecked');

# ---- partitions, children, rows that are filtered ----

sub refused
{
	my ($name, $pattern, $what, $how) = @_;

	my $error = $node->sql_error("SELECT weir.start_job('$name', @{[ $how // 'fresh => false' ]})");
	if ($error eq '')
	{
		$node->wait_status('failed', $name);
		$error = $node->sql("SELECT last_error FROM weir.jobs WHERE name = '$name'");
	}
	like($error, $pattern, $what);
	return;
}

$node->sql(q{CREATE TABLE halves (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); ALTER TABLE halves REPLICA IDENTITY FULL;
	CREATE TABLE halves_1 PARTITION OF halves FOR VALUES FROM (0) TO (10)});
prepare('halves', '', ", updates 'pair'", again => 1, attempts => 1);
refused('halves', qr/each of its partitions/, 'pairs of a partition that does not tell old rows');
$node->sql(q{ALTER TABLE halves_1 REPLICA IDENTITY FULL; INSERT INTO halves VALUES (1, 'a'); SELECT weir.start_job('halves', fresh => true)});
comes('halves', '1', 'when it does, they come');
$node->sql(q{UPDATE halves SET v = 'b'});
comes('halves', '1 1 1', 'in pairs');
$node->sql(q{CREATE TABLE halves_2 PARTITION OF halves FOR VALUES FROM (10) TO (20)});
$node->sql(q{INSERT INTO halves VALUES (11, 'a')});
$node->wait_status('failed', 'halves');
like($node->sql(q{SELECT last_error FROM weir.jobs WHERE name = 'halves'}), qr/partition public\.halves_2 .*ALTER TABLE public\.halves_2 REPLICA/s,
	'a partition that is added later and does not stops it');
end('halves');

$node->sql(q{CREATE TABLE bare (id int, v text) PARTITION BY RANGE (id); CREATE TABLE bare_1 PARTITION OF bare FOR VALUES FROM (0) TO (10)});
prepare('bare', '', '', again => 1, attempts => 1);
refused('bare', qr/bare_1 has no primary key.*HINT:.*bare_1 REPLICA IDENTITY/s, 'a partition without a replica identity');
end('bare');
is($node->sql_error(q{INSERT INTO bare VALUES (1, 'a'); UPDATE bare SET v = 'b'}), '', 'it can be written as before');

$node->sql(q{CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child () INHERITS (parent); INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES (2, 'b')});
begin('parent', '', '', again => 1);
comes('parent', '1', 'what inherits is not copied');
$node->sql(q{INSERT INTO child VALUES (3, 'c'); UPDATE child SET v = 'd'; INSERT INTO parent VALUES (4, 'd')});
comes('parent', '1 4', 'nor do its changes come, and it can be written as before');
end('parent');

$node->sql(q{CREATE TABLE few (id int PRIMARY KEY, v text); INSERT INTO few VALUES (1, 'a'), (2, 'b'); CREATE PUBLICATION few FOR TABLE few WHERE (id > 1)});
begin('few', '', ", publication 'few'", again => 1, attempts => 1);
comes('few', '2', 'a row filter holds for the copy');
$node->sql(q{INSERT INTO few VALUES (0, 'a'), (3, 'c')});
comes('few', '2 3', 'and for what follows');

# ---- another slot ----

$node->sql(q{SELECT weir.stop_job('few'); ALTER FOREIGN TABLE few_changes OPTIONS (ADD slot 'another'); TRUNCATE few_seen; SELECT weir.start_job('few', fresh => true)});
comes('few', '2 3', 'another slot: a copy');
is($node->sql('SELECT string_agg(slot_name, $$ $$) FROM pg_replication_slots'), 'another', 'the slot of before is dropped');
$node->sql(q{SELECT weir.stop_job('few'); ALTER FOREIGN TABLE few_changes OPTIONS (SET slot 'theirs');
	SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')});
refused('few', qr/"theirs".*exists already/s, 'somebody else\'s slot is not made anew', 'fresh => true');
is($node->sql(q{SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'theirs'}), '1', 'nor dropped');
$node->sql(q{SELECT pg_drop_replication_slot('theirs'); DROP PUBLICATION few});
end('few');

# ---- row security ----

$node->sql(q{CREATE ROLE lim LOGIN REPLICATION; CREATE TABLE secured (id int PRIMARY KEY, v text); INSERT INTO secured VALUES (1, 'a'), (2, 'b');
	ALTER TABLE secured ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON secured USING (id = 1); GRANT SELECT ON secured TO lim; CREATE PUBLICATION secured FOR TABLE secured;
	CREATE SERVER limited FOREIGN DATA WRAPPER weir_changes; CREATE USER MAPPING FOR CURRENT_USER SERVER limited OPTIONS (user 'lim')});
prepare('secured', '', ", publication 'secured'", again => 1, attempts => 1, server => 'limited');
refused('secured', qr/row-level security/, 'row security that would leave rows out of the copy is an error');
$node->sql('DROP PUBLICATION secured');
end('secured');

# ---- it does not let us in ----

$node->sql(q{CREATE SERVER nowhere FOREIGN DATA WRAPPER weir_changes OPTIONS (dbname 'nowhere')});
begin('shut', "VALUES (1, 'a')", '', server => 'nowhere', attempts => 1);
$node->wait_status('failed', 'shut');
like($node->sql(q{SELECT last_error FROM weir.jobs WHERE name = 'shut'}), qr/database "nowhere" does not exist.*HINT:.*REPLICATION/s,
	'a source that refuses the first connection is an error');
end('shut');

$node->sql(q{CREATE ROLE plain LOGIN; GRANT USAGE ON FOREIGN DATA WRAPPER weir_changes TO plain; GRANT ALL ON SCHEMA public TO plain;
	GRANT USAGE ON FOREIGN SERVER here TO plain});
like($node->sql_error(q{SET ROLE plain; CREATE USER MAPPING FOR plain SERVER here OPTIONS (password_required 'false')}), qr/superuser-only/,
	'who is no superuser connects by a password');
like($node->sql_error(q{SET ROLE plain; CREATE SERVER mine FOREIGN DATA WRAPPER weir_changes OPTIONS (sslrootcert '/etc/passwd')}), qr/42501.*names files|names files/s,
	'and names no files of the server');
$node->stop('fast');
done_testing();
