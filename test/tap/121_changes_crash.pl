# Eight sessions that insert, update and delete rows of a table at random, roll back, go
# back to savepoints and prepare, while a job follows the table and its tasks, its
# walsender and the servers are killed: what the job has summed up, by customer and by
# order, equals the query over the table.  The table is of this server, then of another.
#
# DURATION and KILLS say for how many seconds they write and how often something is
# killed meanwhile, WHERE on which server ("here", "there", or both); "make
# torture-changes" sets them.
use strict;
use warnings;

use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Node;

my $sessions = 8;
my $duration = $ENV{DURATION} || 6;
my $kills = $ENV{KILLS} || 4;
my $seed = $ENV{SEED} || 1;
my @where = split ' ', $ENV{WHERE} || 'here there';
my @logical = ('wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10', 'max_wal_size = 4GB');
my $user = getpwuid $<;

my $node = Weir::Node->create('changes_crash', @logical);
my $other;

# A transaction's statement: rows that lie side by side, so that sessions seldom meet.
sub statement
{
	my $kind = rand();
	my $n = 1 + int(rand(5));
	my $some = '(SELECT id FROM orders WHERE id >= (SELECT random() * max(id) FROM orders) ORDER BY id LIMIT ' . $n . ')';

	return "INSERT INTO orders (customer, amount, note) SELECT random() * 40, random() * 1000 - 200,
		repeat(md5(random()::text), CASE WHEN random() < 0.1 THEN 100 ELSE 1 END) FROM generate_series(1, $n);\n" if $kind < 0.4;
	return "UPDATE orders SET amount = amount + (random() * 20)::int - 10 WHERE id IN $some;\n" if $kind < 0.6;
	return "UPDATE orders SET customer = random() * 40, amount = -amount WHERE id IN $some;\n" if $kind < 0.75;
	return "UPDATE orders SET id = nextval('orders_id_seq') WHERE id IN $some;\n" if $kind < 0.8;
	return "UPDATE orders SET note = note || 'x' WHERE id IN $some;\n" if $kind < 0.85;
	return "DELETE FROM orders WHERE id IN $some;\n";
}

sub transaction
{
	my ($session) = @_;
	my $kind = rand();
	my $body = join('', map { statement() } 1 .. 1 + int(rand(3)));

	return "BEGIN;\n${body}ROLLBACK;\n" if $kind < 0.1;
	return "BEGIN;\n" . statement() . "SAVEPOINT s;\n${body}ROLLBACK TO s;\n" . statement() . "COMMIT;\n" if $kind < 0.2;
	return "BEGIN;\n${body}PREPARE TRANSACTION 'w$session';\nCOMMIT PREPARED 'w$session';\n" if $kind < 0.25;
	return "BEGIN;\n${body}COMMIT;\n";
}

# What a psql that lost its server has left prepared is rolled back by its session.
sub play
{
	my ($source, $session, $until) = @_;

	while (time() < $until)
	{
		my $script = "SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts WHERE gid = 'w$session' \\gexec\n"
		  . join('', map { transaction($session) } 1 .. 10);

		open(my $psql, '|-', "psql -XqAt -d '" . $source->connstr('postgres') . "' -f - > /dev/null 2>&1") or die $!;
		print $psql $script;
		close $psql or usleep(50_000);
	}
	return;
}

sub start_writer
{
	my ($source, $session, $until) = @_;
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		$SIG{PIPE} = 'IGNORE';
		srand($seed * 100 + $session);
		eval { play($source, $session, $until); };
		POSIX::_exit(0);
	}
	return $pid;
}

sub create_table
{
	my ($source) = @_;

	$source->safe_psql('postgres', q{
		CREATE TABLE orders (id bigserial PRIMARY KEY, customer int NOT NULL, amount int NOT NULL, note text);
		ALTER TABLE orders REPLICA IDENTITY FULL;
		INSERT INTO orders (customer, amount) SELECT random() * 40, random() * 1000 FROM generate_series(1, 2000)});
	return;
}

# A stream, and a job that sums up: rows of customers and of orders that are no more stay, with 0.
sub create_job
{
	my ($where, $options, $mapping) = @_;

	$node->sql(qq{
		CREATE SCHEMA $where; SET search_path = $where, public;
		CREATE SERVER $where FOREIGN DATA WRAPPER weir_changes $options;
		CREATE USER MAPPING FOR $user SERVER $where $mapping;
		CREATE FOREIGN TABLE changes (id bigint, customer int, amount int, note text, operation text OPTIONS (metadata 'operation'))
			SERVER $where OPTIONS (schema_name 'public', table_name 'orders', updates 'pair');
		CREATE VIEW signed AS SELECT id, customer, amount, length(note) AS note,
			CASE WHEN operation IN ('delete', 'update_before') THEN -1 ELSE 1 END AS sign FROM changes;
		CREATE TABLE by_customer (customer int PRIMARY KEY, n bigint, total bigint);
		CREATE TABLE by_order (id bigint PRIMARY KEY, n bigint, total bigint, note bigint);
		SELECT weir.create_job('$where', \$\$
			INSERT INTO by_customer SELECT customer, sum(sign), sum(sign * amount) FROM signed GROUP BY customer
				ON CONFLICT (customer) DO UPDATE SET n = excluded.n, total = excluded.total;
			INSERT INTO by_order SELECT id, sum(sign), sum(sign * amount), sum(sign * note) FROM signed GROUP BY id
				ON CONFLICT (id) DO UPDATE SET n = excluded.n, total = excluded.total, note = excluded.note \$\$, parallelism => 2);
		SELECT weir.enable_checkpointing('$where', every => '50 ms', fail_on_errors => false);
		SELECT weir.set_restart_strategy('$where', 'fixed_delay', attempts => -1, delay => '10 ms');
		SELECT weir.start_job('$where')});
	return;
}

# One value that says it all: of the table, and of what was written.
my %batch = (
	by_customer => 'SELECT customer, count(*) AS n, sum(amount) AS total FROM orders GROUP BY customer',
	by_order => 'SELECT id, 1 AS n, amount AS total, length(note) AS note FROM orders');

sub digest
{
	my ($rows) = @_;
	return "SELECT format('%s rows, %s', count(*), md5(string_agg(r::text, ' ' ORDER BY r::text))) FROM ($rows) r";
}

sub kill_process
{
	my ($server, $signal, $query) = @_;
	my ($status, $pid) = eval { $server->psql('postgres', $query) };

	kill($signal, $pid) if defined $status && $status == 0 && $pid =~ /^\d+$/;
	return;
}

sub restart_server
{
	my ($server) = @_;

	$server->kill9;
	$server->start;
	return;
}

# In turn; SIGKILL of a task has its whole server begin anew.
my @strikes = (
	[ 'the source is terminated', sub { kill_process($node, 'TERM', q{SELECT pid FROM weir.tasks WHERE kind = 'source'}) } ],
	[ 'the server is killed', sub { restart_server($node) } ],
	[ 'the walsender is terminated', sub { kill_process($_[0], 'TERM', 'SELECT active_pid FROM pg_replication_slots') } ],
	[ 'the source is killed', sub { kill_process($node, 'KILL', q{SELECT pid FROM weir.tasks WHERE kind = 'source'}) } ],
	[ "the source's server is killed", sub { restart_server($_[0]) } ],
	[ 'the coordinator is terminated', sub { kill_process($node, 'TERM', q{SELECT pid FROM weir.tasks WHERE kind = 'coordinator'}) } ],
	[ 'a keyed task is terminated', sub { kill_process($node, 'TERM', q{SELECT pid FROM weir.tasks WHERE kind = 'keyed' LIMIT 1}) } ]);

sub strike
{
	my ($where, $source, $until) = @_;
	my $began = time();
	my $failed = 0;

	foreach my $i (1 .. $kills)
	{
		my $at = $began + ($until - $began) * ($i - 0.5 + rand(0.5)) / ($kills + 1);
		my ($what, $do) = @{ $strikes[ ($i + $seed - 2) % @strikes ] };

		usleep(1e6 * ($at - time())) if $at > time();
		$do->($source);
		$failed++, diag("$where: $what, and the job did not go on") unless $node->wait_status('running', $where);
	}
	is($failed, 0, "$where: the job came back from each of $kills kills");
	return;
}

sub play_all
{
	my ($where, $source, $options, $mapping) = @_;

	create_table($source);
	my $until = time() + $duration;
	my @writers = map { start_writer($source, $_, $until) } 1 .. $sessions;

	create_job($where, $options, $mapping);
	strike($where, $source, $until);
	waitpid($_, 0) foreach @writers;
	$source->safe_psql('postgres', $_) foreach split /\n/, $source->safe_psql('postgres', q{SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts WHERE gid ~ '^w\d'});
	foreach my $what (sort keys %batch)
	{
		my $expected = $source->safe_psql('postgres', digest($batch{$what}));

		ok($node->wait_until(digest("SELECT * FROM $where.$what WHERE n <> 0"), $expected), "$where: $what is that of the table: $expected");
	}
	note($node->sql("SELECT format('%s: %s changes, restarts %s', job, records, (SELECT restarts FROM weir.jobs j WHERE j.name = job)) FROM weir.sources"));
	$node->sql("SELECT weir.stop_job('$where')");
	is($node->sql(digest("SELECT * FROM $where.$_ WHERE n <> 0")), $source->safe_psql('postgres', digest($batch{$_})), "$where: $_, and stays so") foreach sort keys %batch;
	$node->sql("SELECT weir.drop_job('$where')");
	is($source->safe_psql('postgres', 'SELECT count(*) FROM pg_replication_slots'), '0', "$where: its slot is dropped with it");
	return;
}

sub there
{
	$other = Weir::Node->new('changes_crash_source');
	$other->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
	$other->append_conf('postgresql.conf', join("\n", @logical, 'max_prepared_transactions = 20', ''));
	$other->start;
	play_all('there', $other, "OPTIONS (host '@{[ $other->host ]}', port '@{[ $other->port ]}', dbname 'postgres')", "OPTIONS (user '$user')");
	$other->stop('fast');
	return;
}

srand($seed);
foreach my $where (@where)
{
	if ($where eq 'here') { play_all('here', $node, '', ''); }
	else { there(); }
}
is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'nothing is left prepared');
$node->stop('fast');
done_testing();
