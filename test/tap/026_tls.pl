# TLS: whom Weir talks to, with which credentials, and what an end without a
# word, a restart and a peer that does not speak it mean.
use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::TlsSender;

my $node = Weir::Node->create('tls');
my $dir = $node->basedir;
my $ca = Weir::TlsSender::authority("$dir/ca");
my $address = Weir::TlsSender::certificate("$dir/address", $ca, san => 'IP:127.0.0.1');
my $name = Weir::TlsSender::certificate("$dir/name", $ca, san => 'DNS:localhost');
my $other = Weir::TlsSender::certificate("$dir/other", $ca, san => 'DNS:other.example,IP:127.0.0.2');
my $expired = Weir::TlsSender::certificate("$dir/expired", $ca, san => 'IP:127.0.0.1', expired => 1);
my $self_signed = Weir::TlsSender::certificate("$dir/self", undef, san => 'IP:127.0.0.1');
my $client = Weir::TlsSender::certificate("$dir/client", $ca, cn => 'weir');
my $common = Weir::TlsSender::certificate("$dir/common", $ca, cn => '127.0.0.1');
my $root = "sslrootcert '$ca.crt'";

# A job that reads lines from this port; options of the server.
sub begin
{
	my ($port, $options, %o) = @_;
	my $host = $o{host} // '127.0.0.1';
	my $retries = $o{retries} // "max_retries '-1', retry_delay '50 ms'";

	$node->sql(<<"SQL");
SET client_min_messages = warning;
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '$host', port '$port', $retries, $options);
CREATE FOREIGN TABLE words (line text) SERVER lines;
CREATE TABLE seen (id bigserial, line text);
SELECT weir.create_job('s3', 'INSERT INTO seen (line) SELECT line FROM words');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.start_job('s3');
SQL
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

sub seen
{
	my ($expected, $test) = @_;
	ok($node->wait_until(q{SELECT coalesce(string_agg(line, ',' ORDER BY id), '') FROM seen}, $expected), $test);
	return;
}

sub last_error
{
	my ($pattern, $test) = @_;
	$node->wait_until(qq{SELECT last_error ~ '$pattern' FROM weir.sources}, 't', 30);
	like($node->sql('SELECT last_error FROM weir.sources'), qr/$pattern/, $test);
	return;
}

# Who is accepted by which mode.
foreach my $case (
	[ 'verify-full by address', $address, $root ],
	[ 'verify-full by name', $name, $root, 'localhost' ],
	[ 'verify-ca does not ask for the name', $other, "sslmode 'verify-ca', $root" ],
	[ 'require takes whoever comes', $self_signed, q{sslmode 'require'} ],
	[ 'a peer that signed itself can be the root', $self_signed, "sslrootcert '$self_signed.crt'" ])
{
	my ($test, $cert, $options, $host) = @$case;
	my $sender = Weir::TlsSender->new($cert);
	begin($sender->port, $options, host => $host);
	$sender->send("one\n");
	seen('one', $test);
	end();
}

foreach my $case (
	[ 'another address in the certificate', $other, $root, '127.0.0.1', 'refused: IP address mismatch' ],
	[ 'another name in the certificate', $other, $root, 'localhost', 'refused: [Hh]ostname mismatch' ],
	[ 'an address does not stand for a name', $address, $root, 'localhost', 'refused: [Hh]ostname mismatch' ],
	[ 'an address in the common name is none', $common, $root, '127.0.0.1', 'refused: IP address mismatch' ],
	[ 'an expired certificate', $expired, "sslmode 'verify-ca', $root", '127.0.0.1', 'refused: certificate has expired' ],
	[ 'a certificate that signed itself', $self_signed, "sslmode 'verify-ca', $root", '127.0.0.1', 'refused: self-signed certificate' ],
	[ 'require with a root verifies it', $self_signed, "sslmode 'require', $root", '127.0.0.1', 'refused: self-signed certificate' ],
	[ 'without a root the system is asked', $address, q{sslmode 'verify-full'}, '127.0.0.1', 'refused: unable to get local issuer' ])
{
	my ($test, $cert, $options, $host, $pattern) = @$case;
	my $sender = Weir::TlsSender->new($cert);
	begin($sender->port, $options, host => $host);
	$sender->send("one\n");
	last_error($pattern, "refused: $test");
	is($node->sql('SELECT bytes FROM weir.sources'), 0, 'nothing is read from it');
	end();
}

# Versions and client certificates.
my $sender = Weir::TlsSender->new($address, version => 'TLSv1_2');
begin($sender->port, $root);
$sender->send("one\n");
seen('one', 'TLS 1.2');
end();

$sender = Weir::TlsSender->new($address, version => 'TLSv1_1');
begin($sender->port, $root);
last_error('TLS error: .*(protocol|version|alert|cipher)', 'TLS 1.1 is refused');
end();

foreach my $version ('TLSv1_2', 'TLSv1_3')
{
	$sender = Weir::TlsSender->new($address, version => $version, authority => $ca);
	begin($sender->port, $root);
	last_error('TLS error|closed', "$version: without the certificate the peer asks for");
	is($node->sql('SELECT records FROM weir.sources'), 0, 'nothing is read');
	end();
	begin($sender->port, "$root, sslcert '$client.crt', sslkey '$client.key'");
	$sender->send("one\n");
	seen('one', "$version: with it");
	end();
}

# Files: relative to the data directory; refused with the reason.
$sender = Weir::TlsSender->new($address);
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/roots.crt', slurp_file("$ca.crt"));
begin($sender->port, q{sslrootcert 'roots.crt'});
$sender->send("one\n");
seen('one', 'a relative path begins at the data directory');
end();

system_or_bail('openssl', 'ec', '-in', "$client.key", '-out', "$dir/locked.key", '-aes128', '-passout', 'pass:secret');
chmod 0600, "$dir/locked.key";
PostgreSQL::Test::Utils::append_to_file("$dir/open.key", slurp_file("$client.key"));
chmod 0640, "$dir/open.key";
foreach my $case (
	[ 'a root that is not there', q{sslrootcert '/nowhere/ca.crt'}, 'could not load file "/nowhere/ca.crt": No such file' ],
	[ 'a root that is none', "sslrootcert '$client.key'", 'could not load file ".*client.key"' ],
	[ 'a certificate that is not there', "$root, sslcert '/nowhere/a', sslkey '/nowhere/b'", 'could not load file "/nowhere/a"' ],
	[ 'a key that others can read', "$root, sslcert '$client.crt', sslkey '$dir/open.key'", 'open.key": it has group or world access' ],
	[ 'a key that is a directory', "$root, sslcert '$client.crt', sslkey '$dir'", 'it is not a regular file' ],
	[ 'a key with a passphrase', "$root, sslcert '$client.crt', sslkey '$dir/locked.key'", 'could not load file ".*locked.key"' ],
	[ "another certificate's key", "$root, sslcert '$client.crt', sslkey '$name.key'", 'could not load file ".*name.key": key values mismatch' ])
{
	my ($test, $options, $pattern) = @$case;
	begin($sender->port, $options);
	ok($node->wait_until(qq{SELECT last_error ~ '$pattern' FROM weir.jobs}), "refused: $test");
	end();
}

# The end of the stream is close_notify; less is a connection that was lost.
$sender = Weir::TlsSender->new($address);
begin($sender->port, $root, retries => q{max_retries '0'});
$sender->send("one\ntail");
ok($node->wait_consumed(8), 'all of it is read');
$sender->finish;
ok($node->wait_status('finished'), 'close_notify ends the stream');
seen('one,tail', 'what was left is a record');
like($node->sql('SELECT status_reason FROM weir.jobs'), qr/^stream public.words has ended: the peer closed the connection/, 'and says so');
end();

$sender = Weir::TlsSender->new($address);
begin($sender->port, $root, retries => q{max_retries '0'});
$sender->send("one\ntail");
ok($node->wait_consumed(8), 'all of it is read');
seen('one', 'as far as it is a record');
my $port = $sender->port;
$sender->kill;
ok($node->wait_until(q{SELECT last_error ~ 'without a TLS close_notify' FROM weir.jobs}), 'an end without it is a failure');
is($node->sql('SELECT string_agg(line, \',\') FROM seen'), 'one', 'what was left is no record');
$sender = Weir::TlsSender->new($address, port => $port);
$sender->send(" of it\n");
ok($node->wait_until(q{SELECT count(*) > 1 FROM seen}), 'the job restarts and reads on');
end();

# An attempt's end: the session stays behind, the next one dials.
$sender = Weir::TlsSender->new($address);
begin($sender->port, $root, retries => q{max_retries '0'});
$sender->send("one\n");
seen('one', 'before the stop');
$node->sql(q{SELECT weir.stop_job('s3')});
$sender->send("two\n");
$node->sql(q{SET client_min_messages = warning; SELECT weir.start_job('s3')});
seen('one,two', 'a stop and a start: dialled again');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
ok($node->wait_until(q{SELECT restarts > 0 AND status = 'running' FROM weir.jobs}), 'the source was ended');
$sender->send("three\n");
seen('one,two,three', 'an attempt that failed: dialled again');
$sender->send(join('', ('x' x 5000 . "\n") x 10));
ok($node->wait_until('SELECT count(*) = 13 AND sum(length(line)) = 50011 FROM seen'), 'many and long records');
end();

# Peers that do not speak it, and one that speaks it to a stream without.
my $plain = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
begin($plain->sockport, "$root, connect_timeout '300 ms'");
last_error('not completed the TLS handshake within connect_timeout', 'a silent peer is given up');
end();
begin($plain->sockport, $root);
my $peer = $plain->accept;
syswrite($peer, "1 3\n2 4\n") foreach 1 .. 10;
while (my $next = eval { local $SIG{ALRM} = sub { die }; alarm 2; my $p = $plain->accept; alarm 0; $p })
{
	syswrite($next, "1 3\n2 4\n");
	last if $node->sql(q{SELECT last_error ~ 'does not speak TLS' FROM weir.sources}) eq 't';
}
last_error('does not speak TLS', 'a peer that does not speak it');
end();
$plain = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
begin($plain->sockport, q{greeting 'hello\n'});
$peer = $plain->accept;
syswrite($peer, "\x15\x03\x01\x00\x02\x02\x0a");
close $peer;
last_error('the peer speaks TLS', 'a peer that speaks it to a stream without');
is($node->sql('SELECT bytes FROM weir.sources'), 0, 'its alert is no data');
end();

done_testing();
