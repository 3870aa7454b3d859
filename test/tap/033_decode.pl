# What a stream makes of a record is what COPY makes of it: values to the last bit,
# errors by SQLSTATE, message and column.  Random records, many of them odd, are
# given to COPY, one in a statement each, and to a job that reads them as a stream.
# WEIR_LINES of them a setting, SEED; test/properties/decode asks for many.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $lines = $ENV{WEIR_LINES} || 500;
my $seed = $ENV{SEED} || 20261127;
my $node = Weir::Node->create('decode', 'max_wal_size = 4GB');
my $compared = 0;

srand($seed);
note("seed $seed, $lines records a setting");

# Of two records in five values may be none.
my $wild;
sub odd { my ($share) = @_; return $wild && rand() < $share; }

sub one_of { return $_[ int(rand(@_)) ]; }
sub digits { my ($n) = @_; return join('', map { int(rand(10)) } 1 .. $n); }
sub some_digits { my ($n) = @_; return digits(1 + int(rand($n))); }
sub sign { return one_of('', '', '', '-', '+'); }

# What is odd for any type.
my @odd = (
	'', ' ', '  7', '7  ', "\t7", '-', '+', '.', 'x', 'null', 'NULL', '\\N', '\\', '\\\\', 'a\\', '\\x41', '\\101', '\\t',
	'\\.', 'a\\.b', '1,2', '"1"', '""', '"', '"a""b"', 'a"b', 'a"b"', 'a"b"c', '"a"b', '"a', "'1'", "a'b'c", "\r", "a\rb", "\x01", "\x7f", "\xc3\xa4",
	"\xe2\x82\xac", "\xf0\x9f\x90\x98", "\xff", "\xc3", "\xc3(", "\xed\xa0\x80", "\xe2\x82", '0x1F', '0o17', '0b1', '1_000', '1e3', '1E-3',
	'1e', 'e1', '--1', '+-1', '1.', '.1', '1.1.1', 'NaN', 'nan', 'inf', '-Infinity', 'infinity', '+infinity', 'yes', 'on', 'off', 'T', 'TRUE', 'tr', 'fals',
	'today', 'epoch', '1e400', '1e-400', '4.9e-324', '99999999999999999999', '-99999999999999999999', '00000000000000000000001');

my @edges = (
	32767, 32768, -32768, -32769, 2147483647, 2147483648, -2147483648, -2147483649, '9223372036854775807',
	'9223372036854775808', '-9223372036854775808', '-9223372036854775809', '999999999999999999', '1000000000000000000', '-0', '+0', '00', '007', 0, 1);

sub integer
{
	my ($size) = @_;
	return one_of(@edges) if odd(0.05);
	return sign() . some_digits($size);
}

sub decimal
{
	my ($whole, $fraction) = @_;
	return one_of(@edges) if odd(0.05);
	return one_of('0.0', '-0.0', '0.30000000000000004', '16777217', '00123.4560', '0.1', '.5', '7.') if rand() < 0.1;
	return sign() . some_digits($whole) . (rand() < 0.7 ? '.' . some_digits($fraction) : '');
}

sub date
{
	return one_of('2024-02-29', '2023-02-29', '1900-02-29', '2000-02-29', '0001-01-01', '0000-01-01', '9999-12-31', '2024-13-01',
		'2024-00-10', '2024-04-31', '13/01/2024', '01/13/2024', '24-01-02', '2024-1-2', '20240102', '2024.01.02', 'Jan 2 2024',
		'2024-Jan-02', '10000-01-01', '-4713-01-01', '4714-11-24 BC', '2024-01-02 BC', '5874898-01-01', '2024-02-30') if odd(0.1);
	return sprintf('%04d-%02d-%02d', 1 + int(rand(rand() < 0.3 ? 9999 : 2100)), 1 + int(rand(12)), 1 + int(rand(odd(0.1) ? 33 : 28)));
}

# Around the changes of a clock, too, where an hour is missing or comes twice.
sub timestamp
{
	my $day = rand() < 0.3 ? one_of('2024-03-10', '2024-11-03', '2024-03-31', '2024-10-27', '1883-11-18', '1945-04-02') : date();
	my $time = sprintf('%02d:%02d:%02d', int(rand(odd(0.05) ? 27 : 24)), int(rand(odd(0.05) ? 62 : 60)), int(rand(odd(0.05) ? 63 : 60)));
	my $fraction = one_of('', '', '.' . some_digits(6), '.' . some_digits(9), '.');
	my $zone = one_of('', '', '', '+02', '-05:30', '+0530', '+14:59', '-15', ' UTC', 'Z', ' America/New_York', '-00', '+05:45:15');
	$zone = one_of('+16', '+02:60', '+2', '+', ' Mars/Olympus') if odd(0.05);
	return $day . one_of((' ') x 8, 'T', '  ') . $time . $fraction . $zone;
}

my @letters = ('a' .. 'z', ' ', '0' .. '9', "\xc3\xa9", "\xe4\xb8\xad", '-', '.', '/', ':', "'", '<');
sub text { my ($n) = @_; return join('', map { one_of(@letters) } 1 .. int(rand($n + 1))); }
sub plain { my ($n) = @_; return join('', map { one_of('a' .. 'z') } 1 .. 1 + int(rand($n))); }

# Columns: name, declaration, what is mostly good, the function that shows the bits.
my @columns = (
	['i2', 'int2', sub { integer(4) }, 'int2send'],
	['i4', 'int4', sub { integer(9) }, 'int4send'],
	['i8', 'int8', sub { integer(18) }, 'int8send'],
	['f4', 'float4', sub { decimal(6, 5) }, 'float4send'],
	['f8', 'float8', sub { decimal(9, 9) }, 'float8send'],
	['n', 'numeric', sub { decimal(20, 20) }, 'numeric_send'],
	['n102', 'numeric(10,2)', sub { decimal(8, 3) }, 'numeric_send'],
	['n25', 'numeric(5,5)', sub { '0.' . some_digits(6) }, 'numeric_send'],
	['b', 'bool', sub { one_of(qw(t f true false 1 0 y n yes no on off T False)) }, 'boolsend'],
	['t', 'text', sub { text(40) }, 'textsend'],
	['v', 'varchar', sub { text(8) }, 'varcharsend'],
	['v5', 'varchar(5)', sub { plain(5) }, 'varcharsend'],
	['c', 'char(4)', sub { plain(4) }, 'bpcharsend'],
	['bp', 'bpchar', sub { text(8) }, 'bpcharsend'],
	['d', 'date', \&date, 'date_send'],
	['ts', 'timestamp', \&timestamp, 'timestamp_send'],
	['ts3', 'timestamp(3)', \&timestamp, 'timestamp_send'],
	['tz', 'timestamptz', \&timestamp, 'timestamptz_send'],
	['tz0', 'timestamptz(0)', \&timestamp, 'timestamptz_send']);

# Beside these, in some settings: types that only their input functions read.
my @others = (
	['dom', 'positive', sub { odd(0.1) ? -1 : one_of(1 .. 20) }, 'int4send'],
	['u', 'uuid', sub { sprintf('%08x-0000-4000-8000-%012x', int(rand(2**31)), int(rand(2**31))) }, 'uuid_send'],
	['j', 'jsonb', sub { odd(0.1) ? '{' : one_of('1', 'true', 'null', '[1]', '{}') }, 'jsonb_send'],
	['iv', 'interval', sub { odd(0.1) ? 'x' : one_of('1 day', '1:00', 'P1D') }, 'interval_send'],
	['ia', 'int[]', sub { odd(0.1) ? one_of('{1', '{a}') : one_of('{}', '{1}') }, 'array_send']);

my @settings = (
	{ name => 'text with tabs', null => '\\N', delimiter => "\t" },
	{ name => 'text with spaces', null => '', delimiter => ' ', options => q{delimiter ' ', null ''} },
	{ name => 'csv', null => '', delimiter => ',', csv => 1, options => q{format 'csv'} },
	{ name => 'csv of its own', null => 'NULL', delimiter => ';', csv => 1, quote => "'",
		options => q{format 'csv', delimiter ';', quote '''', escape '\\', null 'NULL'} },
	{ name => 'all types', null => '\\N', delimiter => '|', others => 1, options => q{delimiter '|'} },
	{ name => 'all types, csv', null => '\\N', delimiter => ',', others => 1, csv => 1, options => q{format 'csv', null '\\N'} },
	{ name => 'with checks', null => '\\N', delimiter => ',', options => q{delimiter ','}, check => 1 });

# As it would be written in this format: mostly so that it comes through.
sub field
{
	my ($s, $value) = @_;
	my $quote = $s->{quote} // '"';

	if ($s->{csv})
	{
		return $value if $value !~ /[\Q$s->{delimiter}$quote\E]/ && rand() < 0.8;
		$value =~ s/(\Q$quote\E)/$quote$1/g;
		return $quote . $value . $quote;
	}
	$value =~ s/\Q$s->{delimiter}\E/\\$s->{delimiter}/g;
	return $value;
}

sub record
{
	my ($s, $id, @of) = @_;
	my @fields;

	$wild = rand() < 0.4;
	@fields = map { field($s, $_->[2]->()) } @of;
	$fields[ rand @fields ] = $s->{null} if rand() < 0.5;
	$fields[ rand @fields ] = one_of(@odd) if odd(0.5);
	pop @fields if odd(0.05);
	push @fields, one_of('', 'x') if odd(0.05);
	return join($s->{delimiter}, $id, @fields);
}

# Each odd value as a text, and in some other column.
sub odd_records
{
	my ($s, $id, @of) = @_;
	my ($text) = grep { $of[$_][0] eq 't' } 0 .. $#of;
	my @records;

	$wild = 0;
	foreach my $value (@odd)
	{
		foreach my $column ($text, int(rand(@of)))
		{
			my @fields = map { field($s, $_->[2]->()) } @of;

			$fields[$column] = $value;
			push @records, join($s->{delimiter}, $id++, @fields);
		}
	}
	return @records;
}

# A line that is one record: not open at its end, and nothing COPY would end at.
sub is_record
{
	my ($s, $record) = @_;
	my $quote = $s->{quote} // '"';
	my $escape = $s->{quote} ? '\\' : $quote;
	my $open = 0;

	# of a character that is cut short COPY shows the newline, too
	return 0 if $record =~ /\r\z|\xc3\z|\xe2\x82\z/;
	return $record !~ /\\\.?\z/ unless $s->{csv};
	for (my $i = 0; $i < length $record; $i++)
	{
		my $c = substr($record, $i, 1);
		if ($open && $c eq $escape && $escape ne $quote) { $i++; }
		elsif ($c eq $quote) { $open = !$open; }
	}
	return !$open;
}

# SQLSTATE, message and column of the records that COPY refuses.
sub copied
{
	my ($s, $records) = @_;
	my $script = '';
	my %errors;

	foreach my $i (0 .. $#$records)
	{
		# the header says that lines end in a newline
		$script .= "\\warn record $i\nCOPY copied FROM STDIN ($s->{copy}, header 'on');\nid\n$records->[$i]\n\\.\n";
	}
	my $file = PostgreSQL::Test::Utils::tempdir() . '/script.sql';
	append_to_file($file . $s->{number}, $script);
	my ($out, $err) = run_command(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($node->{database}), '-f', $file . $s->{number} ]);
	my $now;
	foreach my $line (split /\n/, $err)
	{
		$now = $1 if $line =~ /record (\d+)$/;
		$errors{$now} = [ $1, $2 ] if $line =~ /ERROR:  (\w{5}): (.*)/;
		$errors{$now}[2] = $1 if $line =~ /^(?:CONTEXT:  )?COPY copied, line \d+, column (\w+)/;
	}
	return \%errors;
}

# The same of the job's dead letters.
sub refused
{
	my %errors;
	my $rows = $node->sql(q{SELECT line_number - 1, sqlstate, split_part(error, E'\n', 1),
		coalesce(substring(error FROM E'\ncolumn (\\\\w+)'), '') FROM weir.dead_letters ORDER BY 1});

	foreach my $row (split /\n/, $rows)
	{
		my ($i, $state, $message, $column) = $row =~ /^(\d+)\|(\w+)\|(.*)\|(\w*)$/s or die "odd letter: $row";
		$errors{$i} = [ $state, $message, $column eq '' ? undef : $column ];
	}
	return \%errors;
}

# The tables have names of their own; of a null that may not be COPY names the column in the message only.
sub show
{
	my ($e) = @_;
	return 'no error' unless $e;
	my ($state, $message, $column) = @$e;
	$message =~ s/\b(?:copied|records)/table/g;
	return join(' | ', $state, $message, $state eq '23502' ? () : $column // '-');
}

sub compare_errors
{
	my ($s, $records, $copied, $refused) = @_;
	my $differ = 0;

	foreach my $i (0 .. $#$records)
	{
		next if show($copied->{$i}) eq show($refused->{$i});
		diag("$s->{name}: $records->[$i]\n  COPY: " . show($copied->{$i}) . "\n  Weir: " . show($refused->{$i})) if $differ++ < 5;
	}
	is($differ, 0, "$s->{name}: of " . scalar(keys %$copied) . ' errors none differs');
	return;
}

# Values as their types send them, and how much room they take.
sub compare_values
{
	my ($s, @of) = @_;
	my $bits = join(', ', 'id', map { "encode($_->[3]($_->[0]), 'hex') AS $_->[0], pg_column_size($_->[0]) AS s_$_->[0]" } @of);
	my $query = "SELECT $bits FROM";
	my $differ = $node->sql(qq{WITH c AS ($query copied), r AS ($query streamed)
		SELECT count(*) FROM ((TABLE c EXCEPT ALL TABLE r) UNION ALL (TABLE r EXCEPT ALL TABLE c)) x});

	is($differ, '0', "$s->{name}: of " . $node->sql('SELECT count(*) FROM copied') . ' rows none differs');
	diag($node->sql(qq{WITH c AS ($query copied), r AS ($query streamed)
		(SELECT 'COPY', to_jsonb(x) FROM (TABLE c EXCEPT ALL TABLE r) x LIMIT 3) UNION ALL
		(SELECT 'Weir', to_jsonb(x) FROM (TABLE r EXCEPT ALL TABLE c) x LIMIT 3)})) if $differ;
	return;
}

sub play
{
	my ($s, $number) = @_;
	my @of = (@columns, $s->{others} ? @others : ());
	my $definition = join(', ', 'id bigint', map { "$_->[0] $_->[1]" . ($s->{check} && $_->[0] eq 'i8' ? ' NOT NULL' : '') } @of);
	my @records = grep { is_record($s, $_) } (map { record($s, $_, @of) } 1 .. $lines), odd_records($s, $lines + 1, @of);
	my $options = $s->{options} // '';
	my $sender = Weir::Sender->new(join('', map { "$_\n" } @records));

	$s->{number} = $number;
	$s->{copy} = $options || q{format 'text'};
	$definition .= ', CHECK (i4 IS NULL OR i4 <> 7), g int8 GENERATED ALWAYS AS (i4::int8 + i2) STORED' if $s->{check};
	$node->use_database("decode_$number");
	$node->sql(q{CREATE DOMAIN positive AS int CHECK (VALUE > 0) NOT NULL;
		ALTER DATABASE } . "decode_$number" . q{ SET timezone = 'America/New_York'});
	$node->sql('ALTER DATABASE decode_' . $number . q{ SET datestyle = 'SQL, DMY'}) if $number % 2;
	$node->sql("CREATE TABLE copied ($definition); CREATE TABLE streamed (LIKE copied);
		CREATE SERVER peer FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '" . $sender->port . "');
		CREATE FOREIGN TABLE records ($definition) SERVER peer
			OPTIONS (on_error 'dead_letter', max_dead_letters '10000000'" . ($options ne '' ? ", $options" : '') . ");
		SELECT weir.create_job('s3', 'INSERT INTO streamed SELECT * FROM records');
		SELECT weir.start_job('s3')");
	$sender->finish;
	my $copied = copied($s, \@records);
	ok($node->wait_status('finished'), "$s->{name}: finished");
	compare_errors($s, \@records, $copied, refused());
	compare_values($s, @of, $s->{check} ? [ 'g', 'int8', undef, 'int8send' ] : ());
	$compared += @records * @of;
	return;
}

play($settings[$_], $_) foreach 0 .. $#settings;
note("$compared values");
cmp_ok($compared, '>', 19 * $lines, 'values were compared');

$node->stop;
done_testing();
