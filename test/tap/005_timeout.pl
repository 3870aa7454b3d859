# A timeout shorter than a slow sink needs: checkpoints fail, the job goes on,
# and no row is lost when one completes at last.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $data = Weir::Node::random_lines(400, 5, 3);
my $sender = Weir::Sender->new($data);
my $node = Weir::Node->create('timeout');

$node->load_input($data);
$node->averaging_job(port => $sender->port, job => 'parallelism => 2',
	sink => 'CREATE TABLE averages (f0 bigint, average bigint);
		CREATE TABLE pace (seconds float8);
		INSERT INTO pace VALUES (0.5);
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN PERFORM pg_sleep(seconds) FROM pace; RETURN NEW; END $$;
		CREATE TRIGGER slow BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION slow();',
	checkpointing => q{every => '50 ms', timeout => '200 ms', fail_on_errors => false, history => 3});
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);

ok($node->wait_until(q{SELECT count(*) >= 3 FROM weir.checkpoints WHERE status = 'failed'}), 'checkpoints fail');
is($node->sql(q{SELECT status, restarts FROM weir.jobs}), 'running|0', 'the job goes on');
like($node->sql(q{SELECT failure FROM weir.checkpoints WHERE status = 'failed' ORDER BY 1 LIMIT 1}),
	qr/timed? ?out|expired/i, 'the failure says why');
ok($node->wait_until(q{SELECT max(checkpoint_id) >= 6 FROM weir.checkpoints}), 'more of them');
cmp_ok($node->sql(q{SELECT count(*) FROM weir.checkpoints WHERE status = 'failed'}), '<=', 3, 'history bounds them, though none completes');
$node->sql('UPDATE pace SET seconds = 0');
ok($node->wait_until(q{SELECT count(*) > 0 FROM weir.checkpoints WHERE status = 'completed'}), 'one completes at last');
$sender->finish;
ok($node->wait_status('finished'), 'the job finishes');
$node->is_exact('timeout');
is($node->sql(q{SELECT restarts FROM weir.jobs}), '0', 'without a restart');

# The same with no failure tolerated: the first one fails the job's attempt.
my $again = Weir::Sender->new($data);
$node->use_database('intolerant');
$node->averaging_job(port => $again->port,
	sink => 'CREATE TABLE averages (f0 bigint, average bigint);
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;
		CREATE TRIGGER slow BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION slow();',
	checkpointing => q{every => '50 ms', timeout => '200 ms'});
$node->sql(q{SELECT weir.start_job('s3')});
$again->send_to(length $data);
ok($node->wait_until(q{SELECT restarts > 0 AND last_error IS NOT NULL FROM weir.jobs}), 'fail_on_errors restarts the job');
$node->sql(q{SELECT weir.drop_job('s3')});
is($node->sql('SELECT count(*) FROM weir.jobs'), '0', 'drop_job cancels it first');
is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'nothing is left prepared');

done_testing();
