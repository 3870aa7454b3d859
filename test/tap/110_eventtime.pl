# The cases of test/eventtime, one after the other through weir.try_job: all lines in one call,
# and step by step, with the rows that come at each, and the lines that are late.
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

$node->stop;
done_testing;
