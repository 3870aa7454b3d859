# Every function of the API, found in the catalog, called on jobs of every shape and
# status, with ordinary and odd arguments, by its owner, a superuser and a stranger, in
# and outside of transaction blocks and subtransactions: the server lives, no error is
# an internal one, and no setting of the session has changed.  SEED=.. makes other calls.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $seed = $ENV{SEED} || 1;
srand($seed);
my $node = Weir::Node->create('every_call', 'log_error_verbosity = verbose', 'log_statement = none',
	'max_prepared_transactions = 100', 'max_worker_processes = 128');

# ---- senders: one holds its connections, the other one closes them ----

my $data = join('', map { "$_ $_\n" } 1 .. 6, 8 .. 20);
my %port;
my @children;

sub serve
{
	my ($listener, $text, $hold) = @_;
	my $select = IO::Select->new($listener);

	$SIG{PIPE} = 'IGNORE';
	while (my @ready = $select->can_read)
	{
		foreach my $socket (@ready)
		{
			if ($socket != $listener)
			{
				# whatever it says, until it leaves
				next if sysread($socket, my $buffer, 4096);
				$select->remove($socket);
				close $socket;
				next;
			}
			my $client = $listener->accept or next;
			syswrite($client, $text);
			$hold ? $select->add($client) : close $client;
		}
	}
	return;
}

foreach my $kind ([ holds => $data, 1 ], [ closes => $data, 0 ], [ bad => "${data}x y\n7 7\n", 1 ])
{
	my ($name, $text, $hold) = @$kind;
	my $listener = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or die "could not listen: $!";
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		delete @SIG{qw(TERM INT)};
		eval { serve($listener, $text, $hold) };
		POSIX::_exit(0);
	}
	push @children, $pid;
	$port{$name} = $listener->sockport;
}
END { local $?; kill 'KILL', @children if @children; }

# ---- jobs ----

$node->sql('CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN; CREATE ROLE mallory LOGIN');
$node->use_database('calls');
foreach my $name (sort keys %port)
{
	my $retries = $name eq 'closes' ? '0' : '-1';
	my $options = $name eq 'bad' ? ", on_error 'dead_letter'" : '';
	$node->sql("CREATE SERVER $name FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '$port{$name}', max_retries '$retries');
		CREATE FOREIGN TABLE $name (f0 bigint, f1 bigint) SERVER $name OPTIONS (delimiter ' '$options);
		CREATE FOREIGN TABLE poisoned_$name (f0 bigint, f1 bigint) SERVER $name OPTIONS (delimiter ' ');
		GRANT SELECT ON $name, poisoned_$name TO PUBLIC");
}
$node->sql(q{
	GRANT CREATE ON SCHEMA public TO bob, carol;
	GRANT USAGE ON FOREIGN SERVER weir_blackhole TO bob;
	SET SESSION AUTHORIZATION bob;
	CREATE FUNCTION meddle() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('my.var', 'theirs', false), set_config('search_path', 'theirs', false),
			set_config('application_name', 'theirs', false);
		RETURN 1;
	END $$;
	CREATE TYPE pair AS (a bigint, b text);
	CREATE TABLE rows (f0 bigint, f1 bigint);
	CREATE TABLE keyed (f0 bigint PRIMARY KEY, f1 bigint);
	CREATE FOREIGN TABLE nowhere (line text) SERVER weir_blackhole;
	CREATE FUNCTION f(x holds) RETURNS SETOF rows LANGUAGE sql AS $$
		SELECT weir.state_update('n', weir.state_value('n', NULL::bigint) + public.meddle()); SELECT x.f0, weir.state_value('n', NULL::bigint) $$;
	CREATE FUNCTION kinds(x holds) RETURNS SETOF rows LANGUAGE sql AS $$
		SELECT weir.state_update('n', ROW(x.f0, 'b')::public.pair), weir.list_add('l', x.f1), weir.map_put('m', x.f0, x.f1),
			weir.reducing_add('r', x.f1), weir.aggregating_add('a', x.f1);
		SELECT x.f0, weir.reducing_get('r', NULL::bigint) $$;
	CREATE FUNCTION raises(x poisoned_bad) RETURNS SETOF rows LANGUAGE plpgsql AS $$
		BEGIN IF x.f1 = 8 THEN RAISE EXCEPTION 'poison'; END IF; RETURN NEXT ROW(x.f0, x.f1)::public.rows; END $$;});

my $states = q{SELECT weir.create_value_state('f(holds)', 'n', 'bigint', default_value => '0'),
		weir.create_value_state('kinds(holds)', 'n', 'pair'), weir.create_list_state('kinds(holds)', 'l', 'bigint'),
		weir.create_map_state('kinds(holds)', 'm', 'bigint', 'bigint'),
		weir.create_reducing_state('kinds(holds)', 'r', 'bigint', 'int8pl(bigint,bigint)'),
		weir.create_aggregating_state('kinds(holds)', 'a', 'bigint', 'sum(bigint)')};
my %shape = (
	plain => 'INSERT INTO rows SELECT * FROM holds WHERE meddle() = 1',
	filter => 'INSERT INTO rows SELECT * FROM holds WHERE f0 < 0',
	keyed => 'INSERT INTO rows SELECT a.* FROM holds h JOIN LATERAL f(h) a ON weir.key_by(h.f0) WHERE meddle() = 1',
	kinds => 'INSERT INTO rows SELECT a.* FROM holds h JOIN LATERAL kinds(h) a ON weir.key_by(h.f0, h.f1 % 2)',
	window => 'INSERT INTO rows SELECT f0, count(*) FROM holds GROUP BY f0, weir.count_window(2)',
	upsert => 'INSERT INTO keyed SELECT f1 % 3, f1 FROM holds ON CONFLICT (f0) DO UPDATE SET f1 = excluded.f1',
	print => 'INSERT INTO weir.print SELECT f0::text FROM holds WHERE f0 < 3',
	blackhole => 'INSERT INTO nowhere SELECT f0::text FROM holds',
	letters => 'INSERT INTO rows SELECT 1 / (f0 - 7), f1 FROM bad');
my %special = (
	finished => 'INSERT INTO rows SELECT * FROM closes',
	failed => 'INSERT INTO rows SELECT a.* FROM poisoned_bad h JOIN LATERAL raises(h) a ON weir.key_by(1)',
	restarting => 'INSERT INTO rows SELECT 1 / (f0 - 3), f1 FROM poisoned_holds');
my @jobs = ((map { my $s = $_; map { "${s}_$_" } qw(created stopped running) } sort keys %shape), sort(keys %special), 'theirs');

# Makes all jobs, with the statuses they should have.
sub prepare
{
	my $sql = "SELECT weir.drop_job(name) FROM weir.jobs \\g /dev/null\nDELETE FROM weir_internal.state \\g /dev/null\n"
	  . "SET SESSION AUTHORIZATION bob;\n$states \\g /dev/null\n";
	foreach my $job (grep { $_ ne 'theirs' } @jobs)
	{
		my ($shape, $status) = split /_/, $job;
		my $query = $special{$job} || $shape{$shape};
		my $start = "SELECT weir.enable_checkpointing('$job', every => '1 s', mode => 'exactly_once'); "
		  . ($job eq 'restarting' ? "SELECT weir.set_restart_strategy('$job', 'fixed_delay', delay => '1 h'); " : '')
		  . "SELECT weir.start_job('$job')";

		$sql .= "SELECT weir.create_job('$job', \$q\$$query\$q\$, parallelism => 2) \\g /dev/null\n";
		next if ($status || '') eq 'created';
		$sql .= "$start \\g /dev/null\n";
	}
	$sql .= "SET SESSION AUTHORIZATION carol;\nSELECT weir.create_job('theirs', 'INSERT INTO weir.print SELECT f0::text FROM holds') \\g /dev/null\n";
	$node->psql('calls', $sql, on_error_stop => 0);
	ok($node->wait_until(q{SELECT bool_and(status = 'running' AND last_checkpoint > 0) FROM weir.jobs WHERE name ~ '_(running|stopped)$'}, 't', 40), 'jobs run');
	ok($node->wait_until(q{SELECT string_agg(status, ' ' ORDER BY name) FROM weir.jobs WHERE name IN ('failed', 'finished', 'restarting')},
		'failed finished restarting', 40), 'or have ended as they should');
	$node->psql('calls', join('', map { "SELECT weir.stop_job('$_');" } grep { /_stopped$/ } @jobs), on_error_stop => 0);
	return;
}

# ---- arguments ----

sub one_of { return $_[ int(rand(@_)) ]; }
sub quoted { my ($text) = @_; return 'NULL' unless defined $text; $text =~ s/'/''/g; return "'$text'"; }

my @names = (@jobs, @jobs, '', 'nosuch', 'x' x 64, 'x' x 2000, "it's", 'Straße', undef);
my @queries = (values %shape, values %shape, '', ';', 'SELECT 1', 'INSERT INTO rows VALUES (1)', 'INSERT INTO rows SELECT 1, 2',
	'INSERT INTO rows SELECT f0, f1 FROM closes', 'INSERT INTO weir_internal.job SELECT * FROM holds', 'INSERT INTO rows SELECT * FROM nosuch',
	'INSERT INTO rows SELECT h.f0, h.f1 FROM holds h, holds i', 'INSERT INTO rows SELECT f0, sum(f1) FROM holds GROUP BY f0',
	'INSERT INTO rows SELECT f0, weir.state_value($$n$$, NULL::bigint) FROM holds', 'INSERT INTO rows SELECT 1, 1 FROM holds; SELECT 1',
	'INSERT INTO rows SELECT a.* FROM holds h LEFT JOIN LATERAL f(h) a ON weir.key_by(h)', "INSERT INTO rows SELECT '", undef);
my @signatures = ('f(holds)', 'f(holds)', 'kinds(holds)', 'kinds(holds)', 'raises(poisoned_bad)', 'abs(bigint)', 'nosuch(int)', '', 'f', '-', 'f(', 'sum(bigint)', '1', undef);
my %text = (
	name => \@names, job => \@names, query => \@queries, function => \@signatures,
	status => [ qw(created running stopped failed finished sleeping), '', undef ],
	mode => [ qw(exactly_once at_least_once at_most_once twice), '', undef ],
	strategy => [ qw(none fixed_delay failure_rate exponential_delay never), '', undef ],
	savepoint => [ 'one', 'two', '', 'nosuch', 'x' x 200, undef ], from_savepoint => [ 'one', 'nosuch', '', undef ],
	state => [ qw(n l m r a nosuch), '', undef ], stream => [ 'holds', 'public.holds', 'nosuch', 'a.b.c.d', '', undef ],
	migrate => [ 'abs(bigint)', 'abs', 'nosuch', '', 'f(holds)', undef ],
	aggregate => [ 'sum(bigint)', 'avg(bigint)', 'array_agg(anynonarray)', 'count()', 'percentile_cont(float8)', 'abs(bigint)', '', undef ],
	reduce => [ 'int8pl(bigint,bigint)', 'abs(bigint)', 'nosuch(int)', '', undef ],
	max_state_memory => [ '1GB', '0', '-1', '64 kB', '1MB', '999999999999TB', 'x', '', undef ],
	ttl => [ '10 s', '-1 s', 'forever', '', undef ], default_value => [ '0', '(1,2)', 'x', '', undef ],
	update_type => [ qw(disabled on_create_and_write on_read_and_write never), '', undef ],
	visibility => [ qw(never_return_expired return_expired_if_not_cleaned_up always), '', undef ],
	statement => [ 'SELECT 1', q{SELECT weir.state_value('n', NULL::bigint)}, q{SELECT weir.list_add('l', 1::bigint)}, 'SELECT', '', 'COMMIT', 'x', undef ]);
my @types = ('bigint', 'bigint', 'pair', 'text', 'bigint[]', 'numeric(5,2)', 'record', 'anyelement', 'void', 'cstring', 'nosuch', 'point', 'holds', '', undef);
$text{$_} = \@types foreach qw(type key_type value_type);
my @any = ('NULL::bigint', '1::bigint', q{'x'::text}, q{'x'}, 'NULL', 'ROW(1,2)', q{ROW(1, 'b')::pair}, 'NULL::pair', 'ARRAY[1::bigint, NULL]', q{'{}'::text[]}, 'NULL::rows', 'now()', q{'[1,2)'::int4range});
my @state_names = qw(n l m r a nosuch);

# By the parameter's type, and for text by its name.
sub argument
{
	my ($name, $type) = @_;

	return quoted(one_of(@{ $text{$name} || [ 'one', '', undef, 'n', 'x' x 300 ] })) . '::text' if $type eq 'text';
	return one_of(qw(NULL true false)) . '::boolean' if $type eq 'boolean';
	return quoted(one_of(undef, -2147483648, -1, 0, 1, 1, 2, 3, 128, 32768, 2147483647)) . '::int' if $type eq 'integer';
	return quoted(one_of(undef, '-9223372036854775808', -1, 0, 1, 2, 3, 1000, '9223372036854775807')) . '::bigint' if $type eq 'bigint';
	return quoted(one_of(undef, '-1 s', '0', '1 us', '1 ms', '1 s', '10 s', '1 mon', '1 day', '178000000 years', '-178000000 years', '100000 years')) . '::interval' if $type eq 'interval';
	return quoted(one_of(undef, 'NaN', 'infinity', '-infinity', -1, 0, 0.1, 1, 2, 1e308)) . '::float8' if $type eq 'double precision';
	return quoted(one_of(undef, 'infinity', '-infinity', '4714-11-24 00:00:00+00 BC', '2024-01-01', '294276-12-31')) . '::timestamptz' if $type =~ /^timestamp with/;
	return quoted(one_of(undef, '{}', '{"1 1"}', '{"1 1","2 2","1 3"}', '{NULL}', '{x,y}', '{"7 7"}', '{""}')) . '::text[]' if $type eq 'text[]';
	return quoted(one_of(undef, '10 s', '0', '-1 s,disabled', '1 h,on_read_and_write,return_expired_if_not_cleaned_up', '1 mon', 'x')) . '::weir.ttl' if $type eq 'weir.ttl';
	return quoted(one_of(undef, '', '\x', '\x00', '\xdeadbeef', '\x' . '00' x 200)) . '::bytea' if $type eq 'bytea';
	return quoted(one_of(undef, '0', '1', '16384', '4294967295')) . '::oid' if $type eq 'oid';
	return quoted(one_of(undef, '', '10 s', 'x', 'bob', 'nosuch')) . '::cstring' if $type eq 'cstring';
	return quoted(one_of(undef, 'bob', 'nosuch', '')) . '::weir_internal.role' if $type eq 'weir_internal.role';
	return one_of(@any) if $type =~ /^"?any/;
	return "NULL::$type";
}

my @functions = map { my ($oid, $name, $set, $required, $variadic, $names, $types) = split /\|/, $_, -1;
	{ name => $name, set => $set eq 't', required => $required, variadic => $variadic eq 't', names => [ split /,/, $names, -1 ], types => [ split /;/, $types, -1 ] } }
  split /\n/, $node->sql(q{
	SELECT p.oid, quote_ident(n.nspname) || '.' || quote_ident(p.proname), p.proretset, p.pronargs - p.pronargdefaults, p.provariadic <> 0,
		(SELECT string_agg(coalesce(p.proargnames[i], ''), ',' ORDER BY i) FROM generate_series(1, p.pronargs) i),
		(SELECT string_agg(format_type(t, NULL), ';' ORDER BY i) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a(t, i))
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE n.nspname IN ('weir', 'weir_internal') AND p.prokind = 'f'
		AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'fdw_handler'::regtype)
	ORDER BY 2, 1});
my %called = map { $_->{name} => 0 } @functions;
cmp_ok(scalar(keys %called), '>', 40, 'there is an API');

# A call; job: the value of its parameter "job", or "name" of a function on jobs.
sub call
{
	my ($function, $job) = @_;
	my (@arguments, $on_state);

	foreach my $i (0 .. $#{ $function->{types} })
	{
		my ($name, $type) = ($function->{names}[$i] // '', $function->{types}[$i]);
		my $value = $i == 0 && defined $job ? quoted($job) . '::text'
		  : $name eq 'name' && $function->{name} =~ /state|list|map|reducing|aggregating/ && $type eq 'text' ? quoted(one_of(@state_names, '', undef)) . '::text'
		  : argument($name, $type);

		if ($function->{variadic} && $i == $#{ $function->{types} })
		{
			push @arguments, map { one_of(@any) } 0 .. int(rand(3));
			next;
		}
		next if $i >= $function->{required} && (rand() < 0.6 || $name eq '');
		push @arguments, $i >= $function->{required} ? "$name => $value" : $value;
	}
	my $text = $function->{name} . '(' . join(', ', @arguments) . ')';
	return $function->{set} && rand() < 0.7 && $function->{name} ne 'weir.try_job' ? "SELECT * FROM $text" : "SELECT $text";
}

my $check = q{SELECT 'LEAK ' || concat_ws(' ', current_setting('my.var'), current_setting('search_path'), current_setting('application_name'))
	WHERE (current_setting('my.var'), current_setting('search_path'), current_setting('application_name')) IS DISTINCT FROM ('mine', 'public, weir', 'mine');};

# The same call in one of the ways in which a session can make it.
sub in_a_way
{
	my ($call, $way) = @_;
	my $nested = $call =~ s/'/''/gr;

	return "$call;\n$check\n" if $way == 0;
	return "BEGIN;\n$call;\n$check\nROLLBACK;\n$check\n" if $way == 1;
	return "BEGIN;\nSAVEPOINT s;\n$call;\n$check\nROLLBACK TO s;\n$call;\nRELEASE s;\n$check\nROLLBACK;\n$check\n" if $way == 2;
	return "DO 'BEGIN EXECUTE ''" . ($nested =~ s/'/''/gr) . "''; EXCEPTION WHEN OTHERS THEN RAISE INFO ''%: %'', SQLSTATE, SQLERRM; END';\n$check\n" if $way == 3;
	return "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;\n$call;\nROLLBACK;\n$check\n" if $way == 4;
	return "BEGIN;\nCREATE TEMP TABLE written ON COMMIT DROP AS SELECT 1;\n$call;\nROLLBACK;\n$check\n";
}

# ---- the calls ----

my $ncalls = 0;

sub on_jobs { my ($f) = @_; return ($f->{names}[0] // '') eq 'job' || $f->{name} =~ /^weir\.\w+_job$/ && ($f->{names}[0] // '') eq 'name'; }

sub calls_of
{
	my ($role) = @_;
	my $script = "\\set VERBOSITY verbose\nSET SESSION AUTHORIZATION $role;\nSET statement_timeout = '400ms';\n"
	  . "SET my.var = 'mine'; SET search_path = public, weir; SET application_name = 'mine';\n";
	my @calls;

	foreach my $function (@functions)
	{
		next if $role ne 'postgres' && $function->{name} =~ /^weir_internal/ && rand() < 0.8;
		my @on = on_jobs($function) ? grep({ $role eq 'bob' || rand() < 0.3 } @jobs) : map { undef } 1 .. ($role eq 'bob' ? 6 : 3);
		push @calls, [ $function->{name}, in_a_way(call($function, $_), one_of(0, 1, 1, 2, 3, 4, 5)) ] foreach @on;
	}
	foreach my $call (sort { $a->[0] <=> $b->[0] } map { [ rand(), @$_ ] } @calls)
	{
		$script .= "\\echo CALL @{[++$ncalls]}\n$call->[2]";
		$called{ $call->[1] }++;
	}
	return $script;
}

# Whose line of the output is it?
sub check_calls
{
	my ($role) = @_;
	my $script = calls_of($role);
	my $started = $node->sql('SELECT pg_postmaster_start_time(), (SELECT min(backend_start) FROM pg_stat_activity WHERE backend_type = $$checkpointer$$)');
	my ($status, $out, $err) = $node->psql('calls', $script, on_error_stop => 0, on_error_die => 0);
	my @internal = grep { /(?:ERROR|FATAL|PANIC|INFO):\s+XX/ } split /\n/, $err;

	is($status, 0, "$role: psql came to its end");
	is(join("\n", grep { /^LEAK/ } split /\n/, $out), '', "$role: no setting leaked");
	is(join("\n", @internal), '', "$role: no internal error");
	is($node->sql('SELECT pg_postmaster_start_time(), (SELECT min(backend_start) FROM pg_stat_activity WHERE backend_type = $$checkpointer$$)'), $started, "$role: the server lived");
	if (!Test::More->builder->is_passing)
	{
		append_to_file("${PostgreSQL::Test::Utils::log_path}/calls_$role.sql", $script);
		append_to_file("${PostgreSQL::Test::Utils::log_path}/calls_$role.out", "$out\n$err");
	}
	return;
}

foreach my $role (qw(bob mallory postgres))
{
	prepare();
	check_calls($role);
}
prepare();
cmp_ok($ncalls, '>=', 500, "$ncalls calls, seed $seed");
is(join(' ', grep { !$called{$_} } sort keys %called), '', 'no function was forgotten');
$node->sql(q{SELECT weir.drop_job(name) FROM weir.jobs});
ok($node->wait_until('SELECT count(*) = 0 FROM pg_prepared_xacts'), 'nothing stays prepared');
my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|PANIC:|TRAP:/, 'no process crashed');
is(join("\n", grep { /(?:ERROR|FATAL|LOG|WARNING):\s+XX/ && !/CONTEXT/ } split /\n/, $log), '', 'and none had an internal error');
$node->stop;
done_testing();
