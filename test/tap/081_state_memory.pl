# max_state_memory: exceeding it ends the attempt and names job and setting;
# nothing is lost.  weir.tasks shows what state takes.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $keys = 4000;
my $data = join('', map { "$_ 1\n" } 1 .. $keys);
my $sender = Weir::Sender->new($data x 2, hold => 1);
my $node = Weir::Node->create('state_memory');

$node->sql(<<"SQL");
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '${\ $sender->port }');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
CREATE FUNCTION hoard(r readings) RETURNS TABLE (f0 bigint, n bigint) LANGUAGE plpgsql AS \$\$
DECLARE
    n bigint := length(weir.state_value('hoard', ''::text));
BEGIN
    PERFORM weir.state_update('hoard', repeat('x', coalesce(n, 499)::int + 1));
    RETURN QUERY SELECT r.f0, coalesce(n, 499) + 1;
END \$\$;
SELECT weir.create_value_state('hoard(readings)', 'hoard', 'text');
CREATE TABLE hoarded (f0 bigint, n bigint);
SELECT weir.create_job('s3', 'INSERT INTO hoarded SELECT a.* FROM readings r
	JOIN LATERAL hoard(r) a ON weir.key_by(r.f0)', parallelism => 2, max_state_memory => '2MB');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => 1, delay => '50 ms');
SELECT weir.start_job('s3');
SQL
$node->tend($sender);

# Some of the keys fit.
ok($node->wait_until(q{SELECT status = 'connected' FROM weir.sources}), 'it connects');
$sender->send_to(index($data, "\n500 ") + 1);
ok($node->wait_until(q{SELECT count(*) = 499 FROM hoarded}), 'what fits is kept');
is($node->sql(q{SELECT sum(state_keys) FROM weir.tasks}), '499', 'weir.tasks counts the keys');
is($node->sql(q{SELECT bool_and((state_bytes IS NOT NULL) = (kind = 'keyed')) FROM weir.tasks}), 't', 'of the tasks that have some');
my $small = $node->sql(q{SELECT sum(state_bytes) FROM weir.tasks});
cmp_ok($small, '>', 499 * 500, 'and what they take');
cmp_ok($small, '<', 2 * 1024 * 1024, 'which is less than is allowed');

$sender->finish;
ok($node->wait_status('failed'), 'too many end the job, whose restart strategy gives up');
my $error = $node->sql('SELECT last_error FROM weir.jobs');
like($error, qr/keyed state of job "s3" exceeds its max_state_memory/, 'the error names job and setting');
like($error, qr/max_state_memory is 2048 kB/, 'and how much that is');
is($node->sql('SELECT restarts FROM weir.jobs'), '1', 'it was tried again');
unlike(slurp_file($node->logfile), qr/failed in the same way/, 'it is nobody\'s record');

$node->sql(q{SELECT weir.alter_job('s3', max_state_memory => '64MB')});
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('finished'), 'with more it goes on to the end');
is($node->sql('SELECT count(*), count(DISTINCT f0), min(n), max(n) FROM hoarded'), 2 * $keys . "|$keys|500|501", 'nothing is lost');

done_testing();
