# Every fault point of src/base/fault.h x an error there, SIGKILL of the process,
# SIGKILL of the server, while a stream runs from a sender that honours RESUME.  After each the output is exactly
# what the batch query says of all that was sent, and nothing is left prepared.
# Scenarios 24, 25, 26 are among the steps.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Node;
use Weir::Sender;

my @kinds = qw(error kill crash);
my $keys = 10;
my $lines = 40;							# a step sends
my @points = grep { !/_peer_/ } slurp_file('src/base/fault.h') =~ /^\tPOINT\((\w+)\)/mg;

# Points that several tasks pass within a step: the second is hit, the first one has gone on.
my %twice = map { $_ => 1 } qw(before_output after_output before_chunk after_chunk before_marker after_marker
	before_vote after_vote before_prepare after_prepare before_commit_prepared after_commit_prepared before_load after_load);
# Points of a recovery: an attempt must end first, and leave something prepared.
my %in_recovery = map { $_ => 1 } qw(before_resolve after_resolve before_restore after_restore
	before_attempt after_attempt before_load after_load);

my $node = Weir::Node->create('fault_walk', 'weir.journal_segment_size = 64kB');
my ($sender, $shape, $sent, $bytes);

# A job whose stream the steps feed: table "input" holds what was sent.
sub begin
{
	my ($name, %o) = @_;

	$sender = Weir::Sender->new('', resume => 1, identity => $name);
	($shape, $sent, $bytes) = ($name, 0, 0);
	$node->use_database($name);
	$node->sql('CREATE TABLE input (line bigint, f0 bigint, f1 bigint)');
	$o{checkpointing} //= q{mode => 'exactly_once'};
	$o{checkpointing} .= q{, every => '10 ms', max_concurrent => 2, fail_on_errors => false};
	$node->averaging_job(port => $sender->port, job => 'parallelism => 2',
		server => q{protocol 'resume', max_retries '-1', retry_delay '20 ms'}, %o);
	$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms')});
	$node->sql(q{SELECT weir.start_job('s3')});
	ok($node->wait_status('running'), "$name: the job runs");
	return;
}

# Lines that will be sent, and are in "input"; padded, to fill the journal's segments.
sub lines_to_come
{
	my ($padding) = @_;
	my ($text, @rows) = ('');

	foreach my $line ($sent + 1 .. $sent + $lines)
	{
		my ($key, $value) = ($shape eq 'print' ? $line : int(rand $keys), int(rand 2001));

		$text .= $key . ' ' . '0' x ($padding // 0) . "$value\n";
		push @rows, "($line, $key, $value)";
	}
	$node->sql('INSERT INTO input VALUES ' . join(', ', @rows));
	$sent += $lines;
	return $text;
}

sub feed
{
	my ($text) = @_;

	$bytes += length $text;
	$sender->append($text);
	$sender->send_to($bytes);
	return;
}

my $averages = q{
	WITH batch AS (
		SELECT f0, div(sum(f1), 2)::bigint AS average
		FROM (SELECT f0, f1, (row_number() OVER (PARTITION BY f0 ORDER BY line) + 1) / 2 AS pair FROM input) p
		GROUP BY f0, pair HAVING count(*) = 2),
	result AS (SELECT f0, average FROM averages)
	SELECT NOT EXISTS (TABLE batch EXCEPT ALL TABLE result) AND NOT EXISTS (TABLE result EXCEPT ALL TABLE batch)
		AND NOT EXISTS (SELECT FROM pg_prepared_xacts)};
my %exact = (
	keyed => $averages,
	sink => $averages,
	at_least_once => q{
		WITH batch AS (SELECT f0, f1 FROM input), result AS (SELECT f0, average FROM averages)
		SELECT NOT EXISTS (TABLE batch EXCEPT ALL TABLE result) AND NOT EXISTS (TABLE result EXCEPT TABLE batch)
			AND NOT EXISTS (SELECT FROM pg_prepared_xacts)});

# Lines may be printed again, none may be missing.
sub all_printed
{
	my $deadline = time() + $Weir::Node::patience;
	my %seen;

	while (time() < $deadline)
	{
		%seen = map { $_ => 1 } slurp_file($node->logfile) =~ /LOG:  walk (\d+) /g;
		return $node->wait_until('SELECT NOT EXISTS (SELECT FROM pg_prepared_xacts)') if keys %seen == $sent;
		usleep(20_000);
	}
	diag("printed " . keys(%seen) . " of $sent lines");
	return 0;
}

sub step
{
	my ($point, $kind) = @_;
	my $from = -s $node->logfile;
	my $occurrence = $shape eq 'keyed' && $twice{$point} && $kind ne 'error' ? 2 : 1;
	my $faults = "$point:$kind:$occurrence";

	$faults = "after_decision:error:1, $faults" if $in_recovery{$point};
	# a connection that ends, since the journal could not be written
	$faults = "before_journal_flush:error:1, $faults" if $point =~ /_resume$/;
	# a checkpoint that expires, since a task does not vote
	$faults = "before_vote:hold:2, $faults" if $point =~ /_abort$/;
	# The server may be gone as soon as the fault is armed.
	my $text = lines_to_come($point =~ /_journal_trim$/ ? 2000 : 0);
	$node->arm($faults);
	feed($text);
	my $fired = $node->wait_fired($point, $from);
	ok($fired, "$shape, $point, $kind: fires") or return;
	if ($kind eq 'crash')
	{
		$node->wait_death;
		$node->start;
	}
	ok($shape eq 'print' ? all_printed() : $node->wait_until($exact{$shape}), "$shape, $point, $kind: exact");
	return;
}

sub walk
{
	foreach my $point (@_)
	{
		$node->sql(q{SELECT weir.enable_checkpointing('s3', timeout => '50 ms')}) if $point =~ /_abort$/;
		step($point, $_) foreach @kinds;
		$node->sql(q{SELECT weir.enable_checkpointing('s3', timeout => '60 s')}) if $point =~ /_abort$/;
	}
	return;
}

sub finish
{
	# the last step's recovery may still be under way
	ok($node->wait_until(q{SELECT weir.stop_job('s3')}, ''), "$shape: stopped");
	is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$shape: nothing is left prepared");
	return;
}

srand(66);
cmp_ok(scalar(@points), '>', 40, 'the walk has ' . @points . ' points');

# The sink in the keyed tasks: two of them prepare.
begin('keyed');
walk(grep { !/_emit|_epoch_commit/ } @points);
finish();

# The keyed tasks commit their chunks, one sink task prepares.
begin('sink',
	sink => 'CREATE TABLE averages (f0 bigint, average bigint);
		CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $t$ BEGIN RETURN NEW; END $t$;
		CREATE TRIGGER seen BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION seen();');
walk(qw(after_chunk before_vote after_vote before_prepare after_decision before_commit_prepared));
finish();

begin('at_least_once', checkpointing => q{mode => 'at_least_once', sink_flush => '10 ms'},
	query => 'INSERT INTO averages SELECT f0, f1 FROM readings');
walk(grep { /_epoch_commit|_decision|_completed/ } @points);
finish();

begin('print', query => q{INSERT INTO weir.print SELECT 'walk ' || f0 || ' ' || f1 FROM readings});
walk(grep { /_emit/ } @points);
finish();

done_testing();
