# The job of the contract's first page, as it stands there, gives exactly what
# the batch query gives.  WEIR_LINES sets the number of lines.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $data = Weir::Node::random_lines($ENV{WEIR_LINES} || 100_000, 1000, 1);
my $sender = Weir::Sender->new($data);
my $node = Weir::Node->create('first_light');

$node->load_input($data);
my (undef, undef, $notices) = $node->psql('postgres', <<"SQL");
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '${\ $sender->port }');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint)
    SERVER sensors OPTIONS (delimiter ' ');

-- a keyed operator is a function with declared state
CREATE TYPE running_sum AS (n bigint, total bigint);
CREATE FUNCTION count_window_average(r readings)
RETURNS TABLE (f0 bigint, average bigint) LANGUAGE plpgsql AS \$\$
DECLARE
    sum running_sum := weir.state_value('sum', NULL::running_sum);
BEGIN
    sum.n := sum.n + 1;
    sum.total := sum.total + r.f1;
    PERFORM weir.state_update('sum', sum);
    IF sum.n >= 2 THEN
        RETURN QUERY SELECT r.f0, sum.total / sum.n;
        PERFORM weir.state_clear('sum');
    END IF;
END \$\$;
SELECT weir.create_value_state('count_window_average(readings)', 'sum', 'running_sum',
    default_value => '(0,0)',
    ttl => weir.state_ttl('10 s', update_type => 'on_create_and_write',
                                  visibility  => 'never_return_expired'));

-- the job: INSERT ... SELECT over streams; keyBy is weir.key_by
CREATE TABLE averages (f0 bigint, average bigint);
SELECT weir.create_job('s3', \$\$
    INSERT INTO averages
    SELECT a.* FROM readings r
    JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
\$\$, parallelism => 2);

SELECT weir.enable_checkpointing('s3', every => '1 s', mode => 'exactly_once',
    timeout => '60 s', min_pause => '500 ms', max_concurrent => 2, fail_on_errors => false);
SELECT weir.start_job('s3');
SQL
like($notices, qr/NOTICE:.*finish/, 'start_job says that the job finishes when its peer closes');
unlike($notices, qr/ERROR/, 'the page runs as it stands');

ok($node->wait_status('running'), 'the job runs');
$sender->finish;
is($node->sql(q{SELECT weir.wait_for_job('s3', 'finished', '5 min')}), 't', 'the job finishes');
$node->is_exact('averages');

is($node->sql(q{SELECT status, parallelism, restarts, last_error IS NULL FROM weir.jobs}),
	'finished|2|0|t', 'weir.jobs tells of a run without a restart');
is($node->sql(q{SELECT DISTINCT status FROM weir.checkpoints}), 'completed', 'every checkpoint completed');
is($node->sql(q{SELECT kind FROM weir.checkpoints ORDER BY checkpoint_id DESC LIMIT 1}),
	'final', 'the last one is the final one');
is($node->sql(q{SELECT count(*) FROM weir.checkpoints WHERE tasks <> acknowledged}), '0',
	'every task acknowledged every checkpoint');

# A finished job goes on behind the end of the stream.
my $more = Weir::Sender->new("1 2\n");
$node->sql("ALTER SERVER sensors OPTIONS (SET port '${\ $more->port }')");
$node->sql(q{SELECT weir.start_job('s3')});
$more->finish;
$more->wait_accepts(1);
is($node->sql(q{SELECT weir.wait_for_job('s3', 'finished', '1 min')}), 't', 'a finished job starts again and finishes');

done_testing();
