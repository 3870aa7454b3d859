# A good guest: a database whose jobs run under load, with transactions often
# prepared, can be copied, renamed and dropped by who may do it, and by nobody
# else; jobs go on where it still is.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('drop_database', 'log_min_messages = log');
my $data = Weir::Node::random_lines(200_000, 500, 40);
my $sender = Weir::Sender->new($data);

sub elsewhere { return $node->safe_psql('postgres', @_); }

# What a statement in another database that must fail says.
sub refused
{
	my ($sql, $user) = @_;
	my (undef, undef, $stderr) = $node->psql('postgres', $sql, extra_params => [ '-v', 'VERBOSITY=verbose', $user ? ('-U', $user) : () ]);
	return $stderr;
}

# More input comes, so that it cannot have been used up.
sub flows
{
	my ($name) = @_;
	my $more = Weir::Node::random_lines(20_000, 500, 40);

	$sender->append($more);
	$data .= $more;
	$sender->send_to(length $data);
	my $before = $node->sql('SELECT count(*) FROM averages');
	return ok($node->wait_until("SELECT count(*) > $before FROM averages"), "$name: output flows");
}

$node->use_database('guest');
$node->averaging_job(port => $sender->port, checkpointing => "every => '20 ms'", job => 'parallelism => 3',
	server => "max_retries '-1', retry_delay '50 ms'");
elsewhere('CREATE ROLE nobody LOGIN; CREATE ROLE builder LOGIN CREATEDB; CREATE ROLE keeper LOGIN; ALTER DATABASE guest OWNER TO keeper');
$node->sql(q{SELECT weir.start_job('s3')});
# for as long as the test may take on a busy machine
$sender->rate(20_000)->send_to(length $data);
flows('started');
my $attempt = $node->sql('SELECT attempt FROM weir.jobs');

# Who may not do it does not stop anything.
like(refused('DROP DATABASE guest', 'nobody'), qr/42501: must be owner of database guest/, 'DROP DATABASE by nobody is refused');
like(refused('DROP DATABASE guest WITH (FORCE)', 'nobody'), qr/42501: must be owner/, 'so it is with FORCE');
like(refused('ALTER DATABASE guest RENAME TO other', 'nobody'), qr/42501: must be owner/, 'so is RENAME');
like(refused('ALTER DATABASE guest RENAME TO other', 'keeper'), qr/42501: permission denied to rename/, 'RENAME needs CREATEDB too');
like(refused('CREATE DATABASE copied TEMPLATE guest', 'builder'), qr/42501: permission denied to copy/, 'so is a copy');
like(refused('CREATE DATABASE postgres TEMPLATE guest'), qr/42P04: database "postgres" already exists/, 'a copy under a name that is taken');
like(refused('ALTER DATABASE guest RENAME TO postgres'), qr/42P04: database "postgres" already exists/, 'a name that is taken');
like(refused("BEGIN;\nDROP DATABASE guest;"), qr/25001: DROP DATABASE cannot run inside a transaction block/, 'DROP DATABASE in a transaction block');
like($node->sql_error('DROP DATABASE guest'), qr/55006: cannot drop the currently open database/, 'the database one is in');
unlike(refused('DROP DATABASE IF EXISTS no_such_database'), qr/ERROR/, 'IF EXISTS of none');
is($node->sql('SELECT attempt FROM weir.jobs'), $attempt, 'the job never stopped');

# A copy is taken between two attempts; the job goes on.
elsewhere('CREATE DATABASE copied TEMPLATE guest');
ok($node->wait_until("SELECT status = 'running' AND attempt > $attempt FROM weir.jobs"), 'after a copy the job goes on');
flows('after a copy');
is($node->safe_psql('copied', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'copied' AND application_name LIKE 's3%'}), '0',
	'not in the copy');
is($node->safe_psql('copied', q{SELECT count(*) = sum((SELECT count(*) FROM averages b WHERE b.ctid = a.ctid)) FROM averages a}), 't',
	'the copy can be read');
elsewhere('DROP DATABASE copied');

# A failing copy: somebody is connected.
my $session = $node->background_psql('guest');
$attempt = $node->sql('SELECT attempt FROM weir.jobs');
like(refused('CREATE DATABASE copied TEMPLATE guest'), qr/55006: source database "guest" is being accessed by other users/,
	'a copy of a database in use fails');
like(refused('DROP DATABASE guest'), qr/55006: database "guest" is being accessed by other users/, 'so does DROP DATABASE');
ok($node->wait_until("SELECT status = 'running' AND attempt > $attempt FROM weir.jobs"), 'and the job goes on');
$session->quit;
flows('after failures');

# Renamed.
elsewhere('ALTER DATABASE guest RENAME TO lodger');
$node->{database} = 'lodger';
ok($node->wait_until(q{SELECT status = 'running' FROM weir.jobs}), 'renamed, the job goes on');
flows('renamed');
my $there = $node->basedir . '/space';
mkdir $there;
elsewhere("CREATE TABLESPACE space LOCATION '$there'");
elsewhere('ALTER DATABASE lodger SET TABLESPACE space');
ok($node->wait_until(q{SELECT status = 'running' FROM weir.jobs}), 'moved, the job goes on');
flows('moved');

# All of it has been exact.
$sender->rate(0);
ok($node->wait_until('SELECT (SELECT sum(records_in) FROM weir.tasks) > 0'), 'the rest is read');
$sender->finish;
$node->load_input($data);
ok($node->wait_until('SELECT count(*) FROM averages', $node->batch_rows), 'all was read');
$node->sql(q{SELECT weir.stop_job('s3')});
$node->is_exact('through copies, a new name and a new place');

# Dropped while it runs.
$node->sql(q{SELECT weir.drop_job('s3')});
$sender = Weir::Sender->new($data);
$node->sql('TRUNCATE averages');
$node->sql(sprintf(q{ALTER SERVER sensors OPTIONS (SET port '%d')}, $sender->port));
$node->sql(q{SELECT weir.create_job('s3', $$
	INSERT INTO averages SELECT a.* FROM readings r
	JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)$$, parallelism => 3);
	SELECT weir.enable_checkpointing('s3', every => '20 ms');
	SELECT weir.start_job('s3')});
# for as long as the test may take on a busy machine
$sender->rate(20_000)->send_to(length $data);
flows('again');
is(elsewhere('DROP DATABASE lodger'), '', 'DROP DATABASE with a job under load');
is(elsewhere(q{SELECT count(*) FROM pg_database WHERE datname = 'lodger'}), '0', 'the database is gone');
is(elsewhere('SELECT count(*) FROM pg_prepared_xacts'), '0', 'nothing is left prepared');
$node->{database} = 'postgres';
ok($node->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 's3%'}), 'no process of the job is left');

# Its slot is free: one job fits into weir.max_jobs = 1 again and again.
$node->append_conf('postgresql.conf', 'weir.max_jobs = 1');
$node->restart;
foreach my $i (1 .. 2)
{
	$sender = Weir::Sender->new($data);
	$node->use_database("round_$i");
	$node->averaging_job(port => $sender->port, checkpointing => "every => '20 ms'");
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->rate(200_000)->send_to(length $data);
	flows("round $i");
	elsewhere("DROP DATABASE round_$i WITH (FORCE)");
}
pass('slots of dropped databases are free');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|no room to start/, 'nothing else went wrong');

done_testing();
