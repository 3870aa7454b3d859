# A job on a key of every type: it groups as PostgreSQL's GROUP BY does, in
# windows and in keyed functions with maps, over a stop and start from the
# checkpoint between.  Types that cannot be hashed are refused with the reason.
#
# Beside it run the extensions that hook into everything a server does.
#
# Of packaged extensions those run that are installed; the test says which.
# EXTENSIONS=all makes one that is missing a failure (see test/README.md).
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::KeyTypes;
use Weir::Node;
use Weir::Sender;

my $batch = 6;					# types at a time, each with two jobs of four processes
my $rounds = 8;					# how often the values of a type come
my @missing;
my @broken;

# Those whose libraries are there.
my ($libraries) = run_command([ $ENV{PG_CONFIG} || 'pg_config', '--pkglibdir' ]);
my @neighbours = grep { -e "$libraries/$_.so" or !push @missing, $_ } 
  sort { ($b eq 'plprofiler') <=> ($a eq 'plprofiler') || $a cmp $b } keys %Weir::KeyTypes::neighbour;
my $node = Weir::Node->create('key_types',
	sprintf("shared_preload_libraries = '%s'", join(',', @neighbours, 'weir')),
	map { @{ $Weir::KeyTypes::neighbour{$_} } } @neighbours);

sub available
{
	my ($extension) = @_;

	return $node->sql("SELECT count(*) FROM pg_available_extensions WHERE name = '$extension'") eq '1';
}

foreach my $extension (@Weir::KeyTypes::companions)
{
	if (available($extension)) { $node->sql("CREATE EXTENSION $extension"); }
	else { push @missing, $extension; }
}
diag('beside ' . join(', ', $node->sql('SHOW shared_preload_libraries'),
		$node->sql('SELECT string_agg(extname, $$, $$ ORDER BY 1) FROM pg_extension')));
$node->sql($Weir::KeyTypes::declare);

# Lines "id<tab>value" in COPY's text format; NULL is a key like any other.
sub lines_of
{
	my (@values) = @_;
	my $id = 0;

	return join('', map { my $round = $_; map { ++$id . "\t$_\n" } @values, '\N' } 1 .. $rounds);
}

# Two jobs over a stream each: windows of three records, and a function that counts.
sub create_jobs
{
	my ($n, $type, $port) = @_;

	$node->sql(qq{
		CREATE TABLE input_$n (id bigint, k $type);
		CREATE SERVER windows_$n FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '$port->[0]', max_retries '-1');
		CREATE FOREIGN TABLE windows_in_$n (id bigint, k $type) SERVER windows_$n;
		CREATE TABLE windows_out_$n (k $type, first bigint, n bigint, last bigint);
		CREATE SERVER counts_$n FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '$port->[1]', max_retries '-1');
		CREATE FOREIGN TABLE counts_in_$n (id bigint, k $type) SERVER counts_$n;
		CREATE TABLE counts_out_$n (k $type, id bigint, n bigint, in_map bigint, keys bigint);
		CREATE FUNCTION count_$n(r counts_in_$n) RETURNS TABLE (k $type, id bigint, n bigint, in_map bigint, keys bigint)
		LANGUAGE plpgsql AS \$f\$
		BEGIN
			PERFORM weir.state_update('n', 1 + coalesce(weir.state_value('n', NULL::bigint), 0));
			PERFORM weir.map_put('m', r.k, 1 + coalesce(weir.map_get('m', r.k, NULL::bigint), 0));
			RETURN QUERY SELECT r.k, r.id, weir.state_value('n', NULL::bigint), weir.map_get('m', r.k, NULL::bigint),
				(SELECT count(*) FROM weir.map_entries('m', NULL::$type, NULL::bigint));
		END \$f\$;
		SELECT weir.create_value_state('count_$n(counts_in_$n)', 'n', 'bigint');
		SELECT weir.create_map_state('count_$n(counts_in_$n)', 'm', '$type', 'bigint');
		SELECT weir.create_job('windows_$n', 'INSERT INTO windows_out_$n SELECT k, min(id), count(*), max(id)
			FROM windows_in_$n GROUP BY k, weir.count_window(3)', parallelism => 2);
		SELECT weir.create_job('counts_$n', 'INSERT INTO counts_out_$n SELECT a.* FROM counts_in_$n r
			JOIN LATERAL count_$n(r) a ON weir.key_by(r.k)', parallelism => 2);
		SELECT weir.enable_checkpointing(name, every => '200 ms') FROM weir.jobs WHERE name IN ('windows_$n', 'counts_$n')});
	return;
}

sub load
{
	my ($n, $data) = @_;
	my $file = $node->basedir . '/input';

	append_to_file($file, $data);
	$node->sql("\\copy input_$n from '$file'");
	unlink $file;
	return;
}

# How many rows differ from what PostgreSQL's groups over the same lines give.
sub compare
{
	my ($n) = @_;

	return $node->sql(qq{
		WITH groups AS (SELECT min(id) AS key, array_agg(id) AS ids FROM input_$n GROUP BY k),
		numbered AS (SELECT key, id, row_number() OVER (PARTITION BY key ORDER BY id) AS i FROM groups, unnest(ids) u (id)),
		windows AS (SELECT min(id), count(*), max(id) FROM numbered GROUP BY key, (i - 1) / 3 HAVING count(*) = 3),
		counts AS (SELECT id, i, i, 1::bigint FROM numbered)
		SELECT format('%s %s',
			(SELECT count(*) FROM ((TABLE windows EXCEPT ALL SELECT first, n, last FROM windows_out_$n)
				UNION ALL (SELECT first, n, last FROM windows_out_$n EXCEPT ALL TABLE windows)) d),
			(SELECT count(*) FROM ((TABLE counts EXCEPT ALL SELECT id, n, in_map, keys FROM counts_out_$n)
				UNION ALL (SELECT id, n, in_map, keys FROM counts_out_$n EXCEPT ALL TABLE counts)) d))});
}

my $number = 0;

sub names_of { my ($jobs) = @_; return join(', ', map { "'windows_$_->{n}', 'counts_$_->{n}'" } @$jobs); }

sub for_jobs
{
	my ($jobs, $call) = @_;
	my $names = names_of($jobs);

	return $node->sql("SELECT $call FROM weir.jobs WHERE name IN ($names)");
}

sub wait_records
{
	my ($jobs, $sum) = @_;
	my $names = names_of($jobs);

	return $node->wait_until(qq{SELECT sum(records_in) = $sum FROM weir.tasks
		WHERE job IN ($names) AND kind = 'source'});
}

# A batch of types, each with its values, from the first record to the comparison.
sub run_types
{
	my (@types) = @_;
	my @jobs;
	my ($half, $whole) = (0, 0);

	foreach my $type (@types)
	{
		my ($name, $values) = @$type;
		my $data = lines_of(@$values);
		my @lines = split /^/, $data;
		my $head = join('', @lines[ 0 .. $#lines / 2 ]);
		my $job = { n => ++$number, name => $name, senders => [ map { Weir::Sender->new($data) } 1, 2 ] };

		create_jobs($number, $name, [ map { $_->port } @{ $job->{senders} } ]);
		load($number, $data);
		$_->send_to(length $head) foreach @{ $job->{senders} };
		push @jobs, $job;
		$half += 2 * int($#lines / 2 + 1);
		$whole += 2 * @lines;
	}
	for_jobs(\@jobs, 'weir.start_job(name)');
	ok(wait_records(\@jobs, $half), "half of the input of @{[map { $_->{name} } @jobs]}");
	for_jobs(\@jobs, 'weir.stop_job(name)');
	for_jobs(\@jobs, 'weir.start_job(name)');
	foreach my $job (@jobs) { $_->finish foreach @{ $job->{senders} }; }
	ok(wait_records(\@jobs, $whole - $half), 'and the rest');
	for_jobs(\@jobs, 'weir.stop_job(name)');
	is(compare($_->{n}), '0 0', "a key of type $_->{name}: the groups of GROUP BY") foreach @jobs;
	for_jobs(\@jobs, 'weir.drop_job(name)');
	return;
}

# In order, a batch at a time.
sub run_all
{
	my ($types) = @_;
	my @types = map { [ $_, $types->{$_} ] } sort keys %$types;

	run_types(splice(@types, 0, $batch)) while @types;
	return;
}

sub is_refused
{
	my ($type, $reason) = @_;

	$number++;
	$node->sql(qq{
		CREATE TABLE refused_out_$number (n bigint);
		CREATE SERVER refused_$number FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
		CREATE FOREIGN TABLE refused_$number (k $type) SERVER refused_$number;
		CREATE FUNCTION refused_$number(r refused_$number) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'});
	my $error = $node->sql_error(qq{SELECT weir.create_job('refused_$number', 'INSERT INTO refused_out_$number
		SELECT n FROM refused_$number r JOIN LATERAL refused_$number(r) n ON weir.key_by(r.k)')});
	like($error, qr/42883: type .* cannot be a key.*DETAIL:  It (has|holds) .*\Q$reason\E/s, "$type cannot be a key");
	$error = $node->sql_error(qq{SELECT weir.create_map_state('refused_$number(refused_$number)', 'm', '$type', 'bigint')});
	like($error, qr/42883: map state "m" cannot have keys of type .*DETAIL:  It (has|holds) .*\Q$reason\E/s, "nor a map's");
	return;
}

run_all(\%Weir::KeyTypes::builtin);
is_refused($_, $Weir::KeyTypes::refused{$_}) foreach sort keys %Weir::KeyTypes::refused;

my %types;

# From PostgreSQL 17 on it can be hashed.
$Weir::KeyTypes::extension{ltree}{ltree} = [ 'a.b', 'a.b.c', '' ] if $node->pg_version >= 17;

foreach my $extension (sort keys %Weir::KeyTypes::extension)
{
	my $of = $Weir::KeyTypes::extension{$extension};

	if (!available($extension)) { push @missing, $extension; next; }
	# postgis does not like it to be looked at while it is created
	my (undef, undef, $error) = $node->psql('postgres', "SET pgaudit.log = 'none'; CREATE EXTENSION $extension CASCADE");
	if ($error =~ /(ERROR: .*)/) { push @broken, "$extension ($1)"; next; }
	foreach my $type (sort keys %$of)
	{
		if (ref $of->{$type}) { $types{$type} = $of->{$type}; }
		else { is_refused($type, $of->{$type}); }
	}
	diag("types of extension $extension: " . join(', ', sort keys %$of));
}
run_all(\%types);
diag('extensions that are not installed: ' . join(', ', @missing)) if @missing;
diag('extensions that PostgreSQL refuses to create: ' . join(', ', @broken)) if @broken;
is("@missing", '', 'every extension is installed') if ($ENV{EXTENSIONS} // '') eq 'all';

is($node->sql("SELECT count(*) FROM pg_prepared_xacts"), '0', 'nothing is left prepared');
unlike(slurp_file($node->logfile), qr/terminated by signal/, 'no process crashed');
$node->stop;
done_testing();
