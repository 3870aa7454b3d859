# pg_upgrade takes a cluster with jobs along: what they have is there, none starts
# by itself, not even while pg_upgrade runs the servers, and start_job goes on.
use strict;
use warnings;

use Cwd qw(getcwd);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $old = Weir::Node->create('old');
my $new = Weir::Node->new('new');
my $odd = "1 10\n2 10\n3 10\n";
my $even = "1 20\n2 30\n3 40\n";
my %sender;

$new->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$new->append_conf('postgresql.conf', join("\n", "shared_preload_libraries = 'weir'",
	'max_prepared_transactions = 50', 'max_worker_processes = 64', ''));
$old->sql('CREATE ROLE alice LOGIN');

foreach my $name ('stopped', 'running')
{
	$sender{$name} = Weir::Sender->new($odd . $even);
	$old->use_database($name);
	$old->sql('GRANT CREATE ON SCHEMA public TO alice; GRANT USAGE ON FOREIGN DATA WRAPPER weir_socket TO alice');
	$old->averaging_job(port => $sender{$name}->port, owner => 'alice',
		checkpointing => q{every => '20 ms', mode => 'exactly_once'});
	$old->sql(q{SELECT weir.start_job('s3')});
	$sender{$name}->send_to(length $odd);
	ok($old->wait_until(q{SELECT sum(records_in) = 3 FROM weir.tasks WHERE kind = 'keyed'}), "$name: half of each window was read");
	$old->sql(q{SELECT weir.create_savepoint('s3', 'half')});
}
$old->{database} = 'stopped';
$old->sql(q{SELECT weir.stop_job('s3')});

# A stream fed from SQL: rows that were read, and rows that wait.
$old->use_database('fed');
$old->sql(q{CREATE FOREIGN TABLE feed (n int) SERVER weir_feed; CREATE TABLE seen (n int);
	SELECT weir.create_job('fed', 'INSERT INTO seen SELECT n FROM feed');
	SELECT weir.enable_checkpointing('fed', every => '1 h');
	INSERT INTO feed SELECT generate_series(1, 10);
	SELECT weir.start_job('fed')});
$old->sql(q{SELECT weir.trigger_checkpoint('fed')});
$old->sql(q{SELECT weir.stop_job('fed')});
$old->sql('INSERT INTO feed SELECT generate_series(11, 20)');

# A third is stopped in the middle of its load: were anything left prepared,
# pg_upgrade would refuse the cluster.
my $data = Weir::Node::random_lines(20_000, 1000, 55);
$sender{loaded} = Weir::Sender->new($data, hold => 1);
$old->use_database('loaded');
$old->load_input($data);
$old->averaging_job(port => $sender{loaded}->port, job => 'parallelism => 4',
	checkpointing => q{every => '10 ms', max_concurrent => 2, fail_on_errors => false});
$old->sql(q{SELECT weir.start_job('s3')});
$sender{loaded}->rate(int(length($data) / 3));
$sender{loaded}->send_to(length $data);
ok($old->wait_until('SELECT count(*) > 2000 FROM averages'), 'a job is under load');
$old->stop('fast');

sub upgrade
{
	my ($name, @options) = @_;
	my $bindir = $old->config_data('--bindir');
	my $here = getcwd();

	chdir $PostgreSQL::Test::Utils::tmp_check or die "could not change directory: $!";
	command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
			'-s', $new->host, '-p', $old->port, '-P', $new->port, '-U', $ENV{PGUSER} // 'postgres', @options ], $name);
	chdir $here;
	return;
}

my $accepted = $sender{running}->accepts;
upgrade('pg_upgrade --check passes', '--check');
upgrade('pg_upgrade passes');
is($sender{running}->accepts, $accepted, 'no job ran meanwhile');

$new->start;
foreach my $name ('stopped', 'running')
{
	$new->{database} = $name;
	ok($new->wait_until(q{SELECT bool_and(wait_event = 'Extension') FROM pg_stat_activity WHERE backend_type = 'weir launcher'}),
		"$name: the launcher waits");
	is($new->sql('SELECT count(*) FROM weir.tasks'), '0', "$name: it does not start by itself");
	is($new->sql('SELECT status, owner, last_checkpoint IS NOT NULL FROM weir.jobs'), 'stopped|alice|t', "$name: the job is there");
	$new->sql(q{SELECT weir.start_job('s3')});
	$sender{$name}->send_to(length($odd . $even));
	ok($new->wait_until('SELECT count(*) = 3 FROM averages'), "$name: start_job goes on");
	is($new->sql(q{SELECT string_agg(f0 || ' ' || average, ', ' ORDER BY f0, average) FROM averages}), '1 15, 2 20, 3 25',
		"$name: with the state it had");
	$new->sql(q{SELECT weir.stop_job('s3'); TRUNCATE averages; SELECT weir.start_job('s3', from_savepoint => 'half')});
	ok($new->wait_until('SELECT count(*) = 3 FROM averages'), "$name: its savepoint and its journal are there, too");
	$new->sql(q{SELECT weir.stop_job('s3')});
}

$new->{database} = 'fed';
$new->sql(q{INSERT INTO feed VALUES (21); SELECT weir.start_job('fed')});
$new->sql(q{SELECT weir.trigger_checkpoint('fed')});
is($new->sql('SELECT count(*), count(DISTINCT n), max(n) FROM seen'), '21|21|21', 'rows of a feed that waited are read, once');
$new->sql(q{SELECT weir.stop_job('fed')});

$new->{database} = 'loaded';
$new->sql(q{SELECT weir.start_job('s3')});
$new->tend($sender{loaded});
$sender{loaded}->rate(0);
$sender{loaded}->finish;
ok($new->wait_status('finished'), 'the job that was under load has finished');
$new->is_exact('loaded');

done_testing();
