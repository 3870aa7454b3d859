# Windows of a key, whatever kinds of aggregates they have, through crashes of
# the server and restarts at another parallelism: the result is that of the same
# grouping in plain SQL, once.  WEIR_LINES sets the number of lines.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $lines = $ENV{WEIR_LINES} || 30_000;
my $keys = 500;
my $node = Weir::Node->create('count_window');

# An aggregate a column; @ is the order of the records, which a job has.
my @aggregates = (
	'count(*)', 'sum(f1)', 'avg(f1)', 'min(f1)', 'stddev(f1::numeric / 7)', 'sum(f1::float8)',
	q{max('w' || f1 % 13)}, 'bool_and(f1 > -900)', 'array_agg(nullif(f1 % 5, 0) @)',
	q{string_agg('w' || f1 % 13, ',' @)}, 'jsonb_agg(f1 @)', 'percentile_cont(0.5) WITHIN GROUP (ORDER BY f1)',
	'count(DISTINCT f1 % 3)', 'sum(f1) FILTER (WHERE f1 > 0)', 'span(f1)', 'collect(f1 @)');

my $own = q{
	CREATE FUNCTION widen(bigint[], bigint) RETURNS bigint[] LANGUAGE plpgsql AS $f$
	BEGIN
	    RETURN ARRAY[least($1[1], $2), greatest($1[2], $2)];
	END $f$;
	CREATE AGGREGATE span(bigint) (sfunc = widen, stype = bigint[]);
	CREATE AGGREGATE collect(anycompatible) (sfunc = array_append, stype = anycompatiblearray, initcond = '{}');
};

sub select_list
{
	my ($records) = @_;
	my $n = 0;

	return join(', ', 'f0', map { $n++; s/@/$records/r . " AS c$n" } @aggregates);
}

# Of the records of a key in their order, the last size of every slide.
sub reference
{
	my ($size, $slide) = @_;
	my $list = select_list('ORDER BY line');

	return qq{
		WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY f0 ORDER BY line) AS i FROM input),
		fired AS (SELECT f.i AS w, r.* FROM numbered f
			JOIN LATERAL generate_series(greatest(f.i - $size + 1, 1), f.i) g(i) ON true
			JOIN numbered r ON r.f0 = f.f0 AND r.i = g.i WHERE f.i % $slide = 0)
		SELECT $list FROM fired GROUP BY f0, w};
}

sub differences
{
	my ($size, $slide) = @_;

	$node->sql('CREATE TABLE IF NOT EXISTS reference AS ' . reference($size, $slide));
	return $node->sql(q{SELECT format('%s %s', (SELECT count(*) FROM windows), (SELECT count(*) FROM
		((TABLE windows EXCEPT ALL TABLE reference) UNION ALL (TABLE reference EXCEPT ALL TABLE windows)) d))});
}

my ($sender, $data);

# On to this share of the input.
sub reach
{
	my ($share) = @_;
	my $bytes = int($share * length $data);

	$sender->send_to($bytes + int(length($data) / 8));
	ok($node->wait_consumed($bytes), "reached $bytes bytes");
	return;
}

sub crash
{
	$node->kill9;
	$node->start;
	ok($node->wait_status('running'), 'runs after a crash');
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

foreach my $case ([ 'tumbling', 7, 7, '7' ], [ 'sliding', 6, 4, '6, 4' ], [ 'gaps', 2, 5, q{2, 5, '1 h'} ])
{
	my ($name, $size, $slide, $arguments) = @$case;
	my $list = select_list('');
	my $types = 'CREATE TABLE windows AS ' . reference($size, $slide) . ' WITH NO DATA';

	$node->tend(undef);
	$data = Weir::Node::random_lines($lines, $keys, $size);
	$sender = Weir::Sender->new($data, hold => 1);
	$node->use_database($name);
	$node->sql($own);
	$node->load_input($data);
	$node->averaging_job(port => $sender->port, sink => "$types;",
		query => "INSERT INTO windows SELECT $list FROM readings GROUP BY f0, weir.count_window($arguments)",
		checkpointing => "every => '20 ms', max_concurrent => 2, fail_on_errors => false");
	$node->sql(q{SELECT weir.start_job('s3')});
	$node->tend($sender);
	reach(1 / 6);
	crash();
	reach(2 / 6);
	rescale(3);
	reach(3 / 6);
	crash();
	reach(4 / 6);
	rescale(1);
	reach(5 / 6);
	crash();
	$sender->finish;
	ok($node->wait_status('finished'), "$name: finished");
	my $seen = differences($size, $slide);
	is($seen, $node->sql('SELECT count(*) FROM reference') . ' 0', "$name: exactly the rows of plain SQL");
	is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$name: nothing is left prepared");
}

$node->stop;
done_testing();
