package Weir::TlsSender;

=head1 Weir::TlsSender

A TLS sender (tls_sender.py) that sends what the test gives it to whoever
connects; and the certificates for it.

	my $ca = Weir::TlsSender::authority("$dir/ca");
	my $cert = Weir::TlsSender::certificate("$dir/server", $ca, san => 'IP:127.0.0.1');
	my $sender = Weir::TlsSender->new($cert);
	$sender->send("1 3\n");
	$sender->finish;			# close_notify, then gone
	$sender->kill;				# gone without a word

A certificate is the path of its files without .crt and .key.

=cut

use strict;
use warnings;

use IO::Handle;
use IPC::Open2;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my @key = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes);

sub _openssl
{
	my (@args) = @_;
	my ($out, $err);

	IPC::Run::run([ 'openssl', @args ], '<', \'', '>', \$out, '2>', \$err)
	  or die "openssl @args: $err";
	return;
}

sub authority
{
	my ($path) = @_;

	_openssl('req', '-x509', @key, '-keyout', "$path.key", '-out', "$path.crt", '-subj', "/CN=Weir's test authority", '-days', 30);
	return $path;
}

# How long a certificate is valid; OpenSSL before 3.4 cannot be told dates, later ones
# take no days before today.
sub _validity
{
	my ($expired) = @_;
	my ($help, $more) = ('', '');

	return ('-days', 30) unless $expired;
	IPC::Run::run([ 'openssl', 'x509', '-help' ], '>', \$help, '2>', \$more);
	return "$help$more" =~ /-not_after/
	  ? ('-not_before', '20240101000000Z', '-not_after', '20240102000000Z')
	  : ('-days', -1);
}

# Options: san, cn, expired.  Without an authority it signs itself.
sub certificate
{
	my ($path, $ca, %o) = @_;
	my $file = "$path.ext";

	PostgreSQL::Test::Utils::append_to_file($file, "basicConstraints=CA:FALSE\n" . ($o{san} ? "subjectAltName=$o{san}\n" : ''));
	_openssl('req', '-new', @key, '-keyout', "$path.key", '-out', "$path.csr", '-subj', '/CN=' . ($o{cn} // 'sender'));
	_openssl('x509', '-req', '-in', "$path.csr", '-out', "$path.crt", '-extfile', $file, _validity($o{expired}),
		$ca ? ('-CA', "$ca.crt", '-CAkey', "$ca.key", '-CAcreateserial') : ('-signkey', "$path.key"));
	chmod 0600, "$path.key";
	return $path;
}

# Options: port to listen on, version ("TLSv1_2"), authority of the peers it serves.
sub new
{
	my ($class, $cert, %o) = @_;
	my $port = $o{port} // PostgreSQL::Test::Cluster::get_free_port();
	my $self = bless { port => $port }, $class;
	my $program = __FILE__ =~ s/TlsSender\.pm$/tls_sender.py/r;

	$self->{pid} = IPC::Open2::open2(my $output, $self->{input},
		'/usr/bin/python3', $program, $port, $cert, $o{version} // '', $o{authority} ? "$o{authority}.crt" : ());
	$self->{input}->autoflush(1);
	readline($output) or die 'the TLS sender does not listen';
	return $self;
}

sub port { return $_[0]{port}; }

sub send
{
	my ($self, $data) = @_;

	local $SIG{PIPE} = 'IGNORE';
	print { $self->{input} } 'send ', unpack('H*', $data), "\n" or die "could not write to the TLS sender: $!";
	return $self;
}

sub _reap
{
	my ($self) = @_;

	close delete $self->{input} if $self->{input};
	local $?;
	waitpid(delete $self->{pid}, 0) if $self->{pid};
	return $self;
}

sub finish
{
	my ($self) = @_;

	print { $self->{input} } "finish\n";
	return $self->_reap;
}

sub kill
{
	my ($self) = @_;

	CORE::kill('KILL', $self->{pid}) if $self->{pid};
	return $self->_reap;
}

sub DESTROY { local ($?, $!); $_[0]->kill; return; }

1;
