# The example of a keyed function in C: builds against this tree's header, and keeps
# value, list and map state through checkpoints and a crash.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

# Built in a directory of the test's own, and loaded from there by path.
my $top = dirname(dirname($ENV{TESTDIR}));
my $build = PostgreSQL::Test::Utils::tempdir();
copy($_, $build) or die "could not copy $_: $!" foreach glob("$top/examples/c_function/*");
make_path("$build/include/extension/weir");
copy("$top/src/weir.h", "$build/include/extension/weir") or die "could not copy weir.h: $!";
system_or_bail('make', '-s', '-C', $build, "PG_CPPFLAGS=-I$build/include",
	'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'));
ok(-e "$build/moving_average.so", 'the example builds');

my $node = Weir::Node->create('c_function');
my $script = slurp_file("$build/moving_average--1.0.sql");
$script =~ s/MODULE_PATHNAME/$build\/moving_average/g;
$node->sql("CREATE SCHEMA moving_average; SET search_path = moving_average; $script");

my $first = "a,C,1\na,C,2\nb,F,10\na,K,3\n";
my $second = "a,C,4\nb,F,20\nb,F,\n,K,1\n";
my $sender = Weir::Sender->new($first);
$node->sql(<<"SQL");
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '${\ $sender->port}', max_retries '-1', retry_delay '100 ms');
CREATE FOREIGN TABLE readings (sensor text, unit text, value float8) SERVER sensors OPTIONS (format 'csv');
CREATE TABLE averages (sensor text, readings bigint, average float8, units bigint);
SELECT weir.create_job('averages', \$\$
    INSERT INTO averages SELECT a.* FROM readings r
    JOIN LATERAL moving_average.moving_average(ROW(r.sensor, r.unit, r.value)::moving_average.reading) a
        ON weir.key_by(r.sensor)\$\$, parallelism => 2);
SELECT weir.enable_checkpointing('averages', every => '50 ms');
SELECT weir.start_job('averages');
SQL

$sender->send_to(length $first);
ok($node->wait_until('SELECT count(*) = 4 FROM averages'), 'the first readings');
$node->kill9;
$node->start;
$sender->append($second);
$sender->send_to(length($first . $second));
ok($node->wait_until('SELECT count(*) = 8 FROM averages'), 'and those after a crash');
is($node->sql(q{SELECT string_agg(concat_ws(' ', coalesce(sensor, '-'), readings, average, units), ', ' ORDER BY sensor, readings) FROM averages}),
	'a 1 1 1, a 2 1.5 1, a 3 2 2, a 4 3 2, b 1 10 1, b 2 15 1, - 1 1 1, -', 'are as a function in C computes them from its state');
like($node->sql_error(q{SELECT moving_average.moving_average(ROW('a', 'C', 1))}), qr/55000.*weir_state_handle\(\)/s, 'which exists in a job only');

$node->sql(q{CREATE FOREIGN TABLE signs (sensor text, at timestamptz OPTIONS (watermark '1 s')) SERVER sensors OPTIONS (format 'csv');
	CREATE TABLE silent (sensor text, since timestamptz);
	SELECT weir.create_job('silent', 'INSERT INTO silent SELECT s.sensor, a FROM signs s
		JOIN LATERAL moving_average.sign_of_life(s.sensor, s.at) a ON weir.key_by(s.sensor) WHERE a IS NOT NULL')});
is($node->sql(q{SELECT string_agg(format('%s %s', sensor, to_char(since, 'SS')), ', ') FROM weir.try_job('silent',
		ARRAY['a,2026-01-01 00:00:01Z', 'b,2026-01-01 00:00:02Z', 'a,2026-01-01 00:00:08Z', 'b,2026-01-01 00:00:07Z', 'c,2026-01-01 00:00:30Z'],
		NULL::silent)}), 'b 17, a 18', 'a timer that a function in C sets');

$node->stop;
done_testing();
