# The peer's end of a stream: a port that leads to itself, a peer that is silent,
# vanished, or waits to be spoken to; how often it may be lost.
use strict;
use warnings;

# A network of our own, where we may do what we like, if the system lets us; before
# anything of the test is set up.
BEGIN
{
	my @unshare = qw(unshare --map-current-user --net --keep-caps);

	if (!defined $ENV{WEIR_ALONE})
	{
		$ENV{WEIR_ALONE} = system("@unshare true 2>/dev/null") == 0 ? 1 : 0;
		exec(@unshare, $^X, (map { "-I$_" } @INC), $0) if $ENV{WEIR_ALONE};
	}
}

use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Socket qw(AF_INET SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Node;
use Weir::Sender;

my $alone = $ENV{WEIR_ALONE};

# Sets the loopback interface up or down: SIOCSIFFLAGS.
sub loopback
{
	my ($up) = @_;

	socket(my $any, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
	ioctl($any, 0x8914, pack('a16 s x22', 'lo', $up ? 1 : 0)) or die "ioctl: $!";
	return;
}

loopback(1) if $alone;
my $node = Weir::Node->create('endpoint');
my $databases = 0;

sub begin
{
	my ($port, $options) = @_;

	$node->use_database('d' . ++$databases);
	$node->sql(<<"SQL");
SET client_min_messages = warning;
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '$port', $options);
CREATE FOREIGN TABLE words (line text) SERVER lines;
CREATE TABLE seen (id bigserial, line text);
SELECT weir.create_job('s3', 'INSERT INTO seen (line) SELECT line FROM words');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.start_job('s3');
SQL
	return;
}

sub seen
{
	my ($expected, $test) = @_;
	ok($node->wait_until(q{SELECT coalesce(string_agg(line, ',' ORDER BY id), '') FROM seen}, $expected), $test);
	return;
}

sub status_becomes
{
	my ($pattern, $test) = @_;
	ok($node->wait_until(qq{SELECT concat_ws(' ', status, last_error) ~ '$pattern' FROM weir.sources}), $test);
	return;
}

sub listener { return IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', ReuseAddr => 1, @_) || die "could not listen: $!"; }

# The silent one, looked at again at the end.
my $mute = listener();
begin($mute->sockport, q{max_retries '-1'});
my $silent = $node->{database};

# What a connection is greeted with; a piece at a time is as good.
my $asker = listener();
begin($asker->sockport, q{max_retries '-1', retry_delay '20 ms', greeting '?WATCH={"json":true}\r\n\0\x41\\\\'});
foreach my $round (1, 2)
{
	my $peer = $asker->accept;
	my $said = '';
	sysread($peer, $said, 100, length $said) or last while length $said < 25;
	is($said, "?WATCH={\"json\":true}\r\n\0A\\", "connection $round is greeted");
	syswrite($peer, "answer $round\n");
	seen(join(',', map { "answer $_" } 1 .. $round), "and answers $round");
	if ($round == 2)
	{
		my $since = $node->sql('SELECT connected_at FROM weir.sources');
		$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
		ok($node->wait_until("SELECT restarts > 0 AND connected_at = '$since' FROM weir.jobs, weir.sources"), 'an attempt fails');
		syswrite($peer, "answer 3\n");
		seen('answer 1,answer 2,answer 3', 'a connection that is handed over');
		$peer->blocking(0);
		is(sysread($peer, $said, 100), undef, 'is not greeted again');
		$node->sql(q{SELECT weir.stop_job('s3'); ALTER SERVER lines OPTIONS (SET greeting 'other')});
		$node->sql(q{SET client_min_messages = warning; SELECT weir.start_job('s3')});
		$peer = $asker->accept;
		sysread($peer, $said, 5);
		is($said, 'other', 'with another greeting another is made');
	}
}

# A peer that says nothing for too long is dialled again, though no retry is left.
my $sender = Weir::Sender->new("one\ntwo\nthree\n");
begin($sender->port, q{max_retries '0', idle_timeout '400 ms'});
$sender->send_to(4);
seen('one', 'a peer speaks');
$sender->wait_accepts(2);
status_becomes('silent for idle_timeout', 'is silent, and dialled again');
$sender->send_to(8);
seen('one,two', 'speaks again');
is($node->sql('SELECT restarts FROM weir.jobs'), 0, 'which is no failure');
$sender->finish;
ok($node->wait_status('finished'), 'and closes');

# A good connection gives the retries back; bad ones end the stream, which says why.
$sender = Weir::Sender->new("one\ntwo\nthree\nfour\n");
begin($sender->port, q{max_retries '1', retry_delay '20 ms'});
foreach my $n (1 .. 4)
{
	$sender->wait_accepts($n);
	$sender->send_to((4, 8, 14, 19)[ $n - 1 ]);
	$node->wait_until("SELECT count(*) = $n FROM seen");
	$sender->refuse if $n == 4;
	$sender->disconnect;
}
seen('one,two,three,four', 'more connections than max_retries, each of which brought something');
ok($node->wait_status('finished'), 'then it is finished');
like($node->sql('SELECT status_reason FROM weir.jobs'),
	qr/^stream public.words has ended: .*, and max_retries is used up$/, 'with the reason');

# Names and addresses.
my $six = eval { require IO::Socket::IP; IO::Socket::IP->new(Listen => 5, LocalHost => '::1') };
SKIP:
{
	skip 'no IPv6', 1 unless $six;
	begin($six->sockport, q{max_retries '-1'});
	$node->sql(q{SELECT weir.stop_job('s3', cancel => true); ALTER SERVER lines OPTIONS (SET host '[::1]')});
	$node->sql(q{SET client_min_messages = warning; SELECT weir.start_job('s3')});
	ok($node->wait_until('SELECT peer FROM weir.sources', '[::1]:' . $six->sockport), 'an IPv6 peer is shown in brackets');
}
begin(1, q{max_retries '0'});
$node->sql(q{SELECT weir.stop_job('s3', cancel => true); ALTER SERVER lines OPTIONS (SET host 'nowhere.invalid')});
$node->sql(q{SET client_min_messages = warning; SELECT weir.start_job('s3')});
ok($node->wait_until(q{SELECT last_error ~ 'could not resolve host "nowhere.invalid".*option "host"' FROM weir.jobs}),
	'a host that cannot be resolved: the hint names the option');

# The kernel watches the connection: the timer of our end is keepalive's, in hundredths of a second.
sub keepalive_timer
{
	my ($port) = @_;
	my $line = sprintf('[0-9A-F]+:[0-9A-F]+ [0-9A-F]+:%04X 01 \S+ 02:([0-9A-F]+)', $port);

	return slurp_file('/proc/net/tcp') =~ /$line/ ? hex($1) / 100 : 'none';
}

foreach my $case ([ '', 60 ], [ q{, keepalive_idle '15 min'}, 900 ])
{
	my ($options, $expected) = @$case;
	$sender = Weir::Sender->new("one\n");
	begin($sender->port, "max_retries '-1'$options");
	$sender->send_to(4);
	seen('one', "connected$options");
	cmp_ok(abs(keepalive_timer($sender->port) - $expected + 10), '<=', 10.1, "probed after $expected s");
}

SKIP:
{
	skip 'no network of our own', 6 unless $alone;

	# The kernel has ten ports to choose our own from, and the stream's is one of them.
	my $range = slurp_file('/proc/sys/net/ipv4/ip_local_port_range');
	my $set_range = sub {
		open(my $file, '>', '/proc/sys/net/ipv4/ip_local_port_range') or die $!;
		print $file $_[0];
		close $file or die $!;
	};
	$set_range->("40000 40009\n");
	begin(40004, q{max_retries '-1', retry_delay '10 ms'});
	ok($node->wait_until('SELECT retries > 200 FROM weir.sources'), 'many tries at a port where nobody listens');
	is($node->sql(q{SELECT concat_ws(' ', status, last_error, peer) FROM weir.sources}),
		'connecting Connection refused', 'none of which led to itself');
	$set_range->($range);
	my $late = listener(LocalPort => 40004);
	my $peer = $late->accept;
	syswrite($peer, "here\n");
	seen('here', 'the port is free for whoever comes');

	# Nothing passes any more: neither the peer's end nor a word of it.
	$sender = Weir::Sender->new("one\n");
	my $port = $sender->port;
	begin($port, q{max_retries '-1', retry_delay '20 ms', keepalive_idle '1 s'});
	$sender->send_to(4);
	seen('one', 'a peer speaks');
	loopback(0);
	undef $sender;
	status_becomes('connecting .*(timed out|unreachable)', 'and vanishes, which is noticed');
	loopback(1);
	$peer = listener(LocalPort => $port)->accept;
	syswrite($peer, "two\n");
	seen('one,two', 'who comes in its place is dialled');
}

# The silent one is remarked upon.
$node->{database} = $silent;
status_becomes('^connected connected, but nothing has come: .*"greeting".*"sslmode"', 'silence from the start is remarked');
my $speaker = $mute->accept;
syswrite($speaker, "word\n");
ok($node->wait_until(q{SELECT last_error IS NULL FROM weir.sources}), 'until something comes');

done_testing();
