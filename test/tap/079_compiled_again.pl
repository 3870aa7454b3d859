# Tasks that keep windows compile the job again and again, since what its query uses
# is altered while they run: windows, their aggregates and records that wait go on,
# also from a checkpoint.  What each version of the function and of the column's
# default has done shows that it was in force.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $pieces = 12;
my $lines = 101;
my $node = Weir::Node->create('compiled_again');
my @pieces = map { my $piece = $_; join('', map { ($_ * 7 + $piece) % 5 . " " . ($piece * 1000 + $_) . "\n" } 1 .. $lines) } 1 .. $pieces;

# Of the window of records f1 of a key, in their order.
my %jobs = (
	native => {window => 'weir.count_window(4)', size => 4, slide => 4,
		list => ['count(*)', 'sum(f1)', 'avg(f1)', 'min(f1) FILTER (WHERE f1 % 3 = 0)', 'count(f1) FILTER (WHERE f1 % 2 = 0)']},
	others => {window => 'weir.count_window(7)', size => 7, slide => 7,
		list => ['sum(f1)', 'array_agg(f1 @) FILTER (WHERE f1 % 3 > 0)', q{string_agg('w' || f1, ',' @)}, 'max(f1::text)',
			'collect(f1 @) FILTER (WHERE f1 % 2 = 0)', 'stddev(f1::numeric)', 'percentile_cont(0.5) WITHIN GROUP (ORDER BY f1)']},
	sliding => {window => 'weir.count_window(6, 2)', size => 6, slide => 2,
		list => ['sum(f1) FILTER (WHERE f1 % 3 > 0)', 'array_agg(f1 @)', 'count(DISTINCT f1 % 4)']},
	dropping => {window => 'weir.count_window(5)', size => 5, slide => 5, on_error => 'dead_letter',
		list => ['count(*)', 'array_agg(f1 @)', 'max(f1) FILTER (WHERE f1 % 3 = 0)']});

sub select_list
{
	my ($job, $records) = @_;
	my $n = 0;

	return join(', ', map { $n++; s/@/$records/r . " AS c$n" } @{ $jobs{$job}{list} });
}

# What a piece finds: another value is dropped, another version written, and columns come.
sub alter
{
	my ($piece) = @_;

	$node->sql(qq{CREATE OR REPLACE FUNCTION is_wanted(bigint) RETURNS bool IMMUTABLE LANGUAGE plpgsql
		AS 'BEGIN RETURN \$1 % 11 <> $piece % 11; END'});
	foreach my $job (sort keys %jobs)
	{
		$node->sql("ALTER TABLE $job.windows ALTER version SET DEFAULT $piece, ADD COLUMN more_$piece text DEFAULT repeat('x', $piece)");
	}
	return;
}

sub create
{
	my ($job) = @_;
	my %o = %{ $jobs{$job} };
	my $list = select_list($job, '');
	my $on_error = $o{on_error} // 'stop';

	$o{sender} = Weir::Sender->new(join('', @pieces));
	$jobs{$job} = \%o;
	$node->sql(qq{CREATE SCHEMA $job; SET search_path = $job, public;
		CREATE SERVER $job FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '} . $o{sender}->port . qq{', max_retries '-1');
		CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER $job OPTIONS (delimiter ' ', on_error '$on_error');
		CREATE TABLE windows AS SELECT f0, $list FROM input WHERE false GROUP BY f0;
		ALTER TABLE windows ADD COLUMN version int;
		SELECT weir.create_job('$job', 'INSERT INTO windows SELECT f0, } . $list =~ s/'/''/gr . qq{ FROM readings WHERE is_wanted(f1)
			GROUP BY f0, $o{window}', parallelism => 2);
		SELECT weir.enable_checkpointing('$job', every => '100 ms');
		SELECT weir.start_job('$job')});
	return;
}

# Up to the end of a piece; its records are in the keyed tasks' windows.
sub reach
{
	my ($piece) = @_;

	$_->{sender}->send_to(length join('', @pieces[0 .. $piece - 1])) foreach values %jobs;
	return $node->wait_until(qq{SELECT bool_and(n = (SELECT count(*) FROM input WHERE piece <= $piece AND piece > } .
		  ($node->{restarted} // 0) . q{ AND f1 % 11 <> piece % 11)) FROM
		(SELECT sum(records_in) AS n FROM weir.tasks WHERE kind = 'keyed' GROUP BY job) t});
}

# Rows, and those that differ from the same windows in plain SQL.
sub differences
{
	my ($job) = @_;
	my ($size, $slide) = @{ $jobs{$job} }{qw(size slide)};
	my $columns = join(', ', 'f0', (map { "c$_" } 1 .. @{ $jobs{$job}{list} }), 'version');

	$node->sql("CREATE TABLE $job.reference AS
		WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY f0 ORDER BY line) AS i FROM input WHERE f1 % 11 <> piece % 11)
		SELECT f.f0, w.*, f.piece AS version FROM numbered f, LATERAL (SELECT " . select_list($job, 'ORDER BY line') . "
			FROM numbered r WHERE r.f0 = f.f0 AND r.i > f.i - $size AND r.i <= f.i) w WHERE f.i % $slide = 0");
	return $node->sql(qq{SET search_path = $job; WITH rows AS (SELECT $columns FROM windows)
		SELECT count(*) > 0 AND count(*) = (SELECT count(*) FROM reference) FROM rows
		UNION ALL SELECT NOT EXISTS ((TABLE rows EXCEPT ALL TABLE reference) UNION ALL (TABLE reference EXCEPT ALL TABLE rows))});
}

$node->sql('CREATE TABLE input (line bigserial, piece int, f0 bigint, f1 bigint);
	CREATE AGGREGATE collect(anycompatible) (sfunc = array_append, stype = anycompatiblearray, initcond = \'{}\')');
foreach my $piece (1 .. $pieces)
{
	$node->sql("INSERT INTO input (piece, f0, f1) VALUES " . join(', ', map { "($piece, " . s/ /, /r . ')' } split /\n/, $pieces[ $piece - 1 ]));
}
$node->sql(q{CREATE FUNCTION is_wanted(bigint) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END'});
create($_) foreach sort keys %jobs;
foreach my $piece (1 .. $pieces)
{
	alter($piece);
	ok(reach($piece), "piece $piece is in its windows");
	# its rows wait for a checkpoint, and have the version of when they are written
	$node->sql(q{SELECT weir.trigger_checkpoint('dropping')});
	next if $piece != 6;
	# other tasks go on with what a checkpoint kept
	$node->sql("SELECT weir.alter_job('$_', parallelism => 3, restart => true)") foreach sort keys %jobs;
	ok($node->wait_until(q{SELECT count(*) = 4 * 3 FROM weir.tasks WHERE kind = 'keyed'}), 'restarted');
	$node->{restarted} = $piece;
}
is($node->sql(q{SELECT count(*), max(restarts) FROM weir.jobs WHERE status = 'running'}), '4|0', 'no job had to begin again');
is(differences($_), "t\nt", "$_: as in plain SQL") foreach sort keys %jobs;

$node->stop;
done_testing();
