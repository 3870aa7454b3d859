# Senders that connect to a listening stream: their records whole and in one order,
# who is let in, what is left behind, and what outlives an attempt.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use IPC::Open2;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::TlsSender;

my $node = Weir::Node->create('listen');
my $port = PostgreSQL::Test::Cluster::get_free_port();
$SIG{PIPE} = 'IGNORE';

# A job that listens; options of the server and of the table.
sub begin
{
	my ($options, $table, $every) = @_;

	$options = $options ? ", $options" : '';
	$table = ($table // '') =~ /format/ ? $table =~ s/^, //r : q{format 'line'} . ($table // '');
	$every //= '50 ms';
	$node->sql(<<"SQL");
SET client_min_messages = warning;
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket OPTIONS (listen 'on', port '$port'$options);
CREATE FOREIGN TABLE words (line text, who text OPTIONS (metadata 'peer'), n bigint OPTIONS (metadata 'line_number'))
    SERVER lines OPTIONS ($table);
CREATE TABLE seen (id bigserial, line text, who text, n bigint);
SELECT weir.create_job('s3', 'INSERT INTO seen (line, who, n) SELECT line, who, n FROM words');
SELECT weir.enable_checkpointing('s3', every => '$every');
SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => 100, delay => '10 ms');
SELECT weir.start_job('s3');
SQL
	$node->wait_until(q{SELECT status FROM weir.sources}, 'listening');
	return;
}

sub end
{
	$node->sql(<<'SQL');
SET client_min_messages = warning;
SELECT weir.stop_job(name, cancel => true) FROM weir.jobs WHERE status <> 'finished';
SELECT weir.drop_job('s3');
DROP SERVER lines CASCADE;
DROP TABLE seen;
SQL
	return;
}

sub sender
{
	my ($from) = @_;
	my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, LocalAddr => $from // '127.0.0.1')
	  or die "could not connect: $!";
	$sock->autoflush(1);
	return $sock;
}

sub name { return $_[0]->sockhost . ':' . $_[0]->sockport; }

# Has Weir closed the connection?
sub is_closed
{
	my ($sock, $test) = @_;
	my $ready = IO::Select->new($sock)->can_read(60);
	ok($ready && !sysread($sock, my $byte, 1), $test);
	return;
}

sub seen
{
	my ($expected, $test) = @_;
	ok($node->wait_until(q{SELECT coalesce(string_agg(line, ',' ORDER BY id), '') FROM seen}, $expected), $test);
	return;
}

# Ends the task that reads; the job restarts for the n-th time.
sub restart_job
{
	my ($n) = @_;
	$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
	ok($node->wait_until(qq{SELECT restarts = $n AND status = 'running' FROM weir.jobs}), 'the job restarts');
	return;
}

sub last_error
{
	my ($pattern, $test) = @_;
	ok($node->wait_until(qq{SELECT last_error ~ '$pattern' FROM weir.sources}, 't', 30), $test);
	return;
}

# Whole records of each sender, however their pieces come, in the order they were sent.
begin();
my @senders = map { sender() } 0 .. 2;
my %rest = map { my $k = $_; ($k => join('', map { "$k:$_:" . 'x' x ($_ * 7 % 23) . "\n" } 1 .. 60)) } 0 .. 2;
my %expected = map { (name($senders[$_]) => $rest{$_}) } 0 .. 2;
srand(20261127);
while (%rest)
{
	my $k = (sort keys %rest)[ rand(keys %rest) ];
	syswrite($senders[$k], substr($rest{$k}, 0, 1 + int(rand(11)), ''));
	delete $rest{$k} if $rest{$k} eq '';
}
ok($node->wait_until('SELECT count(*) = 180 FROM seen'), 'three senders: all records');
is($node->sql(qq{SELECT string_agg(line || ';', '' ORDER BY id) FROM seen WHERE who = '$_'}), $expected{$_} =~ tr/\n/;/r,
	"whole, once, in order, and of their sender: $_")
  foreach sort keys %expected;
is($node->sql('SELECT bool_and(n = id) FROM seen'), 't', 'one order of all');
is($node->sql('SELECT status, peer FROM weir.sources'), 'listening|3 senders', 'weir.sources counts them');
close $senders[2];
ok($node->wait_until(q{SELECT peer FROM weir.sources}, '2 senders'), 'one less');

# A task that ends leaves port, connections and begun records to the next attempt.
$node->sql('TRUNCATE seen');
print { $senders[0] } "a1\na";
print { $senders[1] } 'b';
seen('a1', 'before the task ends');
restart_job(1);
my $late = sender();
print $late "c1\n";
seen('a1,c1', 'a sender that connects meanwhile');
print { $senders[1] } "1\n";
seen('a1,c1,b1', 'a record that was begun before');
print { $senders[0] } "2\n";
seen('a1,c1,b1,a2', 'another one');
close $_ foreach @senders, $late;
SKIP:
{
	my $v6 = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $port) or skip 'no IPv6', 1;
	print $v6 "six\n";
	ok($node->wait_until(q{SELECT who FROM seen WHERE line = 'six'}, '[::1]:' . $v6->sockport), 'by IPv6');
}
end();

# Whom a record is from is known when it is read again from the journal.
begin("greeting E'hello\\n'", '', '1 h');
my ($one, $two) = (sender(), sender());
is(scalar <$one>, "hello\n", 'each sender is greeted');
is(scalar <$two>, "hello\n", 'so is the other');
foreach my $n (1 .. 3)
{
	print $one "one $n\n";
	ok($node->wait_until('SELECT records FROM weir.sources', 2 * $n - 1), 'a record of one');
	print $two "two $n\n";
	ok($node->wait_until('SELECT records FROM weir.sources', 2 * $n), 'a record of the other');
}
restart_job(1);
print $one "one 4\n";
ok($node->wait_until('SELECT records FROM weir.sources', 7), 'a record behind the replay');
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
is($node->sql(q{SELECT string_agg(line || ' ' || who, ',' ORDER BY id) FROM seen}),
	join(',', (map { ("one $_ " . name($one), "two $_ " . name($two)) } 1 .. 3), 'one 4 ' . name($one)), 'peers are the same in a replay');
print $one "one 5\n";
ok($node->wait_until('SELECT records FROM weir.sources', 8), 'a record behind the checkpoint');
restart_job(2);
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
is($node->sql(q{SELECT line || ' ' || who FROM seen ORDER BY id DESC LIMIT 1}), 'one 5 ' . name($one), 'the checkpoint knows whom it is from');

# The server crashes: records are whole and once; what was begun is gone with its connection.
print $one 'lost ';
my $pid = $node->sql(q{SELECT pid FROM weir.tasks WHERE kind = 'source'});
kill 'KILL', $pid;
is_closed($one, 'the connection ends with a crash');
ok($node->wait_until(q{SELECT status FROM weir.sources}, 'listening'), 'the port is open again');
$one = sender();
scalar <$one>;
print $one "whole\n";
ok($node->wait_until('SELECT records FROM weir.sources', 9), 'the next record');
is($node->sql(q{SELECT weir.stop_job('s3', drain => true)}), '', 'a drain ends the stream');
is($node->sql(q{SELECT status FROM weir.jobs}), 'finished', 'the job is finished');
is($node->sql(q{SELECT line || ' ' || who FROM seen ORDER BY id DESC LIMIT 1}), 'whole ' . name($one), 'it is whole');
is($node->sql('SELECT count(*) FROM seen'), 9, 'each is there once');
is_closed($one, 'a drain closes the connections');
end();

# Without a journal, too, the port and the connections go on.
begin('', '', '1 h');
$node->sql(q{SELECT weir.stop_job('s3')});
$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '50 ms', mode => 'at_most_once')});
$node->sql(q{SELECT weir.start_job('s3')});
$node->wait_until(q{SELECT status FROM weir.sources}, 'listening');
$one = sender();
print $one "one\ntw";
seen('one', 'at_most_once');
restart_job(1);
print $one "o\n";
seen('one,two', 'the connection and what it had begun outlive the attempt');
end();

# Who is let in, and how many.
begin("allow '127.0.0.2, 127.3.0.0/16', max_connections '2'");
is_closed(sender('127.0.0.1'), 'an address that is not allowed');
last_error('refused sender 127.0.0.1:[0-9]+: its address is not in', 'why');
($one, $two) = (sender('127.0.0.2'), sender('127.3.4.5'));
print $one "one\n";
seen('one', 'an address');
print $two "two\n";
seen('one,two', 'a network');
is_closed(sender('127.0.0.2'), 'one too many');
last_error('refused sender 127.0.0.2:[0-9]+: there are max_connections', 'why');
close $one;
ok($node->wait_until(q{SELECT peer FROM weir.sources}, name($two)), 'weir.sources shows the only one');
$one = sender('127.0.0.2');
print $one "three\n";
seen('one,two,three', 'where one left another is let in');

# The port is one job's.
$node->sql(<<'SQL');
SET client_min_messages = warning;
CREATE TABLE other (line text);
SELECT weir.create_job('other', 'INSERT INTO other SELECT line FROM words');
SELECT weir.set_restart_strategy('other', 'none');
SELECT weir.start_job('other');
SQL
ok($node->wait_until(q{SELECT last_error ~ 'could not listen on .*:[0-9]+: Address already in use' FROM weir.jobs WHERE name = 'other'}),
	'another job that reads the same server');
$node->sql(q{SELECT weir.drop_job('other')});
end();

# What is left without an end, and what has none, is its sender's alone.
begin('', q{, max_record '1kB'});
($one, $two) = (sender(), sender());
print $one "good\nbad";
seen('good', 'a whole record');
close $one;
ok($node->wait_until('SELECT partial_records FROM weir.sources', 1), 'a record that was not ended is put aside');
like(slurp_file($node->logfile), qr/3 bytes from 127.0.0.1:\d+ are no record\n.*The sender closed within a record. Bytes: "bad"/, 'with a WARNING');
print $two 'x' x 100_000;
is_closed($two, 'a record without end closes its sender');
last_error('closed sender 127.0.0.1:[0-9]+: a record is longer than max_record', 'why');
$one = sender();
print $one "more\n";
seen('good,more', 'others go on');
end();

begin("idle_timeout '200 ms'");
$one = sender();
print $one "one\n";
is_closed($one, 'a silent sender is closed');
last_error('closed sender 127.0.0.1:[0-9]+: it was silent for idle_timeout', 'why');
end();

# The same when it is read again: what was left is a dead letter, the first record passed over.
begin('', q{, on_error 'dead_letter', header 'on'}, '1 h');
($one, $two) = (sender(), sender());
print $one "header\none\nbad";
ok($node->wait_until('SELECT records FROM weir.sources', 2), 'a header and a record');
is($node->sql('SELECT record_bytes FROM weir.sources'), 3, 'weir.sources shows what is not whole');
close $one;
ok($node->wait_until('SELECT records FROM weir.sources', 3), 'what was not ended counts, before anything else comes');
print $two "header\ntwo\n";
ok($node->wait_until('SELECT records FROM weir.sources', 5), 'another sender');
restart_job(1);
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
is($node->sql(q{SELECT string_agg(line || ' ' || n, ',' ORDER BY id) FROM seen}), 'one 2,two 5', 'headers are passed over');
is($node->sql(q{SELECT line_number || ' ' || line FROM weir.dead_letters}), '3 bad', 'what was not ended is a dead letter');
end();

# Other formats and framings; the job's words are the first column.
sub records
{
	my ($options, $table, $pieces, $expected, $test) = @_;
	begin($options, $table);
	my @two = (sender(), sender());
	foreach my $i (0 .. $#$pieces)
	{
		$two[ $i % 2 ]->print($pieces->[$i]);
		$node->wait_until('SELECT bytes + record_bytes FROM weir.sources', length(join('', @$pieces[ 0 .. $i ])));
	}
	seen($expected, $test);
	return @two;
}

records('', q{, format 'csv'}, [ qq{"a\n}, qq{"b\n}, qq{1"\nc\n"d}, qq{2"\n}, qq{"\n} ], "a\n1,c,b\n2,d", 'csv: newlines in quotes');
end();
($one, $two) = records(q{framing 'octet_counted'}, '', [ '5 he', '3 y', 'llo', "es4 \nno\n" ], "hello,yes,\nno", 'octet_counted');
print $one "x\n";
is_closed($one, 'a sender that counts no octets is closed');
print $two '2 on';
seen("hello,yes,\nno,on", 'the other one goes on');
end();

# TLS: the server's certificate, and the sender's.
my $dir = $node->basedir;
my $ca = Weir::TlsSender::authority("$dir/ca");
my $cert = Weir::TlsSender::certificate("$dir/server", $ca, san => 'IP:127.0.0.1');
my $mine = Weir::TlsSender::certificate("$dir/mine", $ca, san => 'IP:127.0.0.1');
my $other = Weir::TlsSender::certificate("$dir/other", $ca, san => 'IP:127.0.0.9');
my $stranger = Weir::TlsSender::certificate("$dir/stranger", undef, san => 'IP:127.0.0.1');

# Sends lines by openssl, which verifies the server, and closes.
sub send_tls
{
	my ($lines, $certificate) = @_;
	my @own = $certificate ? ('-cert', "$certificate.crt", '-key', "$certificate.key") : ();
	my $pid = open2(my $out, my $in, 'openssl', 's_client', '-quiet', '-no_ign_eof', '-verify_return_error', '-verify_quiet',
		'-CAfile', "$ca.crt", '-connect', "127.0.0.1:$port", @own, '-ign_eof');
	print $in $lines;
	$in->flush;
	return ($pid, $in, $out);
}

foreach my $case (
	[ 'require', '', undef, 1 ],
	[ 'verify-ca', 'sslrootcert', $other, 1 ],
	[ 'verify-full', 'sslrootcert', $mine, 1 ],
	[ 'verify-ca', 'sslrootcert', undef, 0, 'certificate' ],
	[ 'verify-ca', 'sslrootcert', $stranger, 0, 'certificate is refused: self-signed' ],
	[ 'verify-full', 'sslrootcert', $other, 0, 'certificate is refused: IP address mismatch' ])
{
	my ($mode, $root, $certificate, $good, $why) = @$case;
	my $test = "$mode, " . ($certificate ? $certificate =~ s{.*/}{}r : 'no certificate');

	begin("sslmode '$mode', sslcert '$cert.crt', sslkey '$cert.key'" . ($root ? ", sslrootcert '$ca.crt'" : ''));
	my ($child, $in, $out) = send_tls("secret\n", $certificate);
	$good ? seen('secret', "TLS: $test") : last_error("closed sender .*$why", "TLS refused: $test");
	close $in;
	close $out;
	kill 'TERM', $child;
	waitpid($child, 0);
	end();
}
begin("sslcert '$cert.crt', sslkey '$cert.key'");
$one = sender();
print $one "plain text\n";
is_closed($one, 'TLS: who does not speak it is closed');
last_error('closed sender .*does not speak TLS', 'why');
end();

$node->stop;
done_testing();
