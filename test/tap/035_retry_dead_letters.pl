# Dead letters that are tried again count once, in state and output, whatever dies:
# between records that still come, and in a job that is stopped.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $lines = 6000;
my $keys = 50;
my $node = Weir::Node->create('retry_dead_letters');
my $data = join('', map { "$_ " . $_ % $keys . "\n" } 1 .. $lines);
my $sender = Weir::Sender->new($data, hold => 1);

$node->sql(<<"SQL");
CREATE SERVER there FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$sender->port]}', partial 'join');
CREATE FOREIGN TABLE records (id bigint, key bigint)
	SERVER there OPTIONS (delimiter ' ', on_error 'dead_letter', max_dead_letters '100000');
CREATE TABLE gate (open boolean);
CREATE FUNCTION numbered(r records) RETURNS TABLE (id bigint, key bigint, n bigint) LANGUAGE plpgsql AS \$\$
BEGIN
	PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + 1);
	IF r.id % 2 = 0 AND NOT EXISTS (SELECT FROM gate) THEN RAISE 'closed'; END IF;
	RETURN QUERY SELECT r.id, r.key, weir.state_value('n', NULL::bigint);
END \$\$;
SELECT weir.create_value_state('numbered(records)', 'n', 'bigint', default_value => '0');
CREATE TABLE output (id bigint, key bigint, n bigint);
SELECT weir.create_job('again', 'INSERT INTO output SELECT n.* FROM records r JOIN LATERAL numbered(r) n ON weir.key_by(r.key)',
	parallelism => 2);
SELECT weir.enable_checkpointing('again', every => '20 ms', max_concurrent => 2, fail_on_errors => false);
SELECT weir.start_job('again');
SQL

sub kill_server
{
	my ($name) = @_;

	$node->kill9;
	$node->start;
	ok($node->wait_status('running', 'again'), "$name: runs again");
	$node->tend($sender);
	return;
}

$node->tend($sender);
$sender->send_to(int(length($data) / 2));
ok($node->wait_consumed(int(length($data) / 2), 'again'), 'half of it is read');
ok($node->wait_until('SELECT count(*) > 1000 FROM weir.dead_letters'), 'with letters');

# While the other half comes, letters go in again, some of which fail again.
$sender->rate(int(length($data) / 4));
$sender->send_to(length $data);
is($node->sql(q{SELECT weir.retry_dead_letters('again', 'line_number < 400') BETWEEN 190 AND 199}), 't', 'some that fail again');
kill_server('failing again');
$node->sql('INSERT INTO gate VALUES (true)');
$node->sql(q{SELECT weir.retry_dead_letters('again')});
kill_server('tried again');
$node->sql(q{SELECT weir.retry_dead_letters('again')});
my ($pid) = $node->sql(q{SELECT pid FROM weir.tasks WHERE kind = 'source'});
kill('KILL', $pid);
$sender->rate(0);
ok($node->wait_consumed(length($data), 'again'), 'all is read');

# What is left goes into the stopped job.
$node->wait_until("SELECT count(*) > 0 AND bool_and(pid <> $pid) FROM weir.tasks WHERE kind = 'source' AND pid IS NOT NULL");
$node->wait_status('running', 'again');
$node->sql(q{SELECT weir.stop_job('again')});
$node->sql(q{SELECT weir.retry_dead_letters('again'); SELECT weir.start_job('again')});
ok($node->wait_until("SELECT count(*) >= $lines FROM output"), 'all records are output');
ok($node->wait_until('SELECT count(*) = 0 FROM weir_internal.retry'), 'nothing waits');
is($node->sql(q{SELECT weir.trigger_checkpoint('again') > 0}), 't', 'a checkpoint');
is($node->sql('SELECT count(*), count(DISTINCT id) FROM output'), "$lines|$lines", 'once each');
is($node->sql('SELECT count(*) FROM (SELECT key, n FROM output GROUP BY 1, 2 HAVING count(*) > 1) x'), '0', 'in state, too');
is($node->sql('SELECT max(n) FROM output'), $lines / $keys, 'and no record more');
is($node->sql('SELECT count(*) FROM weir.dead_letters'), '0', 'no letter is left');

# Letters of a stream that has ended, in a job that goes on, wait; the caller is told.
my $brief = Weir::Sender->new("1\n11\n");
$node->sql(<<"SQL");
CREATE SERVER brief FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$brief->port]}');
CREATE FOREIGN TABLE ends (id bigint) SERVER brief OPTIONS (on_error 'dead_letter');
CREATE FOREIGN TABLE stays (id bigint) SERVER weir_feed;
CREATE TABLE ids (id bigint CHECK (id < 10));
SELECT weir.create_job('ends', 'INSERT INTO ids SELECT id FROM ends UNION ALL SELECT id FROM stays');
SELECT weir.enable_checkpointing('ends', every => '20 ms');
SELECT weir.start_job('ends');
SQL
$brief->finish;
ok($node->wait_until(q{SELECT EXISTS (SELECT FROM weir.dead_letters WHERE job = 'ends')
	AND EXISTS (SELECT FROM weir.sources WHERE job = 'ends' AND status = 'closed')}), 'a letter of a stream that has ended');
my $notices;
$node->psql('postgres', q{BEGIN; SELECT weir.retry_dead_letters('ends', 'false'); ROLLBACK}, stderr => \$notices);
unlike($notices, qr/NOTICE/, 'nothing is said where no letter is taken');
$node->psql('postgres', q{ALTER TABLE ids DROP CONSTRAINT ids_id_check; SELECT weir.retry_dead_letters('ends')}, stderr => \$notices);
like($notices, qr/NOTICE:.*dead letters of stream public\.ends wait until job "ends" is started again/, 'that they wait is said');

# A final function that spoils what it is given, and errs, leaves nothing of its copy behind.
$node->sql(<<'SQL');
CREATE FUNCTION fails(bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'fails'; END $$;
CREATE AGGREGATE spoiled(bigint) (sfunc = array_append, stype = bigint[], finalfunc = fails, finalfunc_modify = read_write);
CREATE FOREIGN TABLE spoils (id bigint) SERVER weir_feed OPTIONS (on_error 'dead_letter');
CREATE TABLE spoils_by_id (id bigint PRIMARY KEY, n bigint);
SELECT weir.create_job('spoils', 'INSERT INTO spoils_by_id SELECT id, spoiled(id) + avg(id::numeric) FROM spoils GROUP BY id
	ON CONFLICT (id) DO UPDATE SET n = excluded.n');
SELECT weir.enable_checkpointing('spoils', every => '1 h');
SELECT weir.start_job('spoils');
SQL
ok($node->wait_status('running', 'spoils'), 'a final function errs');
for (1 .. 10)
{
	$node->sql('INSERT INTO spoils VALUES (1)');
	$node->sql(q{SELECT weir.trigger_checkpoint('spoils')});
}
is($node->sql(q{SELECT count(*) FROM weir.dead_letters WHERE job = 'spoils'}), '10', 'once a checkpoint');
my $from = -s $node->logfile;
$node->sql(q{SELECT pg_log_backend_memory_contexts(pid) FROM weir.tasks WHERE job = 'spoils' AND kind = 'keyed'});
ok($node->wait_for_log(qr/Grand total/, $from), 'its task tells its memory');
my @accumulators = PostgreSQL::Test::Utils::slurp_file($node->logfile, $from) =~ /weir accumulator/g;
is(scalar(@accumulators), 0, 'what its key has is packed, and nothing else is there');
$node->stop;
done_testing();
