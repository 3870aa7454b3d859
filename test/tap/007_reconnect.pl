# A record cut by a disconnect is none once the next connection brings something,
# or, with partial 'join', is joined with that; a tail without delimiter at the end
# of the stream is a record.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('reconnect');

sub begin
{
	my ($name, $sender, $options) = @_;

	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '${\ $sender->port }'$options);
CREATE FOREIGN TABLE words (line text) SERVER lines;
CREATE TABLE seen (line text);
SELECT weir.create_job('s3', 'INSERT INTO seen SELECT line FROM words');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.start_job('s3');
SQL
	return;
}

my $sender = Weir::Sender->new("te");
begin('joined', $sender, q{, max_retries '2', retry_delay '50 ms', partial 'join'});
$sender->send_to(2)->wait_sent(2);
ok($node->wait_consumed(2), 'half a record was read');
$sender->disconnect;
$sender->append("st1\nlast");
$sender->wait_accepts(2);
$sender->finish;
ok($node->wait_status('finished'), 'the job finishes when the retries are used up');
is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), 'last,test1',
	'the halves are one record, and so is the tail');
is($node->sql(q{SELECT restarts FROM weir.jobs}), '0', 'a reconnect is no restart');

# Across a crash: the journal remembers the half.
$sender = Weir::Sender->new("te");
begin('crashed', $sender, q{, partial 'join'});
$sender->send_to(2)->wait_sent(2);
ok($node->wait_consumed(2), 'half a record was read');
$node->kill9;
$node->start;
$sender->wait_accepts(2);
$sender->append("st1\n");
$sender->finish;
ok($node->wait_status('finished'), 'the job finishes');
is($node->sql('SELECT line FROM seen'), 'test1', 'one record across the crash');

# Each connection begins with a whole record: by a reconnect, across a crash, and
# where a connection brings nothing in between.
my $warning = qr/WARNING:  stream public\.words: 2 bytes behind line 0 are no record.*Bytes: "te".*HINT:  If the peer goes on where it was, set the server's option partial to 'join'/s;
$sender = Weir::Sender->new("te");
my $log = -s $node->logfile;
begin('discarded', $sender, q{, max_retries '-1', retry_delay '20 ms'});
$sender->send_to(2)->wait_sent(2);
ok($node->wait_consumed(2), 'half a record was read');
is($node->sql('SELECT record_bytes FROM weir.sources'), '2', 'weir.sources shows it');
$sender->disconnect;
$sender->wait_accepts(2);
$sender->append("st1\nte");
$sender->send_to(8)->wait_sent(8);
ok($node->wait_until(q{SELECT count(*) = 1 FROM seen}), 'the next connection brings a record');
is($node->sql('SELECT line FROM seen'), 'st1', 'it is a record of its own');
is($node->sql('SELECT partial_records, records FROM weir.sources'), '1|2', 'what was left is counted');
like(slurp_file($node->logfile, $log), $warning, 'and a warning has its text');
$node->kill9;
$node->start;
$sender->wait_accepts(3);
$sender->disconnect;
$sender->wait_accepts(4);
$sender->append("st2\nlast");
$sender->send_to(16)->wait_sent(16);
ok($node->wait_until(q{SELECT count(*) = 2 FROM seen}), 'across a crash');
is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), 'st1,st2', 'likewise, with a connection that brought nothing');
$node->sql(q{SELECT weir.stop_job('s3')});
$node->sql(q{ALTER SERVER lines OPTIONS (SET max_retries '1')});
$node->sql(q{SELECT weir.start_job('s3')});
$sender->finish;
ok($node->wait_status('finished'), 'the end of the stream');
is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), 'last,st1,st2', 'behind which what is left is a record');

# Nobody there: the restart strategy's business, not the end of the stream.
$sender = Weir::Sender->new("a\n");
$sender->refuse;
begin('refused', $sender, '');
ok($node->wait_until(q{SELECT restarts > 0 AND last_error IS NOT NULL FROM weir.jobs}), 'a refused connection restarts the job');
$sender->listen;
$sender->finish;
ok($node->wait_status('finished'), 'it connects once there is somebody');
is($node->sql('SELECT line FROM seen'), 'a', 'and reads');

done_testing();
