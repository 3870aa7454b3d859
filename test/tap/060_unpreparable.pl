# A sink whose triggers do what PREPARE refuses: the job fails for good on its
# first checkpoint and says why; what only the server lacks it restarts for.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('unpreparable', 'max_prepared_transactions = 4');
my $data = join('', map { "$_ 10\n$_ 20\n" } 1 .. 4);

my %refused = (
	notify => [ 'NOTIFY weir_test', qr/executed LISTEN, UNLISTEN, or NOTIFY/ ],
	temporary => [ 'CREATE TEMP TABLE IF NOT EXISTS scratch (x int)', qr/operated on temporary objects/ ],
	held => [ q{EXECUTE 'DECLARE c' || NEW.f0 || ' CURSOR WITH HOLD FOR SELECT 1'}, qr/cursor WITH HOLD/ ],
	advisory => [ 'PERFORM pg_advisory_lock(7), pg_advisory_xact_lock(7)', qr/both session-level and transaction-level locks/ ]);

sub begin
{
	my ($name, $statement) = @_;
	my $sender = Weir::Sender->new($data);

	$node->use_database($name);
	$node->averaging_job(port => $sender->port, checkpointing => q{every => '50 ms'},
		sink => "CREATE TABLE averages (f0 bigint, average bigint);
			CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS \$t\$ BEGIN $statement; RETURN NEW; END \$t\$;
			CREATE TRIGGER act BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION act();");
	$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms')});
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(length $data);
	return $sender;
}

foreach my $name (sort keys %refused)
{
	my ($statement, $why) = @{ $refused{$name} };
	my $sender = begin($name, $statement);

	ok($node->wait_status('failed'), "$name: the job is failed");
	is($node->sql('SELECT attempt, restarts FROM weir.jobs'), '1|0', "$name: at its first checkpoint, without a restart");
	my $error = $node->sql('SELECT last_error FROM weir.jobs');
	like($error, $why, "$name: with PREPARE's reason");
	like($error, qr/task sink 0.*HINT: .*at_least_once/s, "$name: the task, and what to do");
	is($node->sql('SELECT count(*) FROM averages'), '0', "$name: nothing is visible");
	is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$name: nothing is prepared");
}

# The same sink in a mode that prepares nothing.
$node->sql('DROP TRIGGER act ON averages');
$node->use_database('relaxed');
my $sender = Weir::Sender->new($data);
$node->averaging_job(port => $sender->port, checkpointing => q{every => '50 ms', mode => 'at_least_once'},
	sink => 'CREATE TABLE averages (f0 bigint, average bigint);
		CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $t$ BEGIN NOTIFY weir_test; RETURN NEW; END $t$;
		CREATE TRIGGER act BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION act();');
$node->sql(q{SELECT weir.start_job('s3')});
$sender->finish;
ok($node->wait_status('finished'), 'at_least_once may notify');
is($node->sql('SELECT count(*) FROM averages'), '4', 'and writes its rows');

# No slot is free for PREPARE: that may pass, so the job restarts until it does.
$node->use_database('crowded');
$node->sql('CREATE TABLE other (i int)');
$node->sql(qq{BEGIN; INSERT INTO other VALUES ($_); PREPARE TRANSACTION 'user $_'}) foreach 1 .. 4;
$sender = Weir::Sender->new($data);
$node->averaging_job(port => $sender->port, job => 'parallelism => 1', checkpointing => q{every => '50 ms'});
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '100 ms')});
$node->sql(q{SELECT weir.start_job('s3')});
$node->load_input($data);
$sender->send_to(length $data);
ok($node->wait_until(q{SELECT restarts >= 2 AND last_error ~ 'maximum number of prepared transactions' FROM weir.jobs}),
	'without a free slot the job restarts and says why');
$node->sql(qq{ROLLBACK PREPARED 'user $_'}) foreach 1 .. 4;
$sender->finish;
ok($node->wait_status('finished'), 'and goes on when there is one');
$node->is_exact('crowded');

# That is one failure of the job: the one restart it has comes and goes through.
$node->use_database('crowded_once');
$node->sql('CREATE TABLE other (i int)');
$sender = Weir::Sender->new($data);
$node->averaging_job(port => $sender->port, job => 'parallelism => 1', checkpointing => q{every => '50 ms'});
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => 1, delay => '2 s')});
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('running'), 'a job with one restart runs');
$node->load_input($data);
$node->sql(qq{BEGIN; INSERT INTO other VALUES ($_); PREPARE TRANSACTION 'user $_'}) foreach 1 .. 4;
$sender->send_to(length $data);
ok($node->wait_status('restarting'), 'a PREPARE fails, and the job restarts');
$node->sql(qq{ROLLBACK PREPARED 'user $_'}) foreach 1 .. 4;
$sender->finish;
ok($node->wait_status('finished'), 'the one restart is a whole attempt');
is($node->sql('SELECT restarts FROM weir.jobs'), '1', 'and the only one');
$node->is_exact('crowded once');

done_testing();
