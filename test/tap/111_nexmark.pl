# Nexmark: each query as a job over csv from sockets, beside the same SELECT over stored rows,
# and both beside results that are known (test/nexmark).  WEIR_QUERIES names some of them.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use File::Basename qw(basename dirname);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $folder = dirname(dirname(__FILE__)) . '/nexmark';
my $at_a_time = 4;
my @streams = qw(person auction bid);
my @queries = $ENV{WEIR_QUERIES} ? split(' ', $ENV{WEIR_QUERIES}) :
  sort { ($a =~ /(\d+)/)[0] <=> ($b =~ /(\d+)/)[0] || $a cmp $b } map { basename($_, '.sql') } glob("$folder/queries/q*.sql");
my %sums = map { my ($name, $rows, $sum) = split ' '; ($name => "$rows rows $sum") } split /\n/, slurp_file("$folder/sums");
my %events;
my $node;

sub events
{
	my ($name) = @_;
	my $bytes;

	gunzip("$folder/data/$name.csv.gz" => \$bytes) or die "gunzip: $GunzipError";
	return $bytes;
}

# What the comments at a query's head say, and the SELECT.
sub read_query
{
	my ($name) = @_;
	my $text = slurp_file("$folder/queries/$name.sql");
	my %query = (name => $name, schema => "live_$name");

	$query{$1} = $2 while $text =~ /^-- (into|conflict|result): (.*)$/mg;
	$query{result} //= exists $sums{"$name.postgres"} ? "$name.postgres" : $name;
	($query{select} = $text) =~ s/^--.*\n//mg;
	return \%query;
}

sub load
{
	$node->sql(slurp_file("$folder/schema.sql"));
	foreach my $table (@streams, 'side_input')
	{
		my $target = $table eq 'side_input' ? 'public.side_input' : "stored.${table}_event";
		my $file = PostgreSQL::Test::Utils::tempdir() . "/$table.csv";

		append_to_file($file, $events{$table} = events($table));
		$node->sql("COPY $target FROM '$file' (FORMAT csv)");
	}
	$node->sql("CALL nexmark.create_views('stored'); CREATE SCHEMA results; ANALYZE");
	return;
}

# Rows as the known results have them: how many, and the sum of the sorted lines.
sub result_of
{
	my ($select, $schema) = @_;
	my (undef, $out) = $node->psql($node->{database}, "SET search_path = $schema, public; $select",
		on_error_die => 1, extra_params => [ '-F', ',', '-P', 'null=\N' ]);
	my @lines = sort split /\n/, $out;

	return scalar(@lines) . ' rows ' . md5_hex(map { "$_\n" } @lines);
}

sub begin
{
	my ($query) = @_;
	my @reads = grep { $query->{select} =~ /\b$_\b/ } @streams;
	my %ports = map { $_ => 1 } @streams;
	my $conflict = $query->{conflict} ? "ON CONFLICT $query->{conflict}" : '';

	foreach my $stream (@reads)
	{
		my $sender = Weir::Sender->new($events{$stream});

		push @{ $query->{senders} }, $sender;
		$sender->finish;
		$ports{$stream} = $sender->port;
	}
	return is($node->sql_error(<<"SQL"), '', "$query->{name} starts");
CALL nexmark.create_streams('$query->{schema}', ARRAY[@{[ join ', ', @ports{@streams} ]}]);
CREATE TABLE results.$query->{name} ($query->{into});
SET search_path = $query->{schema}, public;
SELECT weir.create_job('$query->{name}', \$query\$INSERT INTO results.$query->{name}
$query->{select} $conflict\$query\$, parallelism => 2);
SELECT weir.enable_checkpointing('$query->{name}', every => '200 ms');
SELECT weir.start_job('$query->{name}');
SQL
}

sub check
{
	my ($query) = @_;
	my $expected = $sums{ $query->{result} };

	ok($node->wait_status('finished', $query->{name}), "$query->{name} finishes");
	is($node->sql("SELECT coalesce(sum(late_records), 0) FROM weir.tasks WHERE job = '$query->{name}'"), 0, "$query->{name}: no record is late");
	is(result_of("TABLE results.$query->{name}", 'public'), $expected, "$query->{name}: the job's result");
	is(result_of($query->{select}, 'stored'), $expected, "$query->{name}: over stored rows")
	  unless $query->{select} =~ /weir\.session/;
	$node->sql("SELECT weir.drop_job('$query->{name}')");
	delete $query->{senders};
	return;
}

$node = Weir::Node->create('nexmark', 'max_worker_processes = 100');
load();
my @todo = map { read_query($_) } @queries;
while (my @some = splice(@todo, 0, $at_a_time))
{
	check($_) foreach grep { begin($_) } @some;
}
done_testing();
