# A job starts by itself only in its own database and with weir.autostart on; in
# a copy made by CREATE DATABASE ... TEMPLATE it waits for start_job, and goes on
# from what was copied.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('copy');
my $odd = "1 10\n2 10\n3 10\n";
my $even = "1 20\n2 30\n3 40\n";
my $windows = '1 15, 2 20, 3 25';

sub in { my ($database) = @_; $node->{database} = $database; return; }
sub rows { return $node->sql(q{SELECT string_agg(f0 || ' ' || average, ', ' ORDER BY f0, average) FROM averages}); }
sub tasks { return $node->sql('SELECT count(*) FROM weir.tasks'); }

sub autostart
{
	my ($value) = @_;

	$node->append_conf('postgresql.conf', "weir.autostart = $value");
	$node->restart;
	return;
}

# The launcher has looked into every database.
sub scanned
{
	my ($since) = @_;
	return ok($node->wait_until(q{SELECT count(*) = 1 AND bool_and(wait_event = 'Extension')
		FROM pg_stat_activity WHERE backend_type = 'weir launcher'}), "$since: the launcher waits");
}

my $sender = Weir::Sender->new($odd . $even);
my $other = Weir::Sender->new($even);

$node->use_database('original');
$node->averaging_job(port => $sender->port, server => q{max_retries '-1'}, checkpointing => q{every => '20 ms', mode => 'exactly_once'});
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $odd);
ok($node->wait_until(q{SELECT sum(records_in) = 3 FROM weir.tasks WHERE kind = 'keyed'}), 'half of each window was read');
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});

autostart('off');
scanned('autostart off');
is(tasks(), '0', 'with autostart off nothing runs');
is($node->sql('SELECT status, status_reason FROM weir.jobs'),
	'restarting|it was not started with the server, as weir.autostart was off', 'as the job says');
is($node->sql(q{SELECT weir.wait_for_job('s3', 'running', '0')}), 'f', 'and it is not taken for running');
is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'a fast shutdown leaves nothing prepared');

$node->sql('CREATE DATABASE copied TEMPLATE original');
in('copied');
$node->sql('ALTER SERVER sensors OPTIONS (SET port ' . "'" . $other->port . "')");
is($node->sql('SELECT status, status_reason FROM weir.jobs'),
	'stopped|it ran before this database was copied or upgraded', 'in the copy it is stopped');
is($node->sql(q{SELECT weir.wait_for_job('s3', 'running', '1 min')}), 'f', 'and nobody waits for it');
like($node->sql_error(q{SELECT weir.trigger_checkpoint('s3')}), qr/not running.*DETAIL:  Its status is "stopped"/s, 'nor takes checkpoints');

autostart('on');
in('original');
ok($node->wait_until(q{SELECT count(*) = 4 FROM weir.tasks}), 'with autostart on the original starts by itself');
scanned('autostart on');
in('copied');
is(tasks(), '0', 'the copy does not');
is($other->accepts, '0', 'nor does it take the stream');

$node->sql(q{SELECT weir.start_job('s3')});
$other->send_to(length $even);
ok($node->wait_until('SELECT count(*) = 3 FROM averages'), 'started, it goes on from the copied checkpoint');
is(rows(), $windows, 'with the copied state');
in('original');
$sender->send_to(length($odd . $even));
ok($node->wait_until('SELECT count(*) = 3 FROM averages'), 'so does the original');
is(rows(), $windows, 'with its own');

# From then on the copy is a database of its own.
$node->kill9;
$node->start;
foreach my $database ('original', 'copied')
{
	in($database);
	ok($node->wait_until('SELECT count(*) = 4 FROM weir.tasks'), "$database: starts by itself after a crash");
	$node->sql(q{SELECT weir.stop_job('s3')});
	is(rows(), $windows, "$database: nothing was written twice");
}

# The job that waits with autostart off is started by start_job.
in('original');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('running'), 'runs');
autostart('off');
scanned('autostart off again');
is(tasks(), '0', 'nothing runs');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_until('SELECT count(*) = 4 FROM weir.tasks'), 'start_job starts what did not start by itself');
$node->sql(q{SELECT weir.stop_job('s3')});

done_testing();
