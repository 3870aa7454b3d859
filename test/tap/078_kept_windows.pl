# What version 0.1.0 kept of a window, whatever its aggregates, is gone on from.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

# data/windows-0.1.0 has a chunk a line, key group and payload, of the job below when
# version 0.1.0 had seen the first half of the records.
my @records = map {
	my $n = $_;
	my @values = ($n * 7919 % 60000 - 30000, $n * 104729 % 4000000000 - 2000000000, ($n * 1299709 % 19 - 9) . '0' x 17,
		$n % 5 == 3 ? 'NaN' : $n % 7 / 8, $n % 11 == 5 ? '-Infinity' : $n * 31 % 17 / 16);

	join(',', $n, $n % 3, map { $n * $_ % 13 == 6 && $_ > 1 ? '' : $values[ $_ - 1 ] } 1 .. 5) . "\n"
} 1 .. 64;
my $half = 30;

my @aggregates = ('count(*)', map {
	my $column = $_;

	map { "$_($column)" } qw(count sum avg min max)
} qw(i2 i4 i8 f4 f8));
my $n = 0;
my $select = join(', ', 'k', map { "$_ AS c" . ++$n } @aggregates, 'count(*) FILTER (WHERE i4 > 0)');

my $node = Weir::Node->create('kept_windows');
my $sender = Weir::Sender->new(join '', @records);
$node->sql('CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host \'127.0.0.1\', port \'' . $sender->port . qq{');
	CREATE FOREIGN TABLE readings (line int, k int, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8) SERVER here OPTIONS (format 'csv');
	CREATE TABLE input (line int, k int, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8);
	CREATE TABLE windows AS SELECT $select FROM input GROUP BY k;
	SELECT weir.create_job('kept', 'INSERT INTO windows SELECT $select FROM readings GROUP BY k, weir.count_window(15)');
	SELECT weir.enable_checkpointing('kept', every => '1 h');
	SELECT weir.start_job('kept')});
$sender->send_to(length join '', @records[ 0 .. $half - 1 ]);
ok($node->wait_until(qq{SELECT sum(records_in) = $half FROM weir.tasks WHERE kind = 'keyed'}), 'half of the records are in windows');
$node->sql(q{SELECT weir.stop_job('kept')});

my %chunks = map { split } split /\n/, slurp_file('test/tap/data/windows-0.1.0');
is($node->sql('SELECT string_agg(key_group::text, \' \' ORDER BY key_group) FROM weir_internal.snapshot'),
	join(' ', sort { $a <=> $b } keys %chunks), 'the keys are in the groups where they were');
$node->sql("UPDATE weir_internal.snapshot SET payload = '\\x$chunks{$_}' WHERE key_group = $_") foreach keys %chunks;
$node->sql(q{SELECT weir.start_job('kept')});
$sender->finish;
ok($node->wait_until(q{SELECT weir.wait_for_job('kept', 'finished', '30 s')}), 'the job goes on');

$node->safe_psql('postgres', 'COPY input FROM stdin (FORMAT csv);' . "\n" . join('', @records) . "\\.\n");
my $ordered = $select =~ s/\((\w\w)\)/($1 ORDER BY line)/gr;
my $reference = "SELECT $ordered FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY line) AS i FROM input) r WHERE i <= 15 GROUP BY k";
is($node->sql("SELECT count(*) FROM windows"), 3, 'each window fired');
is($node->sql("SELECT w::text FROM windows w EXCEPT SELECT r::text FROM ($reference) r"), '', 'over all of its records');

$node->stop;
done_testing();
