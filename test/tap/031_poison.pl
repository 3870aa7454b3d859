# on_error 'stop': the same record in two attempts running, over whatever
# happens between them; and errors that are never a record's, under either
# on_error.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('poison');
my @classes = qw(08006 40001 53200 55006 57014 58030 3F000 42501 42P01 42883 XX001);

# A function that raises what the table says for a record of value 13, in an
# attempt of its own each time.
sub begin
{
	my ($name, $strategy, $on_error) = @_;
	my $sender = Weir::Sender->new("1 1\n1 13\n1 3\n");

	$node->use_database($name);
	$node->sql('CREATE TABLE raises (code text)');
	$node->averaging_job(port => $sender->port, job => 'parallelism => 1');
	$node->sql(qq{
		ALTER FOREIGN TABLE readings OPTIONS (ADD on_error '$on_error');
		CREATE OR REPLACE FUNCTION count_window_average(r readings) RETURNS TABLE (f0 bigint, average bigint)
		LANGUAGE plpgsql AS \$\$
		DECLARE
			code text := (SELECT raises.code FROM public.raises);
		BEGIN
			IF r.f1 = 13 AND code IS NOT NULL THEN
				RAISE 'no 13 here' USING ERRCODE = code;
			END IF;
			RETURN QUERY SELECT r.f0, r.f1;
		END \$\$;
		SELECT weir.set_restart_strategy('s3', $strategy)});
	$sender->send_to(11);
	return $sender;
}

# At once: between two codes there is no moment in which the record goes through.
sub raises
{
	my ($code) = @_;

	$node->sql("BEGIN; DELETE FROM raises; INSERT INTO raises SELECT '$code' WHERE '$code' <> ''; COMMIT");
	return;
}

# A restart of the server between the two attempts.
my $sender = begin('over_restart', q{'fixed_delay', attempts => -1, delay => '1 h'}, 'stop');
raises('22003');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('restarting'), 'the first attempt has failed');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/^task keyed 0, line 2: no 13 here/, 'by task and line');
$node->kill9;
$node->start;
ok($node->wait_status('failed'), 'the second attempt, after a crash of the server, is the last');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/two attempts running.*on_error to 'dead_letter'/s, 'and says what to do');
is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'nothing is left prepared');

# start_job begins anew.
raises('22003');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('restarting'), 'after start_job the first failure is a first one');
raises('');
$node->restart('fast');
ok($node->wait_status('running'), 'once the cause is gone it runs');
$sender->finish;
ok($node->wait_status('finished'), 'to its end');
is($node->sql('SELECT count(*) FROM averages'), '3', 'with every record');

# The coordinator dies between them.
$sender = begin('over_coordinator', q{'fixed_delay', attempts => -1, delay => '1 h'}, 'stop');
raises('22003');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('restarting'), 'the first attempt has failed');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 's3 coordinator'});
ok($node->wait_status('failed'), 'the second, of another coordinator, is the last');

# Whatever the classes of the environment say of the record, it goes on, and
# goes through when the cause is gone.
foreach my $on_error ('stop', 'dead_letter')
{
	$sender = begin("environment_$on_error", q{'fixed_delay', attempts => -1, delay => '10 ms'}, $on_error);
	raises($classes[0]);
	$node->sql(q{SELECT weir.start_job('s3')});
	foreach my $code (@classes)
	{
		raises($code);
		my $attempt = $node->sql('SELECT attempt FROM weir.jobs');
		ok($node->wait_until("SELECT attempt > $attempt + 3 FROM weir.jobs"), "$on_error: $code restarts the job, again and again");
	}
	raises('');
	ok($node->wait_until('SELECT count(*) = 2 FROM averages'), "$on_error: the record goes through when the cause is gone");
	is($node->sql('SELECT count(*) FROM weir.dead_letters'), '0', "$on_error: it never was a dead letter");
	$sender->finish;
	ok($node->wait_status('finished'), "$on_error: finished");
	is($node->sql('SELECT count(*) FROM averages'), '3', "$on_error: with every record");
}

# An error of the environment between two of the record counts neither way.
$sender = begin('between', q{'fixed_delay', attempts => -1, delay => '1 s'}, 'stop');
raises('22003');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('restarting'), 'a record fails');
raises('55006');
ok($node->wait_until(q{SELECT last_error ~ 'no 13' AND attempt >= 3 FROM weir.jobs}), 'then the environment');
raises('22003');
ok($node->wait_status('failed'), 'then the record again: that were two running');

# An internal error is a record's that the next attempt meets again: then it is put
# aside, and there may be several in an epoch.
$sender = begin('internal_stop', q{'fixed_delay', attempts => -1, delay => '10 ms'}, 'stop');
raises('XX000');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('failed'), 'an internal error twice running at a record');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/^task keyed 0, line 2: no 13 here.*two attempts running/s, 'with the record');

foreach my $where ('function', 'scan', 'sink')
{
	my $records = join('', map { "1 $_\n" } 1, 13, 3, 13, 13, 6);
	my %query = (
		function => 'SELECT a.* FROM readings r JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)',
		scan => 'SELECT r.f0, r.f1 FROM readings r WHERE odd(r.f1) IS NOT NULL',
		sink => 'SELECT r.f0, odd(r.f1) FROM readings r');

	$sender = Weir::Sender->new($records);
	$node->use_database("internal_$where");
	$node->averaging_job(port => $sender->port, job => 'parallelism => 1', checkpointing => q{every => '1 h'});
	$node->sql(qq{
		ALTER FOREIGN TABLE readings OPTIONS (ADD on_error 'dead_letter');
		CREATE FUNCTION odd(v bigint) RETURNS bigint LANGUAGE plpgsql AS \$\$
		BEGIN
			IF v = 13 THEN RAISE 'no 13 here' USING ERRCODE = 'XX000'; END IF;
			RETURN v;
		END \$\$;
		CREATE OR REPLACE FUNCTION count_window_average(r readings) RETURNS TABLE (f0 bigint, average bigint)
		LANGUAGE sql AS 'SELECT r.f0, odd(r.f1)';
		SELECT weir.alter_job('s3', query => 'INSERT INTO averages $query{$where}', drop_state => true);
		SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms');
		SELECT weir.start_job('s3')});
	$sender->finish;
	ok($node->wait_status('finished'), "$where: the job goes on");
	is($node->sql(q{SELECT string_agg(average::text, ' ' ORDER BY average) FROM averages}), '1 3 6', "$where: without the records at fault");
	is($node->sql(q{SELECT string_agg(concat_ws(' ', line_number, sqlstate, error), ', ' ORDER BY line_number) FROM weir.dead_letters}),
		'2 XX000 no 13 here, 4 XX000 no 13 here, 5 XX000 no 13 here', "$where: which are dead letters");
	is($node->sql('SELECT restarts FROM weir.jobs'), '3', "$where: after an attempt each");
}

done_testing();
