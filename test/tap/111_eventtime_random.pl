# Random queries by event time over random streams: a job gives what the same query over tables
# with the same rows gives.
#
# Through weir.try_job RUNS times, and in jobs that run, LIVE_RUNS queries, five in each, while the
# server is killed and the parallelism changed.  SEED says which; KINDS, a pattern, of which kinds.
# test/properties/eventtime does so with many.
use strict;
use warnings;

use Test::More;
use Weir::Node;
use Weir::RandomQuery;

my $runs = $ENV{RUNS} || 30;
my $live = ($ENV{LIVE_RUNS} // "") eq "" ? 10 : $ENV{LIVE_RUNS};
my $seed = $ENV{SEED} || 1;
my $kinds = $ENV{KINDS} || '.';
my $node = Weir::Node->create('eventtime', 'log_min_messages = log', 'TimeZone = UTC');
my $failed = 0;

sub wanted { return grep { $_->{kind} =~ /$kinds/ } map { Weir::RandomQuery->new($_) } @_; }

sub said
{
	my ($query, $what) = @_;

	$failed++;
	diag("seed $query->{seed}, $query->{kind}: $what\n" . $query->insert . "\nbound $query->{bound} s, " . @{ $query->{rows} } . ' rows');
	return;
}

foreach my $query (wanted($seed .. $seed + $runs - 1))
{
	my ($status, $out, $err) = $node->psql('postgres', $query->tried, on_error_stop => 1);

	said($query, $status ? $err : $out) if $status || $out ne 'same';
}
is($failed, 0, "$runs queries through weir.try_job");

### In jobs that run

my $job = 'live';

# Rows in the order in which they come, some at a time.
sub insert_rows
{
	my ($queries, $part, $parts) = @_;
	my $sql = "BEGIN;\n";

	foreach my $i (0 .. $#$queries)
	{
		my @rows = @{ $queries->[$i]{rows} };
		my ($from, $to) = map { int(@rows * $_ / $parts) } $part, $part + 1;

		$sql .= sprintf("INSERT INTO q%d.%s VALUES (%d, %s, %s, %s);\n", $i, $_->{stream}, $_->{n},
			Weir::RandomQuery::quote($_->{k}), $_->{v} // 'NULL', $queries->[$i]->to_time($_->{ts})) foreach @rows[ $from .. $to - 1 ];
	}
	$node->sql("${sql}COMMIT;");
	return;
}

sub kill_server
{
	$node->kill9;
	$node->start;
	return;
}

sub rescale
{
	$node->sql("SELECT weir.stop_job('$job')");
	$node->sql("SELECT weir.alter_job('$job', parallelism => " . (1 + int(rand(4))) . "); SELECT weir.start_job('$job')");
	return;
}

sub run_live
{
	my (@queries) = @_;
	my $parts = 7;
	my $parallelism = 1 + int(rand(3));
	my $unaligned = rand() < 0.5 ? ", unaligned_after => '1 ms'" : '';

	$node->sql($queries[$_]->created("q$_")) foreach 0 .. $#queries;
	$node->sql("SELECT weir.create_job('$job', \$job\$" . join(";\n", map { $queries[$_]->qualified("q$_") } 0 .. $#queries)
		  . "\$job\$, parallelism => $parallelism); SELECT weir.enable_checkpointing('$job', every => '50 ms', fail_on_errors => false$unaligned);"
		  . " SELECT weir.set_restart_strategy('$job', 'fixed_delay', attempts => -1, delay => '10 ms'); SELECT weir.start_job('$job')");
	foreach my $part (0 .. $parts - 1)
	{
		insert_rows(\@queries, $part, $parts);
		select(undef, undef, undef, rand(0.3));
		kill_server() if $part < 5;
		rescale() if $part == 5;
		$node->sql("SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE job = '$job' ORDER BY random() LIMIT 1") if $part == 6;
	}
	$node->wait_status('running', $job);
	$node->sql("SELECT weir.stop_job('$job', drain => true)");
	foreach my $i (0 .. $#queries)
	{
		my $out = $node->sql($queries[$i]->compare("q$i"));

		said($queries[$i], "in a job: $out") if $out ne 'same';
	}
	return;
}

my @live;

for (my $next = 1_000_000 + $seed; @live < $live; $next++)
{
	push @live, wanted($next);
}
for (my $n = 0; $n < @live; $n += 5)
{
	my @queries = grep { defined } @live[ $n .. $n + 4 ];

	$failed = 0;
	eval { run_live(@queries); 1 } or $failed++, diag($@, map { $_->insert . "\n" } @queries);
	is($failed, 0, 'queries ' . ($n + 1) . ' to ' . ($n + 5) . ' in a job');
	$node->psql('postgres', "SELECT weir.drop_job('$job')");
	$node->psql('postgres', join('', map { "DROP SCHEMA q$_ CASCADE; DROP SCHEMA q${_}_stored CASCADE;" } 0 .. $#queries));
}

$node->stop;
done_testing;
