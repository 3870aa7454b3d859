# Barriers that overtake the rows before them: output and state stay exact through
# crashes of a task and of the server, at another parallelism too, and what a barrier
# passed is kept with its checkpoint. Savepoints and the last checkpoint of a stop
# wait their turn, so nothing is on its way in them.  The sink task writes two
# outputs, whose rows are of different types.
use strict;
use warnings;

use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('unaligned');
my $data = Weir::Node::random_lines(6000, 41, 11);
my $sender = Weir::Sender->new($data, hold => 1);

# A sink in a task of its own that takes about a millisecond a row: a barrier meets rows before both.
$node->averaging_job(port => $sender->port,
	checkpointing => q{every => '50 ms', unaligned_after => '0', fail_on_errors => false},
	query => q{INSERT INTO averages SELECT a.* FROM readings r JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0);
		INSERT INTO copies SELECT f0::text, sum(f1) FROM readings GROUP BY f0::text, weir.count_window(1)},
	sink => q{CREATE TABLE averages (f0 bigint, average bigint);
		CREATE TABLE copies (f0 text, f1 numeric);
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $f$
		BEGIN
			PERFORM pg_sleep(0.001);
			RETURN new;
		END $f$;
		CREATE TRIGGER slow BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION slow();});
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms')});
$node->load_input($data);
like($node->sql(q{SELECT weir.explain_job('s3')}), qr/unaligned_after 0/, 'explain_job names it');
$node->sql(q{SELECT weir.start_job('s3')});
$node->tend($sender);
$sender->go(0) if $sender->held;
$sender->send_to(length $data);

# A checkpoint that is the newest and holds rows.
my $holds = q{SELECT count(*) > 0 FROM weir_internal.in_flight f WHERE checkpoint = (SELECT max(checkpoint) FROM weir_internal.completed)};
foreach my $round (1 .. 3)
{
	ok($node->wait_until($holds), "round $round: a checkpoint holds rows that its barrier passed");
	if ($round == 2)
	{
		$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE task = 'keyed 0'});
	}
	else
	{
		$node->kill9;
		$node->start;
	}
	ok($node->wait_status('running'), "round $round: the job goes on");
}
$node->sql(q{SELECT weir.create_savepoint('s3', 'whole')});
is($node->sql(q{SELECT count(*) FROM weir_internal.in_flight f JOIN weir_internal.completed c USING (job, checkpoint) WHERE savepoint IS NOT NULL}),
	'0', 'a savepoint holds none');

ok($node->wait_until($holds), 'a checkpoint holds rows before the rescale');
$node->kill9;
$node->append_conf('postgresql.conf', 'weir.autostart = off');
$node->start;
$node->sql(q{SELECT weir.alter_job('s3', parallelism => 3)});

# Rows have to go where they were going.
$node->sql(q{ALTER TABLE averages DISABLE TRIGGER slow; SELECT weir.set_restart_strategy('s3', 'none'); SELECT weir.start_job('s3')});
ok($node->wait_status('failed'), 'without its sink task the job fails');
like($node->sql(q{SELECT last_error FROM weir.jobs}), qr/holds rows on their way to a sink task/, 'and says why');
$node->sql('ALTER TABLE averages ENABLE TRIGGER slow');
my $detail = qr/DETAIL:  Checkpoint \d+ holds rows that its barrier overtook, which only the query and the state it was taken with/;
like($node->sql_error(q{SELECT weir.start_job('s3', fresh => true)}),
	qr/55000: job "s3" cannot begin with empty state: it has rows on their way\n.*$detail.*\n.*HINT:  Start the job, stop it with weir\.stop_job, start it with fresh => true then/, 'it does not begin with empty state');
foreach my $change (q{query => (SELECT query FROM weir.jobs)}, q{drop_state => true}, q{query => 'INSERT INTO averages SELECT f0, f1 FROM readings', drop_state => true})
{
	like($node->sql_error("SELECT weir.alter_job('s3', $change)"),
		qr/55000: job "s3" cannot be altered: it has rows on their way\n.*$detail.*\n.*HINT:  Start the job, stop it with weir\.stop_job, alter it then/, "nor is it altered: $change");
}
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms'); SELECT weir.start_job('s3')});
ok($node->wait_until(q{SELECT count(*) = 6 FROM weir.tasks WHERE kind = 'keyed'}), 'it goes on with three tasks of each keyed step');
$node->sql(q{CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RETURN new; END $f$});
$node->sql(q{SELECT weir.alter_job('s3', query => (SELECT query FROM weir.jobs), restart => true)});
$sender->finish;
ok($node->wait_status('finished'), 'it finishes');
$node->is_exact('all');
is($node->sql(q{SELECT count(*) FROM (SELECT f0::text, f1::numeric FROM input EXCEPT ALL TABLE copies) x}) . ' ' . $node->sql('SELECT count(*) FROM copies'),
	'0 6000', 'and so is the other output');
is($node->sql('SELECT count(*) FROM weir_internal.in_flight'), '0', 'nothing is left on its way');
$node->stop('fast');
done_testing();
