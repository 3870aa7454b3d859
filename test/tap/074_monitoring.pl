# What those see of a job who watch statements: its own text, once, whatever number
# of batches, tasks and attempts runs it.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $data = join('', map { "$_ $_\n" } 1 .. 9, 1 .. 9);
my $sender = Weir::Sender->new($data);
my $node = Weir::Node->create('monitoring', 'compute_query_id = on', 'auto_explain.log_min_duration = 0', 'pg_stat_statements.track = all');
$node->append_conf('postgresql.conf', q{shared_preload_libraries = 'pg_stat_statements, auto_explain, weir'});
$node->restart;
$node->use_database('monitoring');
$node->sql('CREATE EXTENSION pg_stat_statements');
$node->averaging_job(port => $sender->port, server => q{max_retries '-1'}, query => 'INSERT INTO averages SELECT a.f0, a.average + 0 FROM readings r
	JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0) WHERE r.f1 < 1000');
$node->tend($sender);
$node->sql(q{SELECT pg_stat_statements_reset(); SELECT weir.start_job('s3')});
$sender->send_to(16);
ok($node->wait_consumed(16), 'some records are there');
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
$node->sql(q{SELECT weir.alter_job('s3', parallelism => 3, restart => true)});
ok($node->wait_status('running'), 'another attempt');
$sender->send_to(length $data);
ok($node->wait_until(q{SELECT sum(records_in) >= 9 FROM weir.tasks WHERE kind = 'keyed'}), 'all are there');
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});

is($node->sql(q{SELECT count(*), sum(calls) > 1, sum(rows) FROM pg_stat_statements
	WHERE query LIKE 'INSERT INTO averages SELECT a.f0, a.average + $1 FROM readings%'}), '1|t|9', 'one entry of the job, with all rows');
is($node->sql(q{SELECT count(*) FROM pg_stat_statements WHERE query LIKE 'weir %'}), '0', 'and none by another name');
is($node->sql(q{SELECT count(DISTINCT query) FROM pg_stat_activity WHERE application_name ~ '^s3 (source|keyed)' AND query LIKE '%INSERT INTO averages%'}),
	'1', 'tasks show what they run');
my $log = slurp_file($node->logfile);
like($log, qr/Query Text:\s+INSERT INTO averages SELECT a.f0, a.average \+ 0 FROM readings r\s+JOIN LATERAL[^\n]*\n\s+Insert on averages/, 'the plan of the sink is logged by it');
like($log, qr/Query Text:\s+INSERT INTO averages SELECT[^\n]*\n(\s[^\n]*\n)*?\s+Foreign Scan on readings/, 'and that of the scan');
unlike($log, qr/Query Text: weir /, 'none by another name');

like($node->sql(q{SELECT weir.explain_job('s3')}), qr/Written: by the executor: another extension watches/, 'which is told');

# internal statements: their texts do not grow with what they are about
my $logged = -s $node->logfile;
my $before = $node->sql(q{SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%weir\_internal.%'});
$node->sql(q{SELECT weir.trigger_checkpoint('s3')}) for 1 .. 5;
is($node->sql(q{SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%weir\_internal.%'}) - $before, 0, 'more checkpoints are no more entries');
$log = slurp_file($node->logfile, $logged);
like($log, qr/\(job = \$1\)/, 'their plans compare with parameters');
unlike($log, qr/= '\d+'::bigint\)/, 'and with no number of a job or a checkpoint');

# nor does what is dropped hide its statement
my $other = Weir::Sender->new($data);
$node->sql(q{SELECT weir.stop_job('s3'); CREATE FOREIGN TABLE dropped (f0 bigint) SERVER weir_blackhole;
	SELECT weir.create_job('dropping', 'INSERT INTO dropped SELECT f0 FROM readings'), weir.enable_checkpointing('dropping', every => '1 h')});
$node->sql("ALTER SERVER sensors OPTIONS (SET port '" . $other->port . "'); SELECT weir.start_job('dropping')");
$other->send_to(length $data);
ok($node->wait_until(q{SELECT sum(records_in) = 18 FROM weir.tasks WHERE job = 'dropping' AND kind = 'sink'}), 'another job');
$node->sql(q{SELECT weir.trigger_checkpoint('dropping')});
is($node->sql(q{SELECT count(*), sum(rows) FROM pg_stat_statements WHERE query LIKE 'INSERT INTO dropped %'}), '1|18', 'has an entry with its rows');
$node->sql(q{SELECT weir.stop_job('dropping')});

$node->stop;
done_testing();
