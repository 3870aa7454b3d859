# A job through its life: stopped and started with a window half full, started
# afresh, finished and started again, drained, its checkpointing turned off
# while it runs, dropped while it runs; print lines appear with their epoch.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('lifecycle');
my $odd = "1 10\n2 10\n3 10\n";
my $even = "1 20\n2 30\n3 40\n";

sub start { return $node->sql(q{SELECT weir.start_job('s3')}); }
sub stop { return $node->sql("SELECT weir.stop_job('s3'" . (shift // '') . ')'); }
sub rows { return $node->sql(q{SELECT string_agg(f0 || ' ' || average, ', ' ORDER BY f0, average) FROM averages}); }

sub processed
{
	my ($n) = @_;
	return ok($node->wait_until("SELECT sum(records_in) = $n FROM weir.tasks WHERE kind = 'keyed'"), "$n were processed");
}

foreach my $mode ('exactly_once', 'at_least_once')
{
	my $sender = Weir::Sender->new($odd);

	$node->use_database("state_$mode");
	$node->averaging_job(port => $sender->port, checkpointing => "every => '1 h', mode => '$mode'");
	start();
	$sender->send_to(length $odd);
	processed(3);
	stop();
	is($node->sql(q{SELECT status FROM weir.jobs}), 'stopped', "$mode: stopped");
	is($node->sql(q{SELECT kind || ' ' || status FROM weir.checkpoints}), 'final completed', "$mode: with a final checkpoint");
	is(rows(), '', "$mode: each window is half full");

	$sender->append($even);
	start();
	$sender->wait_accepts(2);
	$sender->send_to(length($odd . $even));
	processed(3);
	stop();
	is(rows(), '1 15, 2 20, 3 25', "$mode: the other half fills the windows that were kept");

	$sender->append($odd);
	start();
	$sender->wait_accepts(3);
	$sender->send_to(length($odd . $even . $odd));
	processed(3);
	stop();
	$node->sql(q{SELECT weir.start_job('s3', fresh => true)});
	$sender->append($even);
	$sender->wait_accepts(4);
	$sender->send_to(length(($odd . $even) x 2));
	processed(3);
	stop();
	is(rows(), '1 15, 2 20, 3 25', "$mode: fresh forgets the state, not the position");
}

# The end of the stream; a finished job started again connects again.
my $sender = Weir::Sender->new($odd);

$node->use_database('finished');
$node->averaging_job(port => $sender->port);
start();
$sender->send_to(length $odd);
processed(3);
stop(', drain => true');
ok($node->wait_until(q{SELECT status IN ('finished', 'stopped') FROM weir.jobs}), 'a drain ends the job');
$sender->append($even);
start();
$sender->wait_accepts(2);
$sender->finish;
ok($node->wait_status('finished'), 'started again, it goes on behind the drain');
is(rows(), '1 15, 2 20, 3 25', 'with the state it had');
like($node->sql_error(q{SELECT weir.stop_job('s3')}), qr/not running/, 'a finished job cannot be stopped');

# Checkpointing turned off on a running job: output no longer waits.
$sender = Weir::Sender->new($odd . $even);
$node->use_database('disabled');
$node->averaging_job(port => $sender->port, checkpointing => "every => '1 h'");
start();
$sender->send_to(length $odd);
processed(3);
$node->sql(q{SELECT weir.disable_checkpointing('s3')});
is($node->sql(q{SELECT kind || ' ' || status FROM weir.checkpoints}), 'manual completed', 'disabling takes a last checkpoint');
$sender->send_to(length($odd . $even));
ok($node->wait_until(q{SELECT count(*) = 3 FROM averages}), 'without checkpointing output is committed within sink_flush');

# Dropped while it runs: nothing of it is left.
$node->sql(q{SELECT weir.drop_job('s3')});
ok($node->wait_until(q{
	SELECT count(*) = 0 FROM pg_class c
	 WHERE relnamespace = 'weir_internal'::regnamespace AND relname ~ '^journal_\d+_'}), 'its journal is dropped');
foreach my $table (qw(job run timeline snapshot checkpoint checkpoint_task completed marker outbox journal_segment))
{
	my $column = $table eq 'job' ? 'id' : 'job';
	ok($node->wait_until("SELECT count($column) = 0 FROM weir_internal.$table"), "nothing is left in $table");
}
ok($node->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 's3 %'}), 'its processes are gone');

# print: no line before its checkpoint, each one after.
$sender = Weir::Sender->new($odd);
$node->use_database('printed');
$node->averaging_job(port => $sender->port, checkpointing => "every => '1 h'", query => q{
	INSERT INTO weir.print SELECT 'printed ' || r.f0 FROM readings r });
start();
$sender->send_to(length $odd);
ok($node->wait_until(q{SELECT records_in = 3 FROM weir.tasks WHERE kind = 'sink'}), 'the sink task has three records');
unlike(slurp_file($node->logfile), qr/printed 1/, 'no line before the checkpoint');
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
my $log = slurp_file($node->logfile);
is(scalar(() = $log =~ /LOG:  printed \d/g), 3, 'each line once when trigger_checkpoint returns');
is($node->sql('SELECT count(*) FROM weir_internal.outbox'), '0', 'the outbox is empty');
stop();

done_testing();
