package Weir::EventTime;

=head1 Weir::EventTime

The cases of test/eventtime: what of each is a stream, a job's query as a user would write
it, and lines, and what should come of them at each step.

A step is an input row with what follows it; the last one is the end of the streams.

=cut

use strict;
use warnings;

use JSON::PP;
use POSIX qw(strftime);

my @names = qw(a b c);

sub new
{
	my ($class, $case, $difference) = @_;
	my $self = bless { %$case, difference => $difference // {} }, $class;

	$self->{scripted} = $case->{watermark}{kind} eq 'script';
	$self->{name} = $case->{case} =~ tr/-/_/r;
	return $self;
}

# All of them, those with a meant difference with what it says.
sub all
{
	my ($class, $directory) = @_;
	my %difference = map { $_->{case} => $_ } lines_of("$directory/differences.jsonl");

	return map { $class->new($_, $difference{ $_->{case} }) } lines_of("$directory/cases.jsonl");
}

sub lines_of
{
	my ($file) = @_;

	open(my $in, '<', $file) or die "could not open $file: $!";
	return map { decode_json($_) } grep { /\S/ } <$in>;
}

sub name { return $_[0]{name}; }

# Why it is left out; undef: it is not.
sub left_out { return $_[0]{difference}{left_out}; }

sub streams { my ($self) = @_; return @names[ 0 .. $self->{streams} - 1 ]; }

### What is created

sub ms { return "'$_[0] ms'"; }

sub ddl_stream
{
	my ($self, $i) = @_;
	my $bound = $self->{watermark}{ms} // 0;
	my $watermark = 'OPTIONS (watermark ' . ms(ref $bound ? $bound->[$i] : $bound) . ')';
	my $columns = $self->{scripted} ? "ts timestamptz, mark timestamptz $watermark" : "ts timestamptz $watermark";

	return "CREATE FOREIGN TABLE $names[$i] (n int, k text, v bigint, $columns) SERVER weir_feed;\n";
}

my %types = (key => 'text', (map { $_ => 'timestamptz' } qw(window_start window_end window_ts a_ts b_ts row_ts ts)));

sub ddl_sink
{
	my ($self) = @_;
	my @columns = map { "\"$_\" " . ($types{$_} // 'bigint') } @{ $self->{columns} }, $self->extra_columns;
	my $key = $self->upsert_key;

	push @columns, "PRIMARY KEY ($key)" if $key;
	return 'CREATE TABLE sink (' . join(', ', @columns) . ");\n";
}

# Columns that the sink needs beside those that are compared.
sub extra_columns
{
	my ($self) = @_;
	return $self->{operator}{kind} eq 'top_n' && !$self->{operator}{with_rank} ? 'rank' : ();
}

# The key of an upsert; undef: it is a plain INSERT.
sub upsert_key
{
	my ($self) = @_;
	my $o = $self->{operator};

	return '"key", "rank"' if $o->{kind} eq 'top_n';
	return '"key"' if $o->{kind} eq 'dedup' && $o->{keep} eq 'last';
	return '"key", window_start, window_end' if $o->{allowed_lateness_ms};
	return undef;
}

# Is the sink's content what is compared, rather than the rows as they come?
sub materialized
{
	my ($self) = @_;
	return $self->{operator}{kind} eq 'top_n' || ($self->{operator}{keep} // '') eq 'last';
}

sub ddl
{
	my ($self) = @_;
	return join('', map { $self->ddl_stream($_) } 0 .. $self->{streams} - 1) . $self->ddl_sink;
}

### The query

# From now on tables are named with their schema.
sub qualify { my ($self) = @_; $self->{schema} = $self->name . '.'; return $self; }

sub table { return ($_[0]{schema} // '') . $_[1]; }

# A stream, by its name; of a scripted one the records that only move the watermark are left out.
sub stream
{
	my ($self, $name) = @_;
	my $table = $self->table($name);

	return $self->{scripted} ? "(SELECT * FROM $table WHERE n IS NOT NULL) $name" : $table eq $name ? $name : "$table $name";
}

sub input
{
	my ($self) = @_;

	return $self->stream('a') if $self->{streams} == 1;
	return '(' . join(' UNION ALL ', map { 'SELECT k, v, ts FROM ' . $self->stream($_) } $self->streams) . ') a';
}

# A call of the window's function.
sub window
{
	my ($o, $ts) = @_;
	my %sizes = (tumble => ['size_ms'], hop => [qw(size_ms slide_ms)], cumulate => [qw(step_ms size_ms)], session => ['gap_ms']);
	my @arguments = ($ts, map { ms($o->{$_}) } @{ $sizes{ $o->{kind} } });

	push @arguments, '"offset" => ' . ms($o->{offset_ms}) if $o->{offset_ms};
	push @arguments, 'lateness => ' . ms($o->{allowed_lateness_ms}) if $o->{allowed_lateness_ms};
	return "weir.$o->{kind}(" . join(', ', @arguments) . ')';
}

sub query_window
{
	my ($self) = @_;
	my $o = $self->{operator};
	my $key = ($o->{partition_by} // '') eq 'nothing' ? '' : 'a.k, ';

	return "SELECT ${key}lower(w), upper(w), count(*), sum(v), min(v), max(v)"
	  . ' FROM ' . $self->input . ', LATERAL ' . window($o, 'a.ts') . " w GROUP BY ${key}w";
}

sub bounds
{
	my ($o) = @_;
	my ($above, $below) = ($o->{lower_exclusive} ? '>' : '>=', $o->{upper_exclusive} ? '<' : '<=');

	return "b.ts BETWEEN a.ts + interval '$o->{lower_ms} ms' AND a.ts + interval '$o->{upper_ms} ms'"
	  if $above eq '>=' && $below eq '<=';
	return "b.ts $above a.ts + interval '$o->{lower_ms} ms' AND b.ts $below a.ts + interval '$o->{upper_ms} ms'";
}

sub query_interval_join
{
	my ($self) = @_;
	my $o = $self->{operator};
	my $more = (grep { $_ eq 'row_ts' } @{ $self->{columns} }) ? ', greatest(a.ts, b.ts)' : '';

	return "SELECT coalesce(a.k, b.k), a.ts, a.v, b.ts, b.v$more FROM " . $self->stream('a')
	  . ' ' . uc($o->{join}) . ' JOIN ' . $self->stream('b') . ' ON a.k = b.k AND ' . bounds($o);
}

sub query_interval_join_then_tumble
{
	my ($self) = @_;
	my $o = $self->{operator};

	return 'SELECT lower(w), upper(w), count(*), count(bv) FROM (SELECT a.ts, b.v AS bv FROM ' . $self->stream('a')
	  . ' ' . uc($o->{join}) . ' JOIN ' . $self->stream('b') . ' ON a.k = b.k AND ' . bounds($o)
	  . ") j, LATERAL weir.tumble(j.ts, " . ms($o->{size_ms}) . ') w GROUP BY w';
}

sub query_window_join
{
	my ($self) = @_;
	my $o = $self->{operator};
	my ($a, $b) = map { "(SELECT $_.*, w FROM " . $self->stream($_) . ', LATERAL ' . window($o->{window}, "$_.ts") . ' w)' } qw(a b);
	my $exists = "EXISTS (SELECT FROM $b b WHERE b.k = a.k AND b.w = a.w)";

	return "SELECT a.k, upper(a.w) - interval '1 ms', a.v, b.v FROM $a a JOIN $b b ON a.k = b.k AND a.w = b.w"
	  if $o->{api} eq 'DataStream';
	return "SELECT a.k, lower(a.w), upper(a.w), a.ts, a.v FROM $a a WHERE $exists" if $o->{join} eq 'semi';
	return "SELECT a.k, lower(a.w), upper(a.w), a.ts, a.v FROM $a a WHERE NOT $exists" if $o->{join} eq 'anti';
	return 'SELECT coalesce(a.k, b.k), lower(coalesce(a.w, b.w)), upper(coalesce(a.w, b.w)), a.ts, a.v, b.ts, b.v'
	  . " FROM $a a " . uc($o->{join}) . " JOIN $b b ON a.k = b.k AND a.w = b.w";
}

# A version without a value says that there is none from then on.
sub query_temporal_join
{
	my ($self) = @_;
	my $o = $self->{operator};

	return 'SELECT a.k, a.ts, a.v, CASE WHEN b.v IS NOT NULL THEN b.ts END, b.v FROM ' . $self->stream('a') . ' ' . uc($o->{join})
	  . ' JOIN LATERAL (SELECT v.ts, v.v FROM ' . $self->table('b') . ' v WHERE v.k = a.k AND v.ts <= a.ts ORDER BY v.ts DESC LIMIT 1) b ON true'
	  . ($o->{join} eq 'inner' ? ' WHERE b.v IS NOT NULL' : '');
}

sub query_dedup
{
	my ($self) = @_;
	return 'SELECT DISTINCT ON (k) k, ts, v FROM ' . $self->stream('a') . ' ORDER BY k, ts' . ($self->{operator}{keep} eq 'last' ? ' DESC' : '');
}

sub query_top_n
{
	my ($self) = @_;
	my $o = $self->{operator};
	my $by = { value => 'v', ts => 'ts' }->{ $o->{by} };

	return "SELECT k, ts, v, r FROM (SELECT k, ts, v, row_number() OVER (PARTITION BY k ORDER BY $by $o->{order}) AS r FROM " . $self->stream('a') . ') t'
	  . " WHERE r <= $o->{n}";
}

sub query_window_top_n
{
	my ($self) = @_;
	my $o = $self->{operator};

	return 'SELECT k, lower(w), upper(w), ts, v, r FROM (SELECT k, w, ts, v, row_number() OVER (PARTITION BY k, w'
	  . " ORDER BY v $o->{order}) AS r FROM " . $self->stream('a') . ', LATERAL ' . window($o->{window}, 'ts') . " w) t WHERE r <= $o->{n}";
}

sub query_over
{
	my ($self) = @_;
	my $o = $self->{operator};
	my $preceding = !defined $o->{preceding} ? 'UNBOUNDED' : $o->{frame} eq 'range' ? ms($o->{preceding}) : $o->{preceding};

	return 'SELECT k, ts, v, sum(v) OVER f, count(*) OVER f FROM ' . $self->stream('a') . ' WINDOW f AS (PARTITION BY k ORDER BY ts '
	  . uc($o->{frame}) . " BETWEEN $preceding PRECEDING AND CURRENT ROW)";
}

sub query
{
	my ($self) = @_;
	my $kind = $self->{operator}{kind};
	my $method = "query_$kind";

	return $kind =~ /^(tumble|hop|cumulate|session)$/ ? $self->query_window : $self->$method;
}

# The whole statement.
sub insert
{
	my ($self) = @_;
	my @columns = map { "\"$_\"" } @{ $self->{columns} }, $self->extra_columns;
	my $key = $self->upsert_key;
	my $conflict = '';

	if ($key)
	{
		my %in_key = map { tr/"//dr => 1 } split /, /, $key;
		my @set = map { "$_ = excluded.$_" } grep { !$in_key{tr/"//dr} } @columns;

		$conflict = "\nON CONFLICT ($key) DO UPDATE SET " . join(', ', @set);
	}
	return 'INSERT INTO ' . $self->table('sink') . ' (' . join(', ', @columns) . ")\n" . $self->query . $conflict;
}

### The lines

sub timestamp
{
	my ($ms) = @_;
	my $seconds = POSIX::floor($ms / 1000);

	return strftime('%Y-%m-%d %H:%M:%S', gmtime $seconds) . sprintf('.%03d+00', $ms - 1000 * $seconds);
}

sub field { return defined $_[0] ? $_[0] : '\\N'; }

sub line
{
	my ($self, $n, $key, $ts, $value, $mark) = @_;
	my @fields = ($n, $key, $value, defined $ts ? timestamp($ts) : undef);

	push @fields, $mark if $self->{scripted};
	return join("\t", map { field($_) } @fields);
}

# Flink's watermark says that no more rows up to it come; a record that has that as its time, and 1 ms.
sub event_line
{
	my ($self, $event) = @_;

	return undef if $event->[2] eq 'idle';
	return '\\.' if $event->[2] eq 'end';
	return $self->line(undef, undef, undef, undef, timestamp($event->[3] + 1));
}

# By step: pairs of stream and line; a line that is undef: the stream is idle.
sub steps
{
	my ($self) = @_;
	my %events;
	my @steps;

	push @{ $events{ $_->[0] } }, $_ foreach @{ $self->{watermark}{events} // [] };
	foreach my $row (@{ $self->{input} })
	{
		my ($n, $stream, $key, $ts, $value) = @$row;
		my @step = ([ $names[$stream], $self->line($n, $key, $ts, $value) ]);

		push @step, map { [ $names[ $_->[1] ], $self->event_line($_) ] } @{ $events{$n} // [] };
		push @steps, \@step;
	}
	return @steps;
}

# Is it said by lines alone how the streams go on?
sub has_events
{
	my ($self) = @_;
	return scalar grep { $_->[2] ne 'wm' } @{ $self->{watermark}{events} // [] };
}

# Does it make no difference in which order rows of several streams come?
sub any_order
{
	my ($self) = @_;
	my %highest;

	return 1 if $self->{streams} == 1;
	return 0 if $self->{scripted} || $self->has_events;
	foreach my $row (@{ $self->{input} })
	{
		my (undef, $stream, undef, $ts) = @$row;
		my $bound = $self->{watermark}{ms};

		$bound = $bound->[$stream] if ref $bound;
		return 0 if defined $highest{$stream} && $ts < $highest{$stream} - $bound;
		$highest{$stream} = $ts if !defined $highest{$stream} || $ts > $highest{$stream};
	}
	return 1;
}

# Statements that write its rows into its streams.
sub inserts
{
	my ($self) = @_;
	my @values = map { join(', ', map { $_ eq '\\N' ? 'NULL' : quote($_) } split /\t/, $_->[1]) } map { @$_ } $self->steps;
	my @elements = map { $_->[0] } map { @$_ } $self->steps;

	return join('', map { 'INSERT INTO ' . $self->table($elements[$_]) . " VALUES ($values[$_]);\n" } 0 .. $#values);
}

# All rows at the end, sorted; of an upsert the last one of its key.
sub expected_at_end
{
	my ($self) = @_;
	my @steps = $self->expected;
	my %row;

	return @{ $steps[-1] } if $self->materialized;
	return sort map { @$_ } @steps unless $self->upsert_key;
	foreach my $text (map { @$_ } @steps)
	{
		$row{ join(' ', (split / /, $text)[0 .. 2]) } = $text;
	}
	return sort values %row;
}

### What should come

sub row_text
{
	my ($row) = @_;
	return join(' ', map { $_ // '-' } @$row);
}

# Changes, applied to what there is.
sub apply
{
	my ($content, $change) = @_;
	my $text = row_text($change->{row});

	$content->{$text} += $change->{op} =~ /^-/ ? -1 : 1;
	delete $content->{$text} unless $content->{$text};
	return;
}

sub sorted_content
{
	my ($content) = @_;
	return [ sort map { ($_) x $content->{$_} } keys %$content ];
}

# By step, the last of them the end: rows as texts, sorted; those that come, or all that there are.
sub expected
{
	my ($self) = @_;
	my $output = $self->{difference}{output} // $self->{output};
	my $last = @{ $self->{input} };
	my @by_step = map { [] } 0 .. $last;
	my %content;

	push @{ $by_step[ $_->{by} eq 'end' && $_->{after} == $last ? $last : $_->{after} - 1 ] }, $_ foreach @$output;
	return map { [ sort map { row_text($_->{row}) } @$_ ] } @by_step unless $self->materialized;
	return map { apply(\%content, $_) foreach @$_; sorted_content(\%content) } @by_step;
}

sub expected_late
{
	my ($self) = @_;
	my $late = $self->{difference}{late_dropped} // $self->{late_dropped};
	my %seen;

	return undef unless $late;
	return [ sort { $a <=> $b } grep { !$seen{$_}++ } @$late ];
}

### How it is asked

sub quote { return defined $_[0] ? "'" . ($_[0] =~ s/'/''/gr) . "'" : 'NULL'; }

sub array { return 'ARRAY[' . join(', ', map { quote($_) } @_) . ']::text[]'; }

# Columns of a row "t" of the sink as an array of json.
sub as_json
{
	my ($self) = @_;
	my @columns = map {
		($types{$_} // '') eq 'timestamptz' ? "(extract(epoch FROM t.\"$_\") * 1000)::bigint" : "t.\"$_\"" } @{ $self->{columns} };

	return 'coalesce(jsonb_agg(jsonb_build_array(' . join(', ', @columns) . ")), '[]')";
}

# A call with these elements; finish: and the end.
sub call
{
	my ($self, $finish, @elements) = @_;

	return sprintf('weir.try_job(%s, %s, NULL::sink, %s, finish => %s)', quote($self->name),
		array(map { $_->[1] } @elements), array(map { $_->[0] } @elements), $finish ? 'true' : 'false');
}

sub created
{
	my ($self) = @_;
	my $name = $self->name;

	return "CREATE SCHEMA $name;\nSET search_path = $name;\n" . $self->ddl
	  . "SELECT weir.create_job('$name', \$job\$" . $self->insert . "\$job\$) \\g /dev/null\n";
}

# The rows of a call, or what the sink holds behind it.
sub rows_script
{
	my ($self, $what, $call) = @_;
	my $rows = $self->as_json;

	return "SELECT $call \\g /dev/null\nSELECT '$what', $rows FROM sink t;\n" if $self->materialized;
	return "SELECT '$what', $rows FROM $call t;\n";
}

# Prints, each with a word before it: the rows of all lines in one call; those of each step;
# the numbers of those that are late.
sub script
{
	my ($self) = @_;
	my @steps = $self->steps;
	my $script = "BEGIN;\n" . $self->created . "SAVEPOINT created;\n";

	$script .= $self->rows_script('once', $self->call(1, map { @$_ } @steps));
	$script .= "ROLLBACK TO created;\n";
	foreach my $i (0 .. @steps)
	{
		$script .= $self->rows_script('step', $self->call($i == @steps, $i < @steps ? @{ $steps[$i] } : ()));
	}
	$script .= "ROLLBACK TO created;\n" . $self->late_script if $self->expected_late && !$self->has_events;
	return $script . "ROLLBACK;\n";
}

my $late_function = <<'SQL';
CREATE FUNCTION late_lines(job text, lines text[], streams text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	late text := '';
BEGIN
	FOR i IN 1 .. cardinality(lines)
	LOOP
		BEGIN
			PERFORM weir.try_job(job, ARRAY[lines[i]], ARRAY[streams[i]]);
		EXCEPTION WHEN OTHERS THEN
			late := late || ' ' || split_part(lines[i], E'\t', 1) || CASE WHEN SQLERRM LIKE '%late%' THEN '' ELSE ': ' || SQLERRM END;
		END;
	END LOOP;
	RETURN late;
END $$;
SQL

sub late_script
{
	my ($self) = @_;
	my @elements = map { @$_ } $self->steps;

	return join('', map { "ALTER FOREIGN TABLE $_ OPTIONS (ADD late 'stop');\n" } $self->streams) . $late_function
	  . "SELECT 'late', late_lines(" . join(', ', quote($self->name), array(map { $_->[1] } @elements), array(map { $_->[0] } @elements)) . ");\n";
}

# The answer to the script: once, rows; step, rows of each; late, numbers.
sub answer
{
	my ($self, $printed) = @_;
	my %answer = (step => []);

	foreach my $line (split /\n/, $printed)
	{
		my ($what, $said) = split /\|/, $line, 2;

		if ($what eq 'late') { $answer{late} = [ split ' ', $said ]; next; }
		my @rows = map { row_text($_) } @{ decode_json($said) };

		$answer{once} = \@rows if $what eq 'once';
		push @{ $answer{step} }, \@rows if $what eq 'step';
	}
	return \%answer;
}

1;
