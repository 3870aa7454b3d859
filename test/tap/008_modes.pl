# at_least_once, at_most_once, and no checkpointing at all.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('modes');
my $each = 'INSERT INTO averages SELECT f0, f1 FROM readings';
my $data = Weir::Node::random_lines(20_000, 100, 9);
my $half = 1 + index($data, "\n", length($data) / 2);

sub begin
{
	my ($name, $checkpointing, %o) = @_;
	my $sender = Weir::Sender->new($data, hold => $o{hold});

	$node->tend(undef);
	$node->use_database($name);
	$node->load_input($data);
	$node->averaging_job(port => $sender->port, checkpointing => $checkpointing, %o);
	(undef, undef, my $notices) = $node->psql($node->{database}, q{SELECT weir.start_job('s3')});
	return ($sender, $notices);
}

# at_least_once: visible before any checkpoint; nothing missing after a crash.
my ($sender) = begin('at_least_once', q{every => '1 h', mode => 'at_least_once', sink_flush => '50 ms'},
	query => $each, hold => 1);
$sender->send_to($half);
$node->tend($sender);
my $rows = () = substr($data, 0, $half) =~ /\n/g;
ok($node->wait_until("SELECT count(*) = $rows FROM averages"), 'at_least_once: output is visible without a checkpoint');
is($node->sql(q{SELECT count(*) FROM weir.checkpoints}), '0', 'at_least_once: there was none');
$node->kill9;
$node->start;
$sender->finish;
ok($node->wait_status('finished'), 'at_least_once: finished after a crash');
is($node->sql('SELECT count(*) FROM (SELECT f0, f1 FROM input EXCEPT ALL SELECT f0, average FROM averages) x'), '0',
	'at_least_once: every record is there');
is($node->sql('SELECT count(*) FROM (SELECT f0, average FROM averages EXCEPT SELECT f0, f1 FROM input) x'), '0',
	'at_least_once: and no other');
is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'at_least_once: nothing is prepared');

# The keyed job without a failure is exact in every mode.
foreach my $mode (qw(at_least_once at_most_once exactly_once))
{
	($sender) = begin("calm_$mode", "every => '50 ms', mode => '$mode', max_concurrent => 3", job => 'parallelism => 4');
	$sender->finish;
	ok($node->wait_status('finished'), "$mode: finished");
	$node->is_exact("$mode without a failure");
	is($node->sql(q{SELECT count(*) > 0 FROM weir.checkpoints WHERE status = 'completed'}), 't', "$mode: checkpoints completed");
}

# at_most_once: after a crash nothing is repeated.
($sender) = begin('at_most_once', q{every => '50 ms', mode => 'at_most_once', sink_flush => '50 ms'}, query => $each);
$sender->send_to($half);
ok($node->wait_until("SELECT count(*) = $rows FROM averages"), 'at_most_once: half is visible');
$node->kill9;
$node->start;
$sender->finish;
ok($node->wait_status('finished'), 'at_most_once: finished after a crash');
is($node->sql('SELECT count(*) FROM (SELECT f0, average FROM averages EXCEPT ALL SELECT f0, f1 FROM input) x'), '0',
	'at_most_once: no record counts twice');

# Without checkpointing: output soon, and a failure ends the job.
($sender, my $notices) = begin('none', '');
like($notices, qr/NOTICE:.*checkpoint/i, 'no checkpointing: start_job says what a failure costs');
$sender->finish;
ok($node->wait_status('finished'), 'no checkpointing: finished');
$node->is_exact('no checkpointing');
is($node->sql(q{SELECT count(*) FROM weir.checkpoints}), '0', 'no checkpointing: no checkpoint');

($sender) = begin('none_fails', '', query => $each);
$sender->send_to($half);
ok($node->wait_until("SELECT count(*) = $rows FROM averages"), 'no checkpointing: output is visible');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
ok($node->wait_status('failed'), 'no checkpointing: a failure ends the job');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/./, 'no checkpointing: which says why');
isnt($node->sql_error(q{SELECT weir.trigger_checkpoint('s3')}), '', 'no checkpointing: none can be triggered');

done_testing();
