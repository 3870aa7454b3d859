# The queries of docs/shapes.md, taken from there: each job writes what the same INSERT
# writes over tables with the same rows, and what is refused is refused with that error.
use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use POSIX ();
use Test::More;
use Weir::Node;

my $doc = slurp_file("$ENV{top_builddir}/docs/shapes.md");
my $node = Weir::Node->create('shapes_doc', 'max_worker_processes = 256', 'max_prepared_transactions = 256');
my @senders;

END
{
	local $?;
	kill('KILL', @senders);
	waitpid($_, 0) foreach @senders;
}

# "Heading" => [ its blocks ] of what stands under a chapter, in order.
sub sections
{
	my ($chapter) = @_;
	my ($text) = $doc =~ /^## \Q$chapter\E\n(.*?)(?=^## |\z)/ms or die "no chapter $chapter";
	my @parts = split /^### (.*)\n/m, $text;
	my @sections = ([ '', shift @parts ]);

	push @sections, [ shift @parts, shift @parts ] while @parts;
	return map { [ $_->[0], [ $_->[1] =~ /^```(?:sql)?\n(.*?)^```$/msg ] ] } @sections;
}

# Sends the text to whoever connects, then closes.
sub sender
{
	my ($text) = @_;
	my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1') or die "could not listen: $!";
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		local $SIG{PIPE} = 'IGNORE';
		delete @SIG{qw(TERM INT)};
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', '/dev/null');
		while (my $peer = $listener->accept)
		{
			$peer->print($text);
			close $peer;
		}
		POSIX::_exit(0);
	}
	push @senders, $pid;
	return $listener->sockport;
}

# Rows of a stream, from its sender for jobs, in a table for the batch.
sub fill
{
	my ($stream, @rows) = @_;
	my $port = sender(join('', map { join(' ', @$_) . "\n" } @rows));
	my $values = join(', ', map { '(' . join(', ', map { "'$_'" } @$_) . ')' } @rows);

	$node->sql("ALTER SERVER ${stream}_feed OPTIONS (SET port '$port'); INSERT INTO batch.$stream VALUES $values");
	return;
}

sub begin
{
	my ($setup) = map { $_->[1][0] } sections('What they read');
	my $tables = join("\n", $setup =~ /^(CREATE FOREIGN TABLE .*?;)/msg);
	my @pages = qw(/ /cart /help /news /a /b);

	$node->sql($setup);
	$tables =~ s/CREATE FOREIGN TABLE (.*?)\s+SERVER [^;]*/CREATE TABLE batch.$1/sg;
	$node->sql("CREATE SCHEMA batch; $tables");
	srand(1);
	fill('orders', map { [ $_, 1 + int rand 10, 1 + int rand 4, 1 + int rand 9, 1 + int rand 99 ] } 1 .. 400);
	fill('refunds', map { [ $_, 1 + int rand 10, 1 + int rand 99 ] } 1 .. 150);
	fill('clicks', map { [ $_, 1 + int rand 12, $pages[ rand @pages ] ] } 1 .. 300);
	$node->sql(q{
		CREATE FUNCTION refusal(query text) RETURNS text LANGUAGE plpgsql AS $$
		DECLARE
			hint text;
		BEGIN
			PERFORM weir_internal.describe_query(query);
			RETURN 'none';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			RETURN format(E'ERROR:  %s\nHINT:  %s', SQLERRM, hint);
		END $$});
	return;
}

# A job and its batch; the tables that they write.
sub start
{
	my ($name, $blocks) = @_;
	my ($before, $query) = $blocks->[0] =~ /\A(.*?)^((?:INSERT|WITH)\b.*)\z/ms or die "no query of $name";
	my $batch = $blocks->[1] // $query;

	$node->sql(qq{
		$before; SET search_path = batch, public; $before; $batch; RESET search_path;
		SELECT weir.create_job('$name', \$query\$$query\$query\$, parallelism => 2);
		SELECT weir.enable_checkpointing('$name', every => '200 ms');
		SELECT weir.start_job('$name')});
	return [ $before =~ /^CREATE TABLE (\w+)/mg ];
}

# What a table of jobs and batch alone has, of either.
sub difference
{
	my ($table) = @_;
	return qq{SELECT '$table', (SELECT count(*) FROM batch.$table) > 0,
		ARRAY(SELECT t FROM (TABLE batch.$table EXCEPT ALL TABLE public.$table) t ORDER BY t LIMIT 5),
		ARRAY(SELECT t FROM (TABLE public.$table EXCEPT ALL TABLE batch.$table) t ORDER BY t LIMIT 5)};
}

sub check
{
	my (@jobs) = @_;
	my %end = map { split /\|/, $_, 2 } split /\n/, $node->sql('SELECT name, coalesce(last_error, status) FROM weir.jobs');
	my %found = map { split /\|/, $_, 2 }
	  split /\n/, $node->sql(join(' UNION ALL ', map { difference($_) } map { @{ $_->[2] } } @jobs));

	foreach (@jobs)
	{
		my ($question, $name, $tables) = @$_;

		is($end{$name}, 'finished', "$question: has run");
		is($found{$_}, 't|{}|{}', "$question: $_ is as in batch") foreach @$tables;
	}
	return;
}

sub run_jobs
{
	my @jobs;

	foreach my $chapter ('One SELECT', 'UNION ALL', 'Windows and functions', 'One step after the other', 'Several outputs')
	{
		foreach (grep { $_->[0] ne '' } sections($chapter))
		{
			my $name = 'shape_' . (@jobs + 1);

			push @jobs, [ $_->[0], $name, start($name, $_->[1]) ];
		}
	}
	ok($node->wait_until(q{SELECT bool_and(status IN ('finished', 'failed')) FROM weir.jobs}), 'all jobs have come to an end');
	check(@jobs);
	cmp_ok(scalar @jobs, '>=', 24, 'jobs on the page');
	return;
}

sub refuse
{
	my (@refused) = @_;
	my $quoted = sub { return "refusal(\$query\$$_[0]\$query\$)" };
	my $said = $node->sql(join(' ', map { "SELECT $_ || E'\\n';" } map { $quoted->($_) }
		map { ($_->[1][0], $_->[1][2] // ()) } @refused));
	my @said = split /\n\n/, "$said\n";

	foreach (@refused)
	{
		my ($title, $blocks) = @$_;
		my ($query, $error, $instead) = @$blocks;

		chomp $error;
		is(shift @said, $error, "$title: refused as told");
		is(shift @said, 'none', "$title: what to write instead can be") if $instead;
	}
	return;
}

begin();
run_jobs();
my ($setup, @refused) = sections('Refused');
$node->sql($setup->[1][0]);
refuse(@refused);
cmp_ok(scalar @refused, '>=', 20, 'refused queries on the page');
$node->stop('fast');
done_testing();
