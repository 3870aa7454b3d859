# The cases of test/eventtime, one after the other through weir.try_job: all lines in one call,
# and step by step, with the rows that come at each, and the lines that are late.  Then
# through jobs that run, several cases in each, in one task and in three.
#
# CASES, a pattern, says which; LIVE=all, as test/eventtime/run has it, that all are
# run that can be.
use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;
use Weir::EventTime;
use Weir::Node;

my $wanted = $ENV{CASES} || '.';
my @cases = grep { $_->name =~ /$wanted/ } Weir::EventTime->all(dirname(__FILE__) . '/../eventtime');
my $node = Weir::Node->create('eventtime');

# What differs, step by step.
sub differences
{
	my ($case, $answer) = @_;
	my @expected = $case->expected;
	my @differences;

	foreach my $i (0 .. $#expected)
	{
		my $got = join('; ', sort @{ $answer->{step}[$i] // ['nothing'] });
		my $meant = join('; ', @{ $expected[$i] });

		push @differences, sprintf("step %s: %s\n    instead of %s", $i == $#expected ? 'end' : $i + 1, $got, $meant)
		  if $got ne $meant;
	}
	return @differences;
}

sub check_rows
{
	my ($case, $answer) = @_;
	my @differences = differences($case, $answer);
	my @all = $case->materialized ? sort @{ $answer->{step}[-1] // [] } : map { @$_ } @{ $answer->{step} };
	my @once = $case->materialized ? sort @{ $answer->{once} // [] } : @{ $answer->{once} // [] };

	push @differences, 'in one call: ' . join('; ', @once) . "\n    instead of " . join('; ', @all)
	  unless join("\n", @once) eq join("\n", @all);
	return @differences;
}

sub check_late
{
	my ($case, $answer) = @_;
	my $expected = $case->expected_late;

	return () unless $expected && $answer->{late};
	my ($got, $meant) = map { join(' ', @$_) } $answer->{late}, $expected;
	return $got eq $meant ? () : ("late: $got\n    instead of $meant");
}

foreach my $case (@cases)
{
	my $name = $case->name;

  SKIP:
	{
		skip "$name: " . $case->left_out, 1 if $case->left_out;
		my ($status, $out, $err) = $node->psql('postgres', $case->script, on_error_stop => 1);
		my $answer = $case->answer($out);
		my @differences = $status ? ($err) : (check_rows($case, $answer), check_late($case, $answer));

		ok(!@differences, $name) or diag(join("\n", @differences, $case->insert));
	}
}

# Those whose rows do not depend on which stream is read first; a few of each kind, or all.
sub live_cases
{
	my %taken;
	my @able = grep { !$_->left_out && $_->any_order } @cases;

	return map { $_->qualify } grep { ($ENV{LIVE} // '') eq 'all' || !$taken{ $_->{operator}{kind} . $_->{operator}{api} }++ } @able;
}

sub rows_of
{
	my ($case) = @_;
	my $rows = $case->as_json;

	return sort map { Weir::EventTime::row_text($_) }
	  @{ Weir::EventTime::decode_json($node->sql("SELECT $rows FROM " . $case->name . '.sink t')) };
}

# Several cases as the outputs of one job, which reads all that there is, and then the end.
sub run_live
{
	my ($job, $parallelism, @cases) = @_;

	$node->sql(join(";\n", map { 'CREATE SCHEMA ' . $_->name . '; SET search_path = ' . $_->name . ";\n" . $_->ddl } @cases)
		  . "RESET search_path; SELECT weir.create_job('$job', \$job\$" . join(";\n", map { $_->insert } @cases)
		  . "\$job\$, parallelism => $parallelism); SELECT weir.enable_checkpointing('$job', every => '1 h'); SELECT weir.start_job('$job')");
	$node->sql("BEGIN;\n" . join('', map { $_->inserts } @cases) . 'COMMIT;');
	$node->sql("SELECT weir.trigger_checkpoint('$job')");
	my $late = $node->sql("SELECT sum(late_records) FROM weir.tasks WHERE job = '$job'");
	$node->sql("SELECT weir.stop_job('$job', drain => true)");

	foreach my $case (@cases)
	{
		my $got = join("\n", rows_of($case));

		is($got, join("\n", $case->expected_at_end), $case->name . " in a job of $parallelism tasks") or diag($case->insert);
	}
	is($late, eval { my $n = 0; $n += @{ $_->expected_late } foreach @cases; $n }, "$job: late records are counted")
	  unless grep { !$_->expected_late } @cases;
	return;
}

sub run_all_live
{
	my ($parallelism) = @_;
	my @live = live_cases();
	my @rest = grep { !$_->expected_late } @live;
	my $n = 0;

	@live = grep { $_->expected_late } @live;
	foreach my $kind (\@live, \@rest)
	{
		while (my @some = splice(@$kind, 0, 6))
		{
			eval { run_live("live_${parallelism}_" . $n++, $parallelism, @some); 1 }
			  or fail("jobs of $parallelism tasks: " . join(', ', map { $_->name } @some)) || diag($@);
			$node->psql('postgres', "SELECT weir.drop_job(name) FROM weir.jobs;" . join('', map { 'DROP SCHEMA ' . $_->name . ' CASCADE;' } @some));
		}
	}
	return;
}

run_all_live($_) foreach 1, 3;
$node->stop;
done_testing;
