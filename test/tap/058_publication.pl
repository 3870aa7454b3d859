# A publication of the user's schemas carries what a job writes, each row once,
# to a subscriber that knows nothing of Weir; one FOR ALL TABLES is warned about.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $data = Weir::Node::random_lines(6_000, 100, 58);
my $sender = Weir::Sender->new($data);
my $node = Weir::Node->create('publisher', 'wal_level = logical', 'max_wal_senders = 5');
my $there = PostgreSQL::Test::Cluster->new('subscriber');

$there->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$there->start;
$there->safe_psql('postgres', 'CREATE TABLE averages (f0 bigint, average bigint); CREATE TABLE input (f0 bigint, f1 bigint, line bigint)');

$node->averaging_job(port => $sender->port);
$node->sql('CREATE PUBLICATION results FOR TABLES IN SCHEMA public');
my $from = $node->connstr('postgres') =~ s/'/''/gr;
$there->safe_psql('postgres', "CREATE SUBSCRIPTION results CONNECTION '$from' PUBLICATION results");

$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(int(length($data) / 2));
ok($node->wait_until('SELECT count(*) > 100 FROM averages'), 'the job has written');
$node->kill9;
$node->start;
$sender->finish;
ok($node->wait_status('finished'), 'finished, after a crash in between');

is($node->sql(q{SELECT string_agg(DISTINCT schemaname, ',') FROM pg_publication_tables WHERE pubname = 'results'}), 'public',
	'a publication of a schema holds nothing of Weir');
$node->wait_for_catchup('results');
my $rows = q{SELECT f0, average, count(*) FROM averages GROUP BY 1, 2 ORDER BY 1, 2};
is($there->safe_psql('postgres', $rows), $node->sql($rows), 'the subscriber has each row, once');

sub warning
{
	my ($sql) = @_;
	my (undef, undef, $stderr) = $node->psql('postgres', $sql);
	return $stderr;
}

like(warning('CREATE PUBLICATION everything FOR ALL TABLES'), qr/WARNING:  publication "everything" also publishes the tables of schema weir_internal/,
	'FOR ALL TABLES is warned about');
is(warning('CREATE PUBLICATION nothing'), '', 'an empty one is not');
$there->stop;
$node->sql('CREATE DATABASE without');
$node->{database} = 'without';
is($node->sql_error('CREATE PUBLICATION everything FOR ALL TABLES'), '', 'in a database without the extension it works as ever');
done_testing();
