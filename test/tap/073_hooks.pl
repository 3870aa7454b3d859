# Other extensions' hooks are called as PostgreSQL calls them (see witness/witness.c),
# in whatever a job does in its life, and in whatever is done with a job.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $top = dirname(dirname($ENV{TESTDIR}));
my $build = PostgreSQL::Test::Utils::tempdir();
copy($_, $build) or die "could not copy $_: $!" foreach glob("$top/test/tap/witness/*");
system_or_bail('make', '-s', '-C', $build, 'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'));

my $node = Weir::Node->create('hooks');
$node->append_conf('postgresql.conf', "shared_preload_libraries = '$build/witness, weir'\ncompute_query_id = on");
$node->restart;
$node->use_database('hooks');
my $log = $node->logfile;
like(slurp_file($log), qr/witness is loaded/, 'there is a witness');

my $data = join('', map { "$_ $_\n" } 1 .. 9, 1 .. 9);
my $sender = Weir::Sender->new($data);
$node->averaging_job(port => $sender->port, ttl => '1 h', server => q{max_retries '-1', retry_delay '100 ms'},
	sink => q{CREATE TABLE averages (f0 bigint PRIMARY KEY, average bigint);
		CREATE TABLE audit (f0 bigint);
		CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (NEW.f0); RETURN NEW; END';
		CREATE TRIGGER audited AFTER INSERT ON averages FOR EACH ROW EXECUTE FUNCTION audited();
		CREATE TABLE named (id bigint PRIMARY KEY, name text); INSERT INTO named VALUES (1, 'one');},
	query => q{INSERT INTO averages SELECT a.f0, a.average FROM readings r LEFT JOIN named n ON n.id = r.f0
		JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0) ON CONFLICT (f0) DO UPDATE SET average = excluded.average});
$node->sql(q{
	CREATE TABLE plain (f0 bigint, name text CHECK (name <> 'bad'));
	ALTER FOREIGN TABLE readings OPTIONS (ADD on_error 'dead_letter');
	SELECT weir.create_job('lookup', $$INSERT INTO plain SELECT r.f0, CASE WHEN r.f1 = 7 THEN 'bad' ELSE n.name END FROM readings r LEFT JOIN named n ON n.id = r.f0$$);
	SELECT weir.create_job('counted', 'INSERT INTO plain SELECT f0, count(*)::text FROM readings GROUP BY f0, weir.count_window(2)');
	SELECT weir.explain_job(name) FROM weir.jobs;
	SELECT weir.try_job(name, ARRAY['1 1', '2 2', '1 1']) FROM weir.jobs});
foreach my $job (qw(s3 lookup counted))
{
	my $again = Weir::Sender->new($data);

	$node->sql("ALTER SERVER sensors OPTIONS (SET port '" . $again->port . "'); SELECT weir.enable_checkpointing('$job', every => '50 ms'); SELECT weir.start_job('$job')");
	$again->send_to(length $data);
	ok($node->wait_until("SELECT last_checkpoint > 0 AND (SELECT sum(records_in) >= 18 FROM weir.tasks WHERE job = '$job' AND kind = 'source') FROM weir.jobs WHERE name = '$job'"), "$job works");
	$node->sql("SELECT weir.trigger_checkpoint('$job')");
	$node->sql("SELECT count(*) FROM weir.state('$job')");
	$node->sql("SELECT weir.alter_job('$job', parallelism => 2, restart => true)");
	ok($node->wait_status('running', $job), "$job goes on with another parallelism");
	# what a plan rests on changes, so that it is made again
	$node->sql('CREATE INDEX ON named (name); ALTER TABLE plain ADD IF NOT EXISTS more int');
	$node->restart('immediate');
	ok($node->wait_status('running', $job), "$job goes on after a crash");
	$node->sql("SELECT weir.stop_job('$job')");
}
is($node->sql('SELECT count(*) FROM averages'), '9', 'with its rows');
is($node->sql('SELECT count(*) FROM weir.dead_letters'), '2', 'and dead letters');
$node->sql(q{SELECT weir.drop_job(name) FROM weir.jobs; DROP EXTENSION weir CASCADE});
is(join('', grep { /witness: / } split /^/, slurp_file($log)), '', 'every hook was called as PostgreSQL calls it');

$node->stop;
done_testing();
