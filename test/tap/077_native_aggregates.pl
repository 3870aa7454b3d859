# The aggregates that Weir computes itself come to what PostgreSQL's come to: the same
# bits, or the same error at the same record.  Random windows of integers and floats:
# extremes, overflows, NaN, infinities, NULL.  WEIR_LINES lines of five values and a
# filter each; SEED.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $lines = $ENV{WEIR_LINES} || 6000;
my $seed = $ENV{SEED} || 1;
my $node = Weir::Node->create('native_aggregates');
my @types = (i2 => 'int2', i4 => 'int4', i8 => 'int8', f4 => 'float4', f8 => 'float8');

$node->sql(q{
CREATE TABLE input (line int PRIMARY KEY, k int, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, wanted bool);

CREATE FUNCTION one_of(VARIADIC texts text[]) RETURNS text LANGUAGE sql VOLATILE AS
	$$ SELECT texts[1 + floor(random() * cardinality(texts))] $$;
CREATE FUNCTION some_int(bits int) RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	most numeric := 2::numeric ^ (bits - 1);
BEGIN
	IF random() < 0.1 THEN RETURN NULL; END IF;
	IF random() < 0.3 THEN RETURN one_of((-most)::text, (1 - most)::text, (most - 1)::text, '0', '-1', '1'); END IF;
	IF random() < 0.5 THEN RETURN trunc(random() * 200 - 100); END IF;
	RETURN trunc(random()::numeric * (2 * most - 1) - most);
END $$;
-- flavour 0: what does not overflow; 1: with what is no number; 2: what may overflow;
-- 3: what compares in ways of its own
CREATE FUNCTION some_float(flavour int, most float8, tiny float8) RETURNS float8 LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF random() < 0.1 THEN RETURN NULL; END IF;
	IF flavour = 3 THEN RETURN one_of('0', '-0', 'NaN', 'Infinity'); END IF;
	IF random() < 0.2 THEN RETURN one_of('0', '-0', tiny::text, (-tiny)::text, '1', '-1'); END IF;
	IF flavour = 1 AND random() < 0.3 THEN RETURN one_of('NaN', 'Infinity', '-Infinity'); END IF;
	IF flavour = 2 AND random() < 0.2 THEN RETURN one_of(most::text, (-most)::text, (most / 3)::text, sqrt(most)::text); END IF;
	RETURN (random() - 0.5) * 10 ^ trunc(random() * 12 - 6);
END $$;
CREATE FUNCTION window_size(k int) RETURNS int LANGUAGE sql AS $$ SELECT (ARRAY[1, 2, 3, 7, 30])[1 + k % 5] $$;

-- The bits of a value.
CREATE FUNCTION bits(anyelement) RETURNS text LANGUAGE sql AS $$ SELECT encode(array_send(ARRAY[$1]), 'hex') $$;
CREATE FUNCTION as_line(r input) RETURNS text LANGUAGE sql AS
	$$ SELECT concat_ws(',', r.line, r.k, coalesce(r.i2::text, ''), coalesce(r.i4::text, ''), coalesce(r.i8::text, ''),
		coalesce(r.f4::text, ''), coalesce(r.f8::text, ''), coalesce(r.wanted::text, '')) $$;
});

# Every aggregate of every type, with and without FILTER; shared transitions, constants.
my %result = (avg => { int2 => 'numeric', int4 => 'numeric', int8 => 'numeric', float4 => 'float8', float8 => 'float8' },
	sum => { int2 => 'int8', int4 => 'int8', int8 => 'numeric', float4 => 'float4', float8 => 'float8' });
my (@aggregates, @result);
for (my $i = 0; $i < @types; $i += 2)
{
	my ($column, $type) = @types[ $i, $i + 1 ];

	foreach my $name (qw(sum avg min max count))
	{
		push @aggregates, "$name($column @)";
		push @result, $name eq 'count' ? 'int8' : $result{$name}{$type} || $type;
	}
	push @aggregates, "sum($column @) FILTER (WHERE wanted)";
	push @result, $result{sum}{$type};
}
push @aggregates, 'count(*)', 'count(*) FILTER (WHERE wanted)', 'sum(2147483647)', 'max(NULL::int8)', 'avg(f4 @) FILTER (WHERE wanted)';
push @result, 'int8', 'int8', 'int8', 'int8', 'float8';
# a window has no more than 32 transition values of them
my @halves = ([ 0 .. 17 ], [ 18 .. $#aggregates ]);

sub list
{
	my ($half, $order) = @_;

	return join ', ', map { $aggregates[$_] =~ s/@/$order/r . " AS c$_" } @{ $halves[$half] };
}

sub bits_of
{
	my ($half) = @_;

	return "concat_ws(' ', " . join(', ', map { "bits(c$_)" } @{ $halves[$half] }) . ')';
}

# Windows of a key each: their lines, one after the other as they come and go.
$node->sql(qq{
	SELECT setseed(1.0 / (1 + $seed));
	WITH RECURSIVE w (k, first) AS (SELECT 0, 0 UNION ALL SELECT k + 1, first + window_size(k) FROM w WHERE first < $lines),
	rows AS (SELECT k, (trunc(random() * 3))::int AS flavour, i FROM w, generate_series(1, window_size(k)) i)
	INSERT INTO input SELECT row_number() OVER (ORDER BY i, k), k, some_int(16)::int2, some_int(32)::int4, some_int(64)::int8,
		some_float(k / 5 % 4, 3e38, 1.4e-45)::float4, some_float(k / 5 % 4, 1.7976931348623157e308, 5e-324),
		(ARRAY[true, true, false, NULL])[1 + floor(random() * 4)] FROM rows;
	CREATE INDEX ON input (k, line);
	ANALYZE input;
});

# What PostgreSQL makes of each window, or the error and the record it stops at.
for my $half (0, 1)
{
	my $list = list($half, 'ORDER BY line');
	my $bits = bits_of($half);

	$node->sql(qq{
		CREATE TABLE reference$half (k int PRIMARY KEY, bits text, error text, line int);
		DO \$\$
		DECLARE
			w int;
			last int;
		BEGIN
			FOR w IN SELECT DISTINCT k FROM input LOOP
				BEGIN
					INSERT INTO reference$half SELECT w, $bits FROM (SELECT $list FROM input WHERE k = w) a;
				EXCEPTION WHEN numeric_value_out_of_range THEN
					FOR last IN SELECT line FROM input WHERE k = w ORDER BY line LOOP
						BEGIN
							PERFORM $bits FROM (SELECT $list FROM input WHERE k = w AND line <= last) a;
						EXCEPTION WHEN numeric_value_out_of_range THEN
							INSERT INTO reference$half VALUES (w, NULL, SQLSTATE || ' ' || SQLERRM, last);
							EXIT;
						END;
					END LOOP;
				END;
			END LOOP;
		END \$\$});
}
my $overflows = $node->sql('SELECT (SELECT count(*) FROM reference0 WHERE error IS NOT NULL) +
	(SELECT count(*) FROM reference1 WHERE error IS NOT NULL)');
cmp_ok($overflows, '>', 10, 'some windows overflow');
is($node->sql('SELECT count(*) FROM reference1 WHERE bits IS NULL AND error IS NULL'), 0, 'each window has a result or an error');

$node->sql(q{
CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (line int, k int, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, wanted bool)
	SERVER here OPTIONS (format 'csv');
});

# A job a size of window; one that fails leaves the record's line in the context.
for my $half (0, 1)
{
	my $list = list($half, '');
	my $columns = join ', ', map { "c$_ $result[$_]" } @{ $halves[$half] };

	$node->sql("CREATE TABLE result$half (k int, $columns)");
	$node->sql("CREATE TABLE failure$half (k int, error text, context text)");
	for my $size (1, 2, 3, 7, 30)
	{
		my $job = "half_${half}_$size";

		$node->sql(qq{SELECT weir.create_job('$job', \$\$INSERT INTO result$half SELECT k, $list FROM readings
			GROUP BY k, weir.count_window($size)\$\$)});
		$node->sql(qq{
			DO \$\$
			DECLARE
				w int;
				shown text;
			BEGIN
				PERFORM weir.try_job('$job', ARRAY(SELECT as_line(i) FROM input i JOIN reference$half r USING (k)
					WHERE r.error IS NULL AND window_size(k) = $size ORDER BY i.line));
				FOR w IN SELECT k FROM reference$half WHERE error IS NOT NULL AND window_size(k) = $size LOOP
					BEGIN
						PERFORM weir.try_job('$job', ARRAY(SELECT as_line(i) FROM input i WHERE k = w ORDER BY line));
						INSERT INTO failure$half VALUES (w, 'none');
					EXCEPTION WHEN OTHERS THEN
						GET STACKED DIAGNOSTICS shown = PG_EXCEPTION_CONTEXT;
						INSERT INTO failure$half VALUES (w, SQLSTATE || ' ' || SQLERRM, shown);
					END;
				END LOOP;
			END \$\$});
	}
	my $bits = bits_of($half);
	my $windows = $node->sql("SELECT count(*) FROM reference$half WHERE error IS NULL");

	is($node->sql("SELECT count(*) FROM result$half"), $windows, "half $half: each window fired");
	is($node->sql(qq{SELECT r.k, r.bits, j.bits FROM reference$half r LEFT JOIN (SELECT k, $bits AS bits FROM result$half) j USING (k)
		WHERE r.error IS NULL AND r.bits IS DISTINCT FROM j.bits ORDER BY 1 LIMIT 3}), '', "half $half: bit by bit the same");
	is($node->sql(qq{SELECT r.k, r.error, r.line, f.error, f.context FROM reference$half r LEFT JOIN failure$half f USING (k)
		WHERE r.error IS NOT NULL AND (f.error IS DISTINCT FROM r.error OR
			f.context !~ ('line ' || (SELECT count(*) FROM input i WHERE i.k = r.k AND i.line <= r.line) || '\\n'))
		ORDER BY 1 LIMIT 3}), '', "half $half: the same error at the same record");
}
diag(sprintf '%d values in %d windows, %d of them with an error: 0 differences',
	5 * $node->sql('SELECT count(*) FROM input'), $node->sql('SELECT count(DISTINCT k) FROM input'), $overflows)
	if Test::More->builder->is_passing;

# Where the stream has dead letters the record that overflows is one: its window and
# the batch go on without it.
my @records = ('1,1e308', '2,1', '1,1e308', '1,5', '2,-1e308', '3,NaN', '2,-1e308', '2,7', '3,1', '1,1e308', '3,2', '1,3', '2,2');
my $sender = Weir::Sender->new(join('', map { "$_\n" } @records));
$node->sql('CREATE SERVER there FOREIGN DATA WRAPPER weir_socket OPTIONS (host \'127.0.0.1\', port \'' . $sender->port . q{');
	CREATE FOREIGN TABLE floats (k int, v float8) SERVER there OPTIONS (format 'csv', on_error 'dead_letter', max_dead_letters '10');
	CREATE TABLE sums (k int, n bigint, sum float8);
	SELECT weir.create_job('overflowing', 'INSERT INTO sums SELECT k, count(*), sum(v) FROM floats GROUP BY k, weir.count_window(3)');
	SELECT weir.enable_checkpointing('overflowing', every => '50 ms');
	SELECT weir.start_job('overflowing')});
$sender->finish;
ok($node->wait_until("SELECT weir.wait_for_job('overflowing', 'finished', '20 s')"), "the job goes on");
is($node->sql('SELECT k, n, sum FROM sums ORDER BY 1'),
	"1|3|1e+308\n2|3|-1e+308\n3|3|NaN",
	'without the records that overflow');
ok($node->wait_until('SELECT count(*) = 3 FROM weir.dead_letters'), 'those are letters');
is($node->sql(q{SELECT string_agg(concat_ws(' ', line_number, sqlstate, error), ', ' ORDER BY line_number) FROM weir.dead_letters}),
	join(', ', map { "$_ 22003 value out of range: overflow" } 3, 7, 10), 'with the error of each');

$node->stop;
done_testing();
