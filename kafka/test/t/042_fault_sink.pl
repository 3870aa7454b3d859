# A sink's transaction broken at its seams: an error, SIGKILL of the task and of the
# server before it is committed, between that and the deletion of its rows, and
# after.  Each row is in the topic once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use KafkaBroker;
use Test::More;
use Time::HiRes qw(usleep);
use Weir::Node;

my $kafka = KafkaBroker->start(extra => "transaction.abort.timed.out.transaction.cleanup.interval.ms=200\n");
my $node = Weir::Node->create('fault_sink');
my $sent = 0;
my $often = 0;

$kafka->create_topic('t');
$node->sql('CREATE EXTENSION weir_kafka');
$node->sql(q{CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '} . $kafka->brokers . q{', "transaction.timeout.ms" '3000')});
$node->sql(<<'SQL');
CREATE FOREIGN TABLE feed (id bigint) SERVER weir_feed;
CREATE FOREIGN TABLE t (id bigint) SERVER k OPTIONS (topic 't', format 'csv');
CREATE TABLE input (id bigint);
SELECT weir.create_job('j', 'INSERT INTO t SELECT id FROM feed');
SELECT weir.set_restart_strategy('j', 'fixed_delay', attempts => -1, delay => '10 ms');
SQL

sub is_exact
{
	my ($name) = @_;

	ok($node->wait_until(q{SELECT (SELECT count(*) FROM weir_internal.outbox) = 0
		AND (SELECT sum(records) = (SELECT count(*) FROM input) FROM weir.sources) AND status = 'running'
		AND coalesce((SELECT sum(records_in) = sum(records_out) FROM weir.tasks WHERE kind = 'sink'), true) FROM weir.jobs}),
		"$name: all is sent");
	my @rows = $kafka->consume('t');
	@rows = sort { $a <=> $b } keys %{ { map { $_ => 1 } @rows } } if $often;
	is(join(' ', @rows), join(' ', split /\n/, $node->sql('SELECT id FROM input ORDER BY id')),
		$often ? "$name: at least once" : "$name: once, in order");
	return;
}

sub step
{
	my ($point, $kind) = @_;
	my $from = -s $node->logfile;

	$node->psql('postgres', "SET weir.fault = '$point:$kind:1'; BEGIN; INSERT INTO input SELECT generate_series($sent + 1, $sent + 20);"
		  . " INSERT INTO feed SELECT generate_series($sent + 1, $sent + 20); COMMIT");
	$sent += 20;
	ok($node->wait_fired($point, $from), "$point, $kind: fires") or return;
	if ($kind eq 'crash')
	{
		$node->wait_death;
		$node->start;
	}
	is_exact("$point, $kind");
	return;
}

sub walk
{
	my ($mode) = @_;

	$node->sql("SELECT weir.enable_checkpointing('j', mode => '$mode', every => '50 ms', sink_flush => '10 ms'); SELECT weir.start_job('j')");
	foreach my $point (qw(before_peer_commit before_emit_commit after_emit))
	{
		step($point, $_) foreach qw(error kill crash);
	}
	return;
}

walk('exactly_once');

# The process is held for longer than a transaction may last.
sub hold
{
	my ($name, $meanwhile) = @_;

	$node->psql('postgres', "SET weir.fault = 'before_peer_commit:hold:1'; BEGIN; INSERT INTO input SELECT generate_series($sent + 1, $sent + 20);"
		  . " INSERT INTO feed SELECT generate_series($sent + 1, $sent + 20); COMMIT");
	$sent += 20;
	ok($node->wait_until('SHOW weir.fault', 'held'), "$name: held before the commit");
	$meanwhile->();
	$node->sql(q{SET weir.fault = ''});
	is_exact($name);
	return;
}

my $restarts = $node->sql('SELECT restarts FROM weir.jobs');
my $from = length $kafka->log;
hold('a transaction that has run out', sub
	{
		my $deadline = time() + $Weir::Node::patience;

		usleep(100_000) until substr($kafka->log, $from) =~ /timed? ?out|Completed rollback of ongoing transaction/i || time() > $deadline;
	});
is($node->sql('SELECT restarts FROM weir.jobs'), $restarts, 'it is begun again without a restart');

# Somebody else has the transactional id.
my $id = $node->sql(q{SELECT concat_ws('.', 'weir-outbox', system_identifier, d.oid, j.id, 'public.t'::regclass::oid) FROM pg_control_system(), pg_database d, weir_internal.job j WHERE d.datname = current_database() AND j.name = 'j'});
$kafka->create_topic('other');
hold('a producer that was overtaken', sub { $kafka->put('other', [ [ 0, 0, undef, 'x' ] ], transaction => $id); });
is($node->sql('SELECT restarts FROM weir.jobs'), $restarts + 1, 'its attempt ends');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/somebody else sends the output of sink public.t.*HINT: Is there a copy of this server/s, 'which is said');

# Rows may come twice from the stream, where the mode has it so; none is lost.
$often = 1;
$node->sql(q{SELECT weir.stop_job('j')});
walk('at_least_once');

done_testing();
