# Rows through the runs of messages (see runs/runs.c): random batches of many types, cut
# in random places, come back as they were.  And keys hashed a batch at a time
# (runs/hashes.c): their hashes, by which state is spread and stored, are the types' own.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $top = dirname(dirname($ENV{TESTDIR}));
my $build = PostgreSQL::Test::Utils::tempdir();
make_path("$build/record", "$build/base");
copy($_, $build) or die "could not copy $_: $!" foreach glob("$top/test/tap/runs/*");
copy($_, "$build/record") or die "could not copy $_: $!" foreach glob("$top/src/record/{batch,run}.[ch]");
copy($_, "$build/base") or die "could not copy $_: $!" foreach glob("$top/src/base/{compat.h,keytype.*}");
system_or_bail('make', '-s', '-C', $build, 'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'));

my $node = Weir::Node->create('runs');
$node->sql(<<"SQL");
CREATE FUNCTION round_trip(query text, batches int, seed int) RETURNS bigint
LANGUAGE c AS '$build/runs', 'runs_round_trip';
CREATE FUNCTION hashes_agree(query text) RETURNS int
LANGUAGE c AS '$build/runs', 'runs_hashes_agree';
CREATE COLLATION ignorant (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN digit AS int CHECK (VALUE BETWEEN 0 AND 9);
CREATE FUNCTION pick(i bigint, share int) RETURNS boolean LANGUAGE sql AS 'SELECT hashint8(i) % 100 >= share';
-- a column of a type each; null now and then
CREATE TABLE kinds AS SELECT
	CASE WHEN pick(i, 10) THEN i % 2 = 0 END AS bool,
	CASE WHEN pick(i + 1000, 10) THEN (i % 128)::int::"char" END AS "char",
	CASE WHEN pick(i + 2000, 10) THEN (i - 50)::int2 END AS int2,
	CASE WHEN pick(i + 3000, 10) THEN (i * -99999)::int4 END AS int4,
	i * 4000000000 AS int8,
	CASE WHEN pick(i + 4000, 10) THEN (4000000000 + i)::oid END AS oid,
	i::float4 / 3 AS float4, -i::float8 / 7 AS float8,
	('f' || i)::name AS name,
	md5(i::text)::uuid AS uuid,
	CASE WHEN pick(i + 5000, 50) THEN make_interval(secs => i) END AS interval,
	make_time(i::int % 24, 0, 0)::timetz AS timetz,
	('08:00:2b:01:02:' || lpad(to_hex(i % 256), 2, '0'))::macaddr AS macaddr,
	format('(%s,%s)', i, i % 100 + 1)::tid AS tid,
	point(i, -i) AS point, box(point(0, 0), point(i, i)) AS box,
	CASE WHEN pick(i + 6000, 20) THEN repeat('x', (i % 300)::int) END AS text,
	i::numeric / 3 AS numeric,
	sha256(i::text::bytea) AS bytea,
	format('{"a": %s}', i)::jsonb AS jsonb,
	('10.0.0.' || i % 256)::inet AS inet,
	int8range(i, i + 5) AS range,
	ARRAY[i, NULL, -i] AS array, ARRAY[('f' || i)::text] AS texts,
	ROW(i, repeat('y', (i % 200)::int))::pair AS pair,
	(ARRAY['sad', 'glad'])[1 + i % 2]::mood AS mood,
	(i % 10)::digit AS digit,
	CASE WHEN pick(i + 7000, 80) THEN (SELECT string_agg(md5(j::text), '') FROM generate_series(i, i + 200) j) END AS toasted,
	repeat('z', 5000) AS compressed,
	(i % 16)::int::bit(4) AS bits,
	to_tsvector('simple', 'word ' || i) AS tsvector,
	format('%s %s', i, i + 1)::oidvector AS oidvector,
	('(' || i || ',1),(2,3)')::path AS path
FROM generate_series(1, 400) i;
CREATE TABLE wide AS SELECT @{[join(', ', map { "i + $_ AS c$_" } 1 .. 1500)]} FROM generate_series(1, 50) i;
SQL

my @columns = split /,/, $node->sql(q{SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = 'kinds'::regclass AND attnum > 0});
cmp_ok(@columns, '>=', 30, 'there are many types');

sub round_trip
{
	my ($name, $query, $batches, $seed) = @_;
	my $rows = $node->sql("SELECT round_trip(\$\$$query\$\$, $batches, $seed)");

	cmp_ok($rows, '>', $batches, "$name: $rows rows came back as they were, seed $seed");
}

my $seed = $ENV{SEED} || time;
round_trip('all types', 'SELECT * FROM kinds', 100, $seed);
round_trip("type of $_", "SELECT $_ FROM kinds", 20, $seed) foreach @columns;
round_trip('two numbers', 'SELECT int8, float8 FROM kinds', 100, $seed);
round_trip('nulls', 'SELECT int8, NULL::int4 AS nothing, NULL::text AS none, text FROM kinds', 50, $seed);
round_trip('texts of clients', 'SELECT textout(text) AS a, int4, textout(name::text) AS b FROM kinds', 50, $seed);
round_trip('no column', 'SELECT FROM kinds', 50, $seed);
round_trip('many columns', 'SELECT * FROM wide', 10, $seed);
round_trip('large values', q{SELECT int8, repeat('large', 100000) AS large FROM kinds LIMIT 10}, 2, $seed);

sub agree
{
	my ($type, $query, $expected) = @_;

	is($node->sql("SELECT hashes_agree(\$\$$query\$\$)"), $expected, "hashes of type $type");
}

# Bits of a random number, so that there are small and large ones.
my $numbers = 'SELECT (n >> (i % 64))::int8 AS n FROM (SELECT i, hashint8extended(i, 7) AS n FROM generate_series(1, 10000) i) r';
my @limits = map { my $bits = $_; my $high = 2**($bits - 1) - 1; join(' UNION ALL SELECT ', -1, 0, 1, $high, "-$high - 1") } 16, 32;
agree('int2', "SELECT x::int2 FROM (SELECT (n % 32768)::int2 AS x FROM ($numbers) r UNION ALL SELECT $limits[0]) r", 10005);
agree('int4', "SELECT x::int4 FROM (SELECT (n % 2147483648)::int4 AS x FROM ($numbers) r UNION ALL SELECT $limits[1]) r", 10005);
agree('int8', "$numbers UNION ALL SELECT 9223372036854775807 UNION ALL SELECT -9223372036854775808", 10002);
agree('text', 'SELECT text FROM kinds WHERE text IS NOT NULL UNION ALL SELECT toasted FROM kinds WHERE toasted IS NOT NULL
	UNION ALL SELECT compressed FROM kinds UNION ALL SELECT \'\'',
	$node->sql('SELECT count(text) + count(toasted) + count(*) + 1 FROM kinds'));
agree('varchar', 'SELECT md5(int8::text)::varchar FROM kinds', 400);
agree('text of collation C', 'SELECT md5(int8::text) COLLATE "C" FROM kinds', 400);
agree('text of a collation that has equals which differ', 'SELECT md5(int8::text) COLLATE ignorant FROM kinds', -1);
agree('numeric', 'SELECT "numeric" FROM kinds', -1);

$node->stop;
done_testing();
