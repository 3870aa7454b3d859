package Weir::RandomQuery;

=head1 Weir::RandomQuery

Random rows in one stream or two, out of order within the streams' bounds, and a random query
by event time over them.  The same query over tables that hold the rows gives what the job
gives; only sessions are asked for in other words there.

=cut

use strict;
use warnings;

use List::Util qw(max min shuffle);
use POSIX ();

my @zones = ('Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC', 'Australia/Lord_Howe');
my $start = 1_711_846_800;	# an hour before clocks go forward in Berlin

sub pick { return $_[ int(rand(@_)) ]; }

sub between { my ($from, $to) = @_; return $from + int(rand($to - $from + 1)); }

# The next of rand() decides everything: from the same seed comes the same.
sub new
{
	my ($class, $seed) = @_;
	my $self = bless { seed => $seed }, $class;

	srand($seed);
	$self->{kind} = pick(qw(window window window window session interval interval window_join as_of rank first over over
		  chain lateness update join_window count_join top_counts late late));
	$self->{streams} = $self->{kind} =~ /interval|join|as_of/ ? 2 : rand() < 0.2 && $self->{kind} =~ /^(window|session)$/ ? 2 : 1;
	$self->{union} = $self->{streams} == 2 && $self->{kind} =~ /^(window|session)$/;
	$self->{unit} = pick(1, 1, 10, 60, 3600);	# seconds that times are multiples of a tenth of
	$self->{bound} = between(0, 20) * $self->{unit};
	$self->{lateness} = $self->{kind} =~ /^late/ ? between(1, 20) * $self->{unit} : 0;
	$self->{keys} = between(1, 6);
	$self->{rows} = $self->make_rows(between(5, 120));
	$self->{type} = rand() < 0.15 ? 'timestamp' : 'timestamptz';
	my $make = "make_$self->{kind}";
	$self->$make;
	$self->compute_watermark if rand() < 0.15;
	return $self;
}

# Not by a column of the stream but in the query.
sub compute_watermark
{
	my ($self) = @_;

	$self->{computed} = 1;
	foreach my $query (grep { defined } @$self{qw(query stored)})
	{
		$query =~ s{\b(FROM|JOIN) ([ab])\b(?!\.)}{$1 (SELECT n, k, v, weir.watermark(ts, '$self->{bound} s') AS ts FROM $2) $2}g;
	}
	return;
}

sub names { my ($self) = @_; return (qw(a b))[ 0 .. $self->{streams} - 1 ]; }

# Streams advance together, each row at most the bound, and lateness, before the highest of its stream.
sub make_rows
{
	my ($self, $n) = @_;
	my %now = map { $_ => $start * 10 / $self->{unit} } $self->names;
	my @rows;

	foreach my $i (1 .. $n)
	{
		my $stream = pick($self->names);
		my $highest = $now{$stream};
		my $time = rand() < 0.6 ? $highest + between(0, rand() < 0.1 ? 200 : 15) : $highest - between(0, ($self->{bound} + $self->{lateness}) * 10 / $self->{unit});

		$now{$stream} = max($highest, $time);
		push @rows, { n => $i, stream => $stream, ts => $time * $self->{unit} / 10,
			k => rand() < 0.05 ? undef : 'k' . between(1, $self->{keys}), v => rand() < 0.1 ? undef : between(-5, 20) };
	}
	return \@rows;
}

sub seconds { return "'$_[0] s'"; }

my @aggregates = (
	'count(*)', 'count(a.v)', 'sum(a.v)', 'min(a.v)', 'max(a.v)', 'avg(a.v)', 'count(DISTINCT a.v)', "string_agg(a.v::text, ',' ORDER BY a.n)",
	'sum(a.v) FILTER (WHERE a.v > 3)', 'count(*) FILTER (WHERE a.k IS NULL)', 'array_agg(a.n ORDER BY a.n)::text', 'bool_or(a.v > 15)',
	'min(a.ts)', 'max(a.n)', 'sum(a.v::numeric / 4)', "max(a.v::text COLLATE \"C\")", 'sum(DISTINCT a.v)', 'stddev(a.v)::numeric(20,8)');

# Some aggregates, each under a name.
sub some_aggregates
{
	my @some = (shuffle(@aggregates))[ 0 .. between(0, 3) ];
	my $i = 0;

	return map { "$_ AS x" . $i++ } @some;
}

# A window over "a": an expression to group by, in FROM or in the select list.
sub window_of
{
	my ($self, $alias) = @_;
	my $u = $self->{unit};
	my $size = between(1, 30) * $u;
	my $offset = rand() < 0.3 ? ", '" . between(-20, 20) * $u / 10 . " s'" : '';

	return pick(
		"weir.tumble($alias.ts, " . seconds($size) . "$offset)",
		"weir.tumble($alias.ts, " . seconds($size) . "$offset)",
		"weir.hop($alias.ts, " . seconds($size) . ', ' . seconds(max($u / 10, int($size * 10 / pick(1, 2, 3, 5)) / 10)) . "$offset)",
		"weir.hop($alias.ts, " . seconds($size) . ', ' . seconds($size * 2) . "$offset)",
		"weir.cumulate($alias.ts, " . seconds($size) . ', ' . seconds($size * between(1, 4)) . "$offset)");
}

sub input
{
	my ($self) = @_;
	return $self->{union} ? '(SELECT * FROM a UNION ALL SELECT * FROM b) a' : 'a';
}

sub key_of { return pick('a.k', 'a.k', 'a.k', 'a.v % 3', 'coalesce(a.k, \'none\')', ''); }

sub having { return rand() < 0.2 ? ' HAVING ' . pick('count(*) > 1', 'sum(a.v) > 10', 'max(a.n) % 2 = 0') : ''; }

sub where { return rand() < 0.2 ? ' WHERE ' . pick('a.v > 0', 'a.k IS NOT NULL', 'a.n % 3 <> 1') : ''; }

sub make_window
{
	my ($self) = @_;
	my $key = key_of();
	my @keys = $key eq '' ? () : ("$key AS key");
	my $group = $key eq '' ? '' : "$key, ";
	my $calendar = rand() < 0.25;
	my $call = $self->window_of('a');

	if ($calendar)
	{
		my $expression = pick(
			"date_bin('" . between(1, 20) * $self->{unit} . " s', a.ts, '2000-01-01 00:00:07+00')",
			"date_trunc('" . pick(qw(minute hour day week month)) . "', a.ts" . ($self->{type} eq 'timestamp' ? ')' : ", '" . pick(@zones) . "')"));

		$self->{query} = 'SELECT ' . join(', ', @keys, "$expression AS w", some_aggregates()) . ' FROM ' . $self->input . where() . " GROUP BY $group$expression" . having();
		return;
	}
	$self->{query} = 'SELECT ' . join(', ', @keys, 'lower(w) AS s', 'upper(w) AS e', some_aggregates())
	  . ' FROM ' . $self->input . ", LATERAL $call w" . where() . " GROUP BY ${group}w" . having();
	return;
}

# An upsert holds in the end what a table would say, whatever came before the windows fired and after.
sub make_upsert
{
	my ($self, $lateness) = @_;
	my $call = $self->window_of('a') =~ s/\)$/$lateness)/r;
	my @aggregates = some_aggregates();

	$self->{query} = 'SELECT a.k AS key, lower(w) AS s, upper(w) AS e, ' . join(', ', @aggregates) . ' FROM ' . $self->input . ", LATERAL $call w WHERE a.k IS NOT NULL GROUP BY a.k, w";
	$self->{key} = 'key, s, e';
	$self->{set} = join(', ', map { "x$_ = excluded.x$_" } 0 .. $#aggregates);
	return;
}

sub make_lateness { my ($self) = @_; return $self->make_upsert(", lateness => '$self->{lateness} s'"); }

sub make_update { my ($self) = @_; $self->{emit} = 'update'; return $self->make_upsert(''); }

# Rows that come too late are left out, by what the watermark was before them.
sub make_late
{
	my ($self) = @_;
	my $size = between(1, 20) * $self->{unit};
	my $windows = rand() < 0.6;
	my $watermark;

	if ($windows)
	{
		$self->{query} = 'SELECT a.k AS key, lower(w) AS s, ' . join(', ', some_aggregates()) . ' FROM a, LATERAL weir.tumble(a.ts, ' . seconds($size) . ') w GROUP BY a.k, w';
	}
	else
	{
		$self->make_over;
	}
	foreach my $row (@{ $self->{rows} })
	{
		my ($ts, $step) = map { POSIX::floor($_ * 10 + 0.5) } $row->{ts}, $size;
		my $over = $windows ? POSIX::floor($ts / $step) * $step + $step : $ts + 1;

		$row->{late} = defined $watermark && $over <= $watermark;
		$watermark = max($watermark // $ts - $self->{bound} * 10, $ts - $self->{bound} * 10);
	}
	return;
}

# Windows over a join, counting by the time of one side.
sub make_join_window
{
	my ($self) = @_;
	my $u = $self->{unit};
	my $join = pick(qw(INNER LEFT));
	my $reach = between(1, 10) * $u;

	$self->{query} = "SELECT lower(w) AS s, upper(w) AS e, count(*) AS n, count(j.bn) AS matched, sum(j.bv) AS v FROM (SELECT a.ts, b.n AS bn, b.v AS bv FROM a $join JOIN b"
	  . " ON a.k = b.k AND b.ts BETWEEN a.ts - interval '$reach s' AND a.ts + interval '$reach s') j, LATERAL weir.tumble(j.ts, " . seconds(between(1, 20) * $u) . ') w GROUP BY w';
	return;
}

# What windows of two streams gave, joined.
sub make_count_join
{
	my ($self) = @_;
	my $size = seconds(between(1, 20) * $self->{unit});
	my $join = pick(qw(INNER LEFT FULL));
	my ($a, $b) = map { "(SELECT $_.k, w, count(*) AS n FROM $_, LATERAL weir.tumble($_.ts, $size) w GROUP BY $_.k, w)" } qw(a b);

	$self->{query} = "SELECT coalesce(a.k, b.k) AS k, lower(coalesce(a.w, b.w)) AS s, a.n AS an, b.n AS bn FROM $a a $join JOIN $b b ON a.k = b.k AND a.w = b.w";
	return;
}

# The keys with most rows in each window.
sub make_top_counts
{
	my ($self) = @_;
	my $call = $self->window_of('a');
	my $n = between(1, 3);

	$self->{query} = "SELECT lower(w) AS s, upper(w) AS e, k, n, r FROM (SELECT w, k, n, row_number() OVER (PARTITION BY w ORDER BY n DESC, k) AS r"
	  . " FROM (SELECT w, a.k, count(*) AS n FROM a, LATERAL $call w GROUP BY w, a.k) c) t WHERE r <= $n";
	return;
}

# Windows over what windows gave.
sub make_chain
{
	my ($self) = @_;
	my $size = between(1, 10) * $self->{unit};
	my $outer = $size * between(1, 5);

	$self->{query} = 'SELECT lower(o) AS s, upper(o) AS e, sum(i.n) AS n, max(i.m) AS m, count(*) AS parts FROM'
	  . ' (SELECT a.k, lower(w) AS ts, count(*) AS n, max(a.v) AS m FROM ' . $self->input . ', LATERAL weir.tumble(a.ts, ' . seconds($size) . ') w' . where()
	  . " GROUP BY a.k, w) i, LATERAL weir.tumble(i.ts, " . seconds($outer) . ') o GROUP BY o';
	return;
}

sub make_session
{
	my ($self) = @_;
	my $gap = seconds((between(1, 8) + 0.05) * $self->{unit});	# sessions that touch are one unless one has fired
	my $keyed = rand() < 0.8;
	my ($key, $group) = $keyed ? ('a.k AS key, ', 'a.k, ') : ('', '');
	my ($by, $over) = $keyed ? ('a.k', 'PARTITION BY k ') : ('', '');
	my $aggregates = join(', ', some_aggregates());
	my ($from, $where) = ($self->input, where());

	$self->{query} = "SELECT ${key}lower(w) AS s, upper(w) AS e, $aggregates FROM $from, LATERAL weir.session(a.ts, $gap) w$where GROUP BY ${group}w";
	$self->{stored} = "SELECT ${key}min(a.ts) AS s, max(a.ts) + $gap AS e, $aggregates FROM (SELECT *, count(*) FILTER (WHERE begins) OVER (${over}ORDER BY ts, n) AS island"
	  . " FROM (SELECT *, ts - lag(ts) OVER (${over}ORDER BY ts, n) > $gap AS begins FROM (SELECT a.* FROM $from$where) a) a) a GROUP BY ${group}island";
	return;
}

sub make_interval
{
	my ($self) = @_;
	my $join = pick(qw(INNER INNER LEFT RIGHT FULL));
	my $u = $self->{unit};
	my $low = between(-15, 10) * $u;
	my ($from, $to) = ("interval '$low s'", "interval '" . ($low + between(0, 15) * $u) . " s'");
	my $bounds = pick(
		"b.ts BETWEEN a.ts + $from AND a.ts + $to", "b.ts >= a.ts + $from AND b.ts < a.ts + $to", "b.ts - a.ts BETWEEN $from AND $to",
		"a.ts BETWEEN b.ts - $to AND b.ts - $from", "a.ts + $from < b.ts AND a.ts >= b.ts - $to");
	my $more = $join eq 'INNER' && rand() < 0.4 ? ' AND a.v < b.v' : '';

	if (rand() < 0.2)
	{
		$self->{query} = 'SELECT a.n AS an, a.k AS ak, a.ts AS ats FROM a WHERE ' . pick('', 'NOT ') . "EXISTS (SELECT FROM b WHERE b.k = a.k AND $bounds$more)";
		return;
	}
	$self->{query} = "SELECT a.n AS an, a.k AS ak, a.ts AS ats, b.n AS bn, b.v AS bv, coalesce(a.k, b.k) AS k FROM a $join JOIN b ON a.k = b.k AND $bounds$more";
	return;
}

sub make_window_join
{
	my ($self) = @_;
	my $join = pick(qw(INNER LEFT RIGHT FULL));
	my $call = $self->window_of('x');
	my ($of_a, $of_b) = map { $call =~ s/x\.ts/$_.ts/r } qw(a b);

	if (rand() < 0.2)
	{
		$self->{query} = "SELECT a.n AS an, lower(a.w) AS s, upper(a.w) AS e FROM (SELECT a.*, w FROM a, LATERAL $of_a w) a WHERE " . pick('', 'NOT ')
		  . "EXISTS (SELECT FROM (SELECT b.*, w FROM b, LATERAL $of_b w) b WHERE b.k = a.k AND b.w = a.w)";
		return;
	}
	$self->{query} = "SELECT a.n AS an, lower(coalesce(a.w, b.w)) AS s, upper(coalesce(a.w, b.w)) AS e, b.n AS bn, coalesce(a.k, b.k) AS k"
	  . " FROM (SELECT a.*, w FROM a, LATERAL $of_a w) a $join JOIN (SELECT b.*, w FROM b, LATERAL $of_b w) b ON a.k = b.k AND a.w = b.w";
	return;
}

# Of versions of equal time the last to come.
sub make_as_of
{
	my ($self) = @_;
	my $join = pick(qw(LEFT INNER));
	my $query = "SELECT a.n AS an, a.ts AS ats, v.n AS bn, v.v AS bv FROM a $join JOIN LATERAL (SELECT b.n, b.v FROM b WHERE b.k = a.k AND b.ts <= a.ts ORDER BY b.ts DESC LIMIT 1) v ON true";

	$self->{query} = $query;
	$self->{stored} = $query =~ s/b\.ts DESC/b.ts DESC, b.n DESC/r;
	return;
}

# Of rows that rank equally the first to come; of those asked for as the latest one the last.
sub make_rank
{
	my ($self) = @_;
	my $n = between(1, 4);
	my $call = $self->window_of('a');
	my $function = pick(qw(row_number row_number rank dense_rank));
	my $order = pick('a.v DESC NULLS LAST', 'a.v', 'a.ts DESC', 'a.v % 4, a.ts');
	my $last = $n == 1 && $order eq 'a.ts DESC' ? ' DESC' : '';
	my $ordered = $function eq 'row_number' ? "$order, a.n$last" : $order;
	my $query = sub {
		"SELECT k, lower(w) AS s, upper(w) AS e, n, r FROM (SELECT a.k, a.n, w, $function() OVER (PARTITION BY a.k, w ORDER BY $_[0]) AS r FROM a, LATERAL $call w) t WHERE r <= $n";
	};

	$self->{query} = $query->($order);
	$self->{stored} = $query->($ordered);
	return;
}

sub make_first
{
	my ($self) = @_;

	$self->{query} = 'SELECT DISTINCT ON (k) k, n, ts FROM a ORDER BY k, ts';
	$self->{stored} = "$self->{query}, n";
	return;
}

# Rows of equal time stand in the order in which they came.
sub make_over
{
	my ($self) = @_;
	my $rows = rand() < 0.5;
	my $preceding = rand() < 0.3 ? 'UNBOUNDED' : $rows ? between(0, 5) : "'" . between(0, 20) * $self->{unit} . " s'";
	my $query = sub {
		'SELECT k, n, ts, sum(v) OVER f AS s, count(*) OVER f AS c, max(v) OVER f AS m FROM a WINDOW f AS '
		  . '(PARTITION BY k ORDER BY ts' . ($_[0] // '') . ' ' . ($rows ? 'ROWS' : 'RANGE') . " BETWEEN $preceding PRECEDING AND CURRENT ROW)";
	};

	$self->{query} = $query->();
	$self->{stored} = $rows ? $query->(', n') : $query->();
	return;
}

### As SQL

sub quote { return defined $_[0] ? "'$_[0]'" : 'NULL'; }

sub query { return $_[0]{query}; }

sub stored { return $_[0]{stored} // $_[0]{query}; }

my $columns = 'n int, k text, v bigint, ts';

sub to_time { my ($self, $ts) = @_; return "to_timestamp($ts)" . ($self->{type} eq 'timestamp' ? " AT TIME ZONE 'UTC'" : ''); }

sub table_ddl
{
	my ($self) = @_;
	my $ddl = "CREATE TABLE input (stream text, n int, k text, v bigint, ts $self->{type}, late boolean);\n";
	my @values = map { sprintf("('%s', %d, %s, %s, %s, %s)", $_->{stream}, $_->{n}, quote($_->{k}), $_->{v} // 'NULL', $self->to_time($_->{ts}), $_->{late} ? 'true' : 'false') } @{ $self->{rows} };

	$ddl .= 'INSERT INTO input VALUES ' . join(', ', @values) . ";\n";
	return $ddl . join('', map { "CREATE VIEW $_ AS SELECT n, k, v, ts FROM input WHERE stream = '$_' AND NOT late;\n" } $self->names);
}

sub stream_ddl
{
	my ($self) = @_;
	my $watermark = $self->{computed} ? '' : ' OPTIONS (watermark ' . seconds($self->{bound}) . ')';

	return join('', map { "CREATE FOREIGN TABLE $_ ($columns $self->{type}$watermark) SERVER weir_feed;\n" } $self->names);
}

# A schema with the rows as tables, and one with streams, and the sink and what should be in it.
sub created
{
	my ($self, $name) = @_;

	return "CREATE SCHEMA ${name}_stored; SET search_path = ${name}_stored;\n" . $self->table_ddl . 'CREATE TABLE meant AS ' . $self->stored . ";\n"
	  . "CREATE SCHEMA $name; SET search_path = $name;\n" . $self->stream_ddl . "CREATE TABLE sink (LIKE ${name}_stored.meant"
	  . ($self->{key} ? ", PRIMARY KEY ($self->{key})" : '') . ");\n";
}

sub conflict
{
	my ($self) = @_;
	return $self->{key} ? " ON CONFLICT ($self->{key}) DO UPDATE SET $self->{set}" : '';
}

sub insert { my ($self) = @_; return 'INSERT INTO sink ' . $self->query . $self->conflict; }

# Further arguments of create_job.
sub arguments { my ($self) = @_; return $self->{emit} ? ", emit => '$self->{emit}'" : ''; }

# As a statement of a job that has several; search_path does not say what is meant.
sub qualified
{
	my ($self, $name) = @_;
	my $query = $self->query;

	$query =~ s{\b(FROM|JOIN) ([ab])\b(?!\.)}{$1 $name.$2 $2}g;
	return "INSERT INTO $name.sink $query" . $self->conflict;
}

# 'same', or rows that only one of them has.
sub compare
{
	my ($self, $name) = @_;
	my ($sink, $meant) = ("$name.sink", "${name}_stored.meant");

	return "SELECT coalesce((SELECT string_agg(d, '; ') FROM (SELECT 'too much: ' || x::text AS d FROM (TABLE $sink EXCEPT ALL TABLE $meant) x"
	  . " UNION ALL SELECT 'missing: ' || x::text FROM (TABLE $meant EXCEPT ALL TABLE $sink) x LIMIT 8) d), 'same');\n";
}

# Through weir.try_job.
sub tried
{
	my ($self) = @_;
	my $line = "concat_ws(E'\\t', n, coalesce(k, '\\N'), coalesce(v::text, '\\N'), ts)";

	return "BEGIN;\n" . $self->created('tried') . "SELECT weir.create_job('tried', \$job\$" . $self->insert . "\$job\$" . $self->arguments . ") \\g /dev/null\n"
	  . "SELECT count(*) FROM (SELECT array_agg($line ORDER BY n) AS lines, array_agg(stream ORDER BY n) AS streams FROM tried_stored.input) i,"
	  . " weir.try_job('tried', lines, NULL::sink, streams, finish => true) t \\g /dev/null\n" . $self->compare('tried') . "ROLLBACK;\n";
}

1;
