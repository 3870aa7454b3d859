# The examples of docs/event-time.md, taken from there: each gives the result that stands
# below it.  WEIR_WRITE names a file to write the page to with what they give now.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $doc = slurp_file("$ENV{top_builddir}/docs/event-time.md");
my $node = Weir::Node->create('event_time_doc', "timezone = 'UTC'");
my @blocks = $doc =~ /^```sql\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/msg;
my $n = 0;

while (my ($sql, $expected) = splice(@blocks, 0, 2))
{
	my ($status, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-P', 'tuples_only=off', '-P', 'format=aligned', '-P', 'footer=off' ]);
	my ($first) = $sql =~ /create_job\('(\w+)'/;

	$n++;
	is($status, 0, 'block ' . ($first // $n)) or diag($err);
	next if !defined $expected;
	# what functions without a result print is no part of the example
	$out =~ s/^ *(?:create_\w+|enable_checkpointing|start_job|drop_job) *\n-+\n *\n+//msg;
	$out =~ s/[ \t]+$//mg;
	$out =~ s/\n+\z//;
	is("$out\n", $expected, 'gives what stands below');
}
done_testing();
