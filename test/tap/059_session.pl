# The settings of a session that compiles or runs a job's code: those of create_job,
# whatever ALTER ROLE and ALTER DATABASE say later; and nobody keeps what another's
# code has set.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('session');
my @senders;

# A server with a stream of text lines.
sub stream
{
	my ($name, $data) = @_;
	push @senders, my $sender = Weir::Sender->new($data);
	$node->sql("CREATE SERVER $name FOREIGN DATA WRAPPER weir_socket
			OPTIONS (host '127.0.0.1', port '" . $sender->port . q{', max_retries '-1', retry_delay '100 ms');
		CREATE FOREIGN TABLE } . "$name (v text) SERVER $name");
	return $sender;
}

# ---- what create_job keeps ----

# A setting, and an expression that comes out differently by it.
my @kept = (
	[ DateStyle => 'ISO, DMY', q{'13/01/2024'::date} ],
	[ TimeZone => 'Asia/Tokyo', q{'2024-01-13 00:00'::timestamptz = '2024-01-12 15:00 UTC'} ],
	[ IntervalStyle => 'iso_8601', q{'36 hours'::interval::text} ],
	[ search_path => 'elsewhere, public', q{whereabouts()} ],
	[ array_nulls => 'off', q{('{NULL}'::text[])[1] IS NULL} ],
	[ bytea_output => 'escape', q{'\x41'::bytea::text} ],
	[ default_text_search_config => 'pg_catalog.german', q{to_tsvector('die Häuser')::text} ],
	[ extra_float_digits => '-3', q{(1::float8 / 3)::text} ],
	[ standard_conforming_strings => 'off', q{'a\\\\b'} ],
	[ timezone_abbreviations => 'Australia', q{'2024-06-01 00:00 EST'::timestamptz = '2024-06-01 00:00 +10'} ],
	[ transform_null_equals => 'on', q{(v = NULL) IS NULL} ],
	[ xmlbinary => 'hex', q{xmlforest('\x41ff'::bytea AS x)::text} ],
	[ xmloption => 'document', q{xml_is_well_formed('no document')} ]);

sub keeps_settings
{
	my $sender;

	$node->use_database('kept');
	$node->sql(q{CREATE SCHEMA elsewhere;
		CREATE FUNCTION public.whereabouts() RETURNS text IMMUTABLE LANGUAGE sql RETURN 'here';
		CREATE FUNCTION elsewhere.whereabouts() RETURNS text IMMUTABLE LANGUAGE sql RETURN 'elsewhere';
		CREATE TABLE results (name text, value text)});
	$sender = stream('lines', "x\n");
	foreach my $setting (@kept)
	{
		my ($name, $value, $expression) = @$setting;
		my $query = "INSERT INTO public.results SELECT '$name', ($expression)::text FROM public.lines";
		my $job = lc $name;
		my $set = $name eq 'search_path' ? "SET search_path = $value" : "SET $name = '$value'";

		# a server may know one value only
		next if $node->psql('kept', $set) != 0;
		my $expected = $node->sql("$set; SELECT ($expression)::text FROM (VALUES ('x')) x(v)");
		my $usual = ($node->psql('kept', "SELECT ($expression)::text FROM (VALUES ('x')) x(v)"))[1];

		isnt($usual, $expected, "$name matters");
		$node->sql("$set; SELECT weir.create_job('$job', \$q\$$query\$q\$)");
		is($node->sql("SELECT settings->>'$name' FROM weir.jobs WHERE name = '$job'"), $value, "$name is kept");
		is($node->sql("BEGIN; SELECT value FROM weir.try_job('$job', ARRAY['x'], NULL::results); ROLLBACK"), $expected, "$name and weir.try_job");
		is($node->sql_error("SELECT weir.explain_job('$job')"), '', "$name and weir.explain_job");
		is($node->sql_error("SELECT weir.enable_checkpointing('$job', every => '50 ms'), weir.start_job('$job')"), '', "$name and weir.start_job");
		$sender->send_to(2);
		ok($node->wait_until("SELECT count(*) = 1 FROM results WHERE name = '$name'"), "$name: the row came");
		is($node->sql("SELECT value FROM results WHERE name = '$name'"), $expected, "$name and the tasks");
		$node->sql("SELECT weir.drop_job('$job'); DROP FOREIGN TABLE lines; DROP SERVER lines");
		$sender = stream('lines', "x\n");
	}
	return;
}

# ---- what ALTER ROLE and ALTER DATABASE do not change ----

my %unwelcome = (
	role => 'grp', array_nulls => 'off', backslash_quote => 'off', bytea_output => 'escape',
	check_function_bodies => 'off', client_encoding => 'LATIN1', DateStyle => 'German',
	debug_print_plan => 'off', default_table_access_method => 'nowhere', default_tablespace => 'nowhere',
	default_text_search_config => 'pg_catalog.german', default_transaction_deferrable => 'on',
	default_transaction_isolation => 'serializable', default_transaction_read_only => 'on',
	enable_hashjoin => 'off', enable_memoize => 'on', enable_nestloop => 'off', enable_seqscan => 'off',
	enable_sort => 'off', exit_on_error => 'on', escape_string_warning => 'on', extra_float_digits => '-3',
	force_parallel_mode => 'regress', idle_in_transaction_session_timeout => '1ms',
	idle_session_timeout => '1ms', IntervalStyle => 'sql_standard', jit => 'on', jit_above_cost => '0',
	lock_timeout => '1ms', max_parallel_workers_per_gather => '4', plan_cache_mode => 'force_generic_plan',
	quote_all_identifiers => 'on', row_security => 'off', search_path => 'nowhere',
	session_replication_role => 'replica', standard_conforming_strings => 'off',
	statement_timeout => '1ms', synchronous_commit => 'off', temp_tablespaces => 'nowhere',
	TimeZone => 'Asia/Tokyo', transform_null_equals => 'on', work_mem => '64kB', xmlbinary => 'hex',
	xmloption => 'document');

my $seen = join(', ', map { "'$_', current_setting('$_')" } qw(role quote_all_identifiers
	session_replication_role statement_timeout lock_timeout default_transaction_isolation
	default_transaction_read_only exit_on_error client_encoding search_path TimeZone DateStyle bytea_output
	row_security standard_conforming_strings jit enable_memoize synchronous_commit));

sub expected_settings
{
	my ($lock_wait) = @_;
	return '{"jit": "off", "role": "none", "TimeZone": "Europe/Berlin", "DateStyle": "ISO, MDY", "search_path": "public", '
	  . '"bytea_output": "hex", "lock_timeout": "' . $lock_wait . '", "row_security": "on", "exit_on_error": "off", "enable_memoize": "off", '
	  . '"client_encoding": "UTF8", "statement_timeout": "0", "synchronous_commit": "on", "quote_all_identifiers": "off", '
	  . '"session_replication_role": "origin", "standard_conforming_strings": "on", "default_transaction_isolation": "read committed", '
	  . '"default_transaction_read_only": "off"}';
}

sub is_not_misled
{
	my ($database, $alter) = @_;
	my $sender;

	$node->use_database($database);
	$sender = stream('lines', "Ä\nx\ny\nz\n");
	$node->sql(qq{
		GRANT CREATE ON SCHEMA public TO bob; GRANT SELECT ON lines TO bob;
		SET SESSION AUTHORIZATION bob;
		SET TimeZone = 'Europe/Berlin';
		SET search_path = public;
		CREATE FUNCTION counts(l lines) RETURNS TABLE (v text, n bigint, seen jsonb) LANGUAGE plpgsql AS \$\$
		BEGIN
			PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + 1);
			RETURN QUERY SELECT l.v, weir.state_value('n', NULL::bigint), jsonb_build_object($seen);
		END \$\$;
		SELECT weir.create_value_state('counts(lines)', 'n', 'bigint', default_value => '0');
		CREATE TABLE results (v text, n bigint, seen jsonb);
		SELECT weir.create_job('s3', 'INSERT INTO results SELECT a.* FROM lines l JOIN LATERAL counts(l) a ON weir.key_by(1)');
		SELECT weir.enable_checkpointing('s3', every => '50 ms')});
	foreach my $name (sort keys %unwelcome)
	{
		$node->psql('postgres', "$alter SET $name = '$unwelcome{$name}'") == 0 or diag("$name is not known here");
	}
	# what a session asks for itself stands above these
	local $ENV{PGOPTIONS} = '-c role=none -c statement_timeout=0 -c default_transaction_read_only=off -c search_path=public'
	  . ' -c default_transaction_isolation=read\\ committed -c lock_timeout=0 -c default_transaction_deferrable=off'
	  . ' -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 -c standard_conforming_strings=on -c client_encoding=UTF8';
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(5);
	ok($node->wait_until(q{SELECT count(*) = 2 FROM results}), "$alter: the job runs");
	is($node->sql(q{SELECT v FROM results WHERE n = 1}), 'Ä', "$alter: a stream's text is in the database's encoding");
	is($node->sql(q{SELECT DISTINCT seen FROM results}), expected_settings('5s'), "$alter: by settings of its own");
	$node->restart;
	$node->tend($sender);
	$sender->send_to(7);
	ok($node->wait_until(q{SELECT count(*) = 3 FROM results}), "$alter: and again with the server");
	is($node->sql(q{SELECT max(n) FROM results}), '3', "$alter: its state is found");
	is($node->sql(q{SELECT count(*) FROM weir.state('s3')}), '1', "$alter: and shown");
	is($node->sql(q{SELECT weir.try_job('s3', ARRAY['t']) IS NOT NULL}), 't', "$alter: the query can be tried");
	$node->sql(q{SELECT weir.stop_job('s3'); SELECT weir.drop_job('s3')});
	$node->psql('postgres', "$alter RESET ALL");
	is($node->sql(q{SELECT count(*) FROM pg_prepared_xacts}), '0', "$alter: nothing stays prepared");
	return;
}

$node->sql(q{CREATE ROLE bob LOGIN; CREATE ROLE grp; GRANT grp TO bob});
keeps_settings();
is_not_misled('of_role', 'ALTER ROLE bob');
is_not_misled('of_database', 'ALTER DATABASE of_database');

# ---- names are stored as they are, whatever the session quotes ----

$node->use_database('quoted');
stream('lines', "x\n");
$node->sql(q{SET quote_all_identifiers = on;
	CREATE TYPE pair AS (a int, b int);
	CREATE FUNCTION f(l lines) RETURNS SETOF text LANGUAGE sql RETURN weir.state_value('n', NULL::pair)::text;
	SELECT weir.create_value_state('f(lines)', 'n', 'pair', default_value => '(1,2)'),
		weir.create_aggregating_state('f(lines)', 'sum', 'int', 'sum(int)')});
is($node->sql(q{SELECT string_agg(concat_ws(' ', function, type, calls), ', ' ORDER BY name) FROM weir_internal.state}),
	'public.f(public.lines) public.pair, public.f(public.lines) integer pg_catalog.sum', 'signatures are quoted only where they must be');
$node->sql(q{SELECT weir.create_job('q', 'INSERT INTO weir.print SELECT a FROM lines l JOIN LATERAL f(l) a ON weir.key_by(l.v)')});
is($node->sql(q{SELECT weir.try_job('q', ARRAY['x'])}), '("(1,2)")', 'and the function finds its state');
$node->sql(q{SET quote_all_identifiers = on; SELECT weir.alter_state('f(lines)', 'n', default_value => '(3,4)'); SELECT weir.drop_state('f(lines)', 'sum')});
is($node->sql(q{SET quote_all_identifiers = on; SELECT weir.try_job('q', ARRAY['x'])}), '("(3,4)")', 'in a session that quotes everything, too');
$node->sql(q{SET quote_all_identifiers = on; SELECT weir.drop_job('q'); DROP FUNCTION f(lines)});
is($node->sql(q{SELECT count(*) FROM weir_internal.state}), '0', 'what is declared goes with its function');

# ---- what another's code sets does not stay ----

$node->use_database('meddled');
my $meddled = stream('lines', "x\n");
$node->sql(q{
	GRANT CREATE ON SCHEMA public TO bob; GRANT SELECT ON lines TO bob;
	SET SESSION AUTHORIZATION bob;
	CREATE FUNCTION meddle() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('application_name', 'meddled', false), set_config('search_path', 'meddled', false),
			set_config('my.var', 'meddled', false), set_config('xmloption', 'document', false);
		RETURN 1;
	END $$;
	CREATE DOMAIN number AS bigint CHECK (VALUE = public.meddle() OR VALUE <> public.meddle());
	CREATE FUNCTION plus(a number, b number) RETURNS number IMMUTABLE LANGUAGE sql RETURN a + b + 0 * public.meddle();
	CREATE FUNCTION f(l lines) RETURNS SETOF text LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM public.meddle(), weir.state_update('n', (weir.state_value('n', NULL::public.number) + 1)::public.number);
		PERFORM weir.reducing_add('sum', 1::public.number), weir.list_add('all', 1::public.number), weir.state_update('plain', 1::bigint);
		RETURN NEXT l.v || weir.state_value('n', NULL::public.number);
	END $$;
	SELECT weir.create_value_state('f(lines)', 'n', 'number', default_value => '0'),
		weir.create_reducing_state('f(lines)', 'sum', 'number', 'plus(number,number)'),
		weir.create_list_state('f(lines)', 'all', 'number'), weir.create_value_state('f(lines)', 'plain', 'bigint', default_value => '0');
	CREATE TABLE results (v text);
	SELECT weir.create_job('theirs', 'INSERT INTO results SELECT a FROM lines l JOIN LATERAL f(l) a ON weir.key_by(l.v)
		WHERE meddle() = 1'), weir.enable_checkpointing('theirs', every => '50 ms');
	CREATE FUNCTION g(l lines) RETURNS SETOF text LANGUAGE sql RETURN 'g'});

# The settings after a call, in its transaction and behind it.
sub stays
{
	my ($call, $end) = @_;
	my $show = q{SELECT concat_ws(' ', current_setting('application_name'), current_setting('search_path'),
		current_setting('my.var', true), current_setting('xmloption'))};
	my $out = $node->sql("SET application_name = 'mine'; SET search_path = public; SET my.var = 'mine';
		BEGIN; $call; $show; SAVEPOINT s; $show; " . ($end // 'ROLLBACK') . "; $show");
	my @last = (split /\n/, $out)[-3 .. -1];
	foreach my $found (@last)
	{
		return is($found, 'mine public mine content', $call) if $found ne 'mine public mine content';
	}
	return pass($call);
}

stays($_) foreach (
	q{SELECT weir.create_job('mine', 'INSERT INTO results SELECT v FROM lines WHERE meddle() = 1')},
	q{SELECT weir_internal.describe_query('INSERT INTO results SELECT v FROM lines WHERE meddle() = 1', true)},
	q{SELECT weir.explain_job('theirs')},
	q{SELECT weir.enable_checkpointing('theirs', mode => 'at_least_once')},
	q{SELECT weir.disable_checkpointing('theirs')},
	q{SELECT weir.set_restart_strategy('theirs', 'none')},
	q{SELECT weir.try_job('theirs', ARRAY['x'])},
	q{SELECT weir.alter_job('theirs', query => 'INSERT INTO results SELECT a FROM lines l JOIN LATERAL g(l) a ON weir.key_by(l.v) WHERE meddle() = 1')},
	q{SELECT weir.start_job('theirs')},
	q{SELECT weir.create_value_state('g(lines)', 'n', 'number', default_value => '0')},
	q{SELECT weir.create_list_state('g(lines)', 'n', 'number')},
	q{SELECT weir.create_map_state('g(lines)', 'n', 'number', 'number')},
	q{SELECT weir.create_reducing_state('g(lines)', 'n', 'number', 'plus(number,number)')},
	q{SELECT weir.create_aggregating_state('g(lines)', 'n', 'bigint', 'sum(bigint)')},
	q{SELECT weir.alter_state('f(lines)', 'n', default_value => '7')},
	q{SELECT weir.drop_state('f(lines)', 'n')},
	q{SELECT weir_internal.with_state('f(lines)', 'x'::text, now(), 'SELECT weir.state_value($$plain$$, NULL::bigint)')},
	q{SELECT weir.drop_job('theirs')});
$node->sql(q{SELECT weir.start_job('theirs')});
$meddled->send_to(2);
ok($node->wait_until('SELECT count(*) = 1 FROM results'), 'the meddler runs');
stays($_) foreach (
	q{SELECT * FROM weir.state('theirs')},
	q{SELECT * FROM weir.state('theirs', 'plain', NULL::text, NULL::bigint)},
	q{SELECT weir.try_job('theirs', ARRAY['x'])});
stays(q{SELECT weir.create_savepoint('theirs', 'one')});
stays(q{SELECT * FROM weir.state('theirs', savepoint => 'one')});
stays(q{SELECT weir.alter_job('theirs', query => 'INSERT INTO results SELECT a || $$!$$ FROM lines l JOIN LATERAL f(l) a ON weir.key_by(l.v) WHERE meddle() = 1', restart => true)}, 'COMMIT');
ok($node->wait_status('running', 'theirs'), 'and goes on');
$node->sql(q{SELECT weir.stop_job('theirs')});
stays(q{SELECT weir.start_job('theirs', from_savepoint => 'one')});

$node->stop;
done_testing();
