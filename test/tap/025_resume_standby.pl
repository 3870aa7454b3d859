# protocol 'resume' under synchronous replication: nothing is acknowledged that no
# standby has confirmed, however the source ends.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('resume_standby', 'max_wal_senders = 5');
my $sender = Weir::Sender->new("one\ntwo\nthree\n", resume => 1, identity => 'a');

sub standbys
{
	my ($names) = @_;

	$node->sql("ALTER SYSTEM SET synchronous_standby_names = '$names'");
	$node->sql('SELECT pg_reload_conf()');
	return;
}

$node->sql(<<"SQL");
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '${\ $sender->port }', protocol 'resume', max_retries '-1', retry_delay '20 ms');
CREATE FOREIGN TABLE words (line text) SERVER lines;
CREATE TABLE seen (line text);
SELECT weir.create_job('s3', 'INSERT INTO seen SELECT line FROM words');
SELECT weir.enable_checkpointing('s3', every => '1 h');
SELECT weir.start_job('s3');
SQL
$sender->send_to(4);
$sender->wait_acked(4);

# From the first commit that waits for a standby on, all do.
standbys('nobody');
my $probe = start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'CREATE TABLE probed ()' ], '<', \undef);
ok($node->wait_until(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CREATE TABLE probed%' AND wait_event = 'SyncRep'}, 't', 30), 'commits wait');
$sender->send_to(8);
my $waits = q{FROM pg_stat_activity WHERE application_name = 's3 source 0' AND wait_event = 'SyncRep'};
ok($node->wait_until("SELECT count(*) = 1 $waits", 't', 30), 'the source waits for a standby');
is($sender->acked, 4, 'nothing is acknowledged while it waits');
$node->sql("SELECT pg_terminate_backend(pid) $waits");
ok($node->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 's3 source 0'}, 't', 30), 'the source is terminated');
is($sender->acked, 4, 'nor when it ends');

standbys('');
ok(finish($probe), 'commits go through');
$sender->wait_acked(8);
pass('once no standby is to be waited for, it is');
$sender->send_to(14);
$sender->wait_acked(14);
ok($node->wait_until('SELECT records = 3 FROM weir.sources'), 'all was read');
$node->sql(q{SELECT weir.stop_job('s3')});
is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), 'one,three,two', 'once');

done_testing();
