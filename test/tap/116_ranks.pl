# DISTINCT ON, ranks and window functions, of what has changed, of windows and in the order
# of time, through crashes of tasks and of the server and restarts at another parallelism:
# each output's rows are those of plain SQL over the same input, each once.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $lines = $ENV{WEIR_LINES} || 10_000;
my $node = Weir::Node->create('ranks');

# Times are out of order by at most three seconds.
sub random_input
{
	srand(7);
	return join('', map {
		my $at = 946684800 + $_ / 5 + int(rand(3));
		my ($s, $m, $h, $d, $mon, $y) = gmtime($at);
		sprintf("%d,%d,%d,%04d-%02d-%02dT%02d:%02d:%02dZ\n", $_, int(rand(200)), int(rand(1000)), $y + 1900, $mon + 1, $d, $h, $m, $s) } 1 .. $lines);
}

# A query over %s, with the order of arrival in place of %s where plain SQL needs it.
my %outputs = (
	last => ['SELECT DISTINCT ON (k) k, line FROM %s ORDER BY k, ts DESC%s', ', line DESC', 'ON CONFLICT (k) DO UPDATE SET line = excluded.line'],
	top => ['SELECT k, rn, line FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC%2$s) AS rn FROM %1$s) r WHERE rn <= 5',
		', line', 'ON CONFLICT (k, rn) DO UPDATE SET line = excluded.line'],
	first => ['SELECT DISTINCT ON (k) k, line FROM %s ORDER BY k, ts%s', ', line', ''],
	best => [q{SELECT w, rn, line FROM (SELECT *, row_number() OVER (PARTITION BY w ORDER BY v DESC%2$s) AS rn FROM %1$s, weir.hop(ts, '20 s', '5 s') w) r WHERE rn <= 20},
		', line', ''],
	over => [q{SELECT line, sum(v) OVER p AS total, count(*) OVER (p ROWS 3 PRECEDING) AS n, max(v) OVER (p RANGE '5 min' PRECEDING) AS highest
		FROM %1$s WINDOW p AS (PARTITION BY k ORDER BY ts)}, '', '']);

sub job_text
{
	return join(';', map { "INSERT INTO $_ " . sprintf($outputs{$_}[0], 'readings', '') . " $outputs{$_}[2]" } sort keys %outputs);
}

my $data = random_input();
my $sender = Weir::Sender->new($data, hold => 1);

sub plain
{
	my ($name) = @_;
	my $input = $name eq 'over' ? '(SELECT * FROM input ORDER BY k, ts, line) i' : 'input';

	return sprintf($outputs{$name}[0], $input, $outputs{$name}[1]);
}

sub begin
{
	my $file = $node->basedir . '/input';

	open(my $out, '>', $file) or die "could not write $file: $!";
	print $out $data;
	close $out;
	$node->sql(qq{
		CREATE TABLE input (line bigint, k int, v bigint, ts timestamptz);
		\\copy input from '$file' with (format csv)
		});
	$node->sql("CREATE TABLE $_ AS " . plain($_) . ' WITH NO DATA') foreach sort keys %outputs;
	$node->sql('ALTER TABLE last ADD PRIMARY KEY (k); ALTER TABLE top ADD PRIMARY KEY (k, rn)');
	$node->sql(q{CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', partial 'join', port '} . $sender->port . q{');
		CREATE FOREIGN TABLE readings (line bigint, k int, v bigint, ts timestamptz OPTIONS (watermark '4 s'))
			SERVER here OPTIONS (format 'csv', late 'stop')});
	my $text = job_text();
	$node->sql("SELECT weir.create_job('s3', \$job\$$text\$job\$, parallelism => 2)");
	$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '20 ms', max_concurrent => 2, fail_on_errors => false)});
	$node->sql(q{SELECT weir.start_job('s3')});
	$node->tend($sender);
	return;
}

# On to this share of the input.
sub reach
{
	my ($share) = @_;
	my $bytes = int($share * length $data);

	$sender->send_to($bytes + int(length($data) / 10));
	ok($node->wait_consumed($bytes), "reached $bytes bytes");
	return;
}

# A process that is killed takes the server with it: until the job's tasks are there again.
sub end_task
{
	my ($signal) = @_;
	my $query = q{FROM weir.tasks WHERE kind = 'keyed' AND pid IS NOT NULL};

	$node->wait_until("SELECT count(*) > 0 $query");
	my $pid = $node->sql("SELECT pid $query ORDER BY subtask LIMIT 1");
	$signal eq 'TERM' ? $node->sql("SELECT pg_terminate_backend($pid)") : kill('KILL', $pid);
	$node->wait_until("SELECT count(*) > 0 AND bool_and(pid <> $pid) $query");
	return;
}

sub rescale
{
	my ($parallelism) = @_;

	$node->sql(q{SELECT weir.stop_job('s3')});
	$node->sql("SELECT weir.alter_job('s3', parallelism => $parallelism)");
	$node->sql(q{SELECT weir.start_job('s3')});
	ok($node->wait_status('running'), "runs at parallelism $parallelism");
	return;
}

begin();
reach(1 / 6);
end_task('TERM');
reach(2 / 6);
rescale(3);
reach(3 / 6);
end_task('KILL');
reach(4 / 6);
rescale(1);
reach(5 / 6);
$node->kill9;
$node->start;
$sender->finish;
ok($node->wait_status('finished'), 'finished');
foreach my $name (sort keys %outputs)
{
	my $plain = plain($name);

	is($node->sql("SELECT count(*) FROM ((TABLE $name EXCEPT ALL ($plain)) UNION ALL (($plain) EXCEPT ALL TABLE $name)) d"),
		'0', "$name: exactly the rows of plain SQL");
	isnt($node->sql("SELECT count(*) FROM $name"), '0', "$name has rows");
}
$node->stop;
done_testing();
