package Weir::Sender;

=head1 Weir::Sender

A TCP server that sends bytes to whoever connects, one peer at a time, in a
process of its own.  It sends up to a limit the test moves.  A peer that comes
back gets what follows the last byte sent, though the kernel may have lost some
of that; with hold => 1 it gets nothing until the test, which can look into the
journal, says from which byte to go on.  With once => 1 nobody is served but the
first peer: others are counted and closed.  With whole => 1 a peer that comes back
gets the line again within which the last connection ended, as from a program that
begins each connection with a whole line.

With resume => 1 it honours RESUME and ACK: it sends from where the peer asks,
and answers ERR where that is forgotten.  identity => 'x' names its stream, as
docs/resume-protocol.md has it; literal => 1 leaves out the line DATA; keep => 1 forgets nothing.  What the
peer said is in asked and acked (-1: nothing yet); refused counts its ERRs.

	my $sender = Weir::Sender->new("1 3\n1 5\n");
	$sender->send_to(4);		# the first record
	$sender->wait_sent(4);
	$sender->finish;			# the rest, then close

=cut

use strict;
use warnings;

use File::Basename qw(basename dirname);
use IO::Socket::INET;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time usleep);

my $block = 65536;
my $next_port;

# A port of the test file's own, below those that the kernel deals out: one that is closed
# for a while is not taken by who runs beside.
sub _listen
{
	my @files = sort map { basename($_) } glob(dirname($0) . '/*.pl');
	my ($index) = grep { $files[$_] eq basename($0) } 0 .. $#files;
	my $first = 10000 + 200 * (($index // 0) % 100);

	$next_port //= $first;
	foreach (1 .. 200)
	{
		my $listener = IO::Socket::INET->new(
			Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $next_port, ReuseAddr => 1);

		$next_port = $first + ($next_port - $first + 1) % 200;
		return $listener if $listener;
	}
	die "could not listen: $!";
}

sub new
{
	my ($class, $data, %o) = @_;
	my $listener = _listen();
	my $self = bless { port => $listener->sockport }, $class;

	socketpair(my $near, my $far, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	$self->{pid} = fork() // die "could not fork: $!";
	if ($self->{pid} == 0)
	{
		delete @SIG{qw(TERM INT)};
		close $near;
		eval { _serve($far, $listener, $data, %o); };
		POSIX::_exit($@ ? 1 : 0);
	}
	$self->{control} = $near;
	return $self;
}

sub port { return $_[0]{port}; }

# Sends one command, takes the status that answers it.
sub _ask
{
	my ($self, $command, $payload) = @_;

	local $SIG{PIPE} = 'IGNORE';
	_write_all($self->{control}, "$command\n" . ($payload // ''));
	my $line = readline($self->{control}) // die 'the sender is gone';
	@$self{qw(sent accepts connected held asked acked refused)} = split ' ', $line;
	return $self;
}

# It may send up to this offset of its data.
sub send_to { my ($self, $offset) = @_; return $self->_ask("limit $offset"); }

sub append { my ($self, $data) = @_; return $self->_ask('append ' . length($data), $data); }

# Bytes a second; 0: no limit.
sub rate { my ($self, $rate) = @_; return $self->_ask("rate $rate"); }

# It loses what lies before this offset of its data.
sub forget { my ($self, $offset) = @_; return $self->_ask("forget $offset"); }

# It becomes another: of this identity, with this data.
sub restart { my ($self, $identity, $data) = @_; return $self->_ask('restart ' . length($data) . " $identity", $data); }

# Closes the connection it has; the next one goes on where this ended.
sub disconnect { return $_[0]->_ask('disconnect'); }

# The same, by a reset.
sub reset { return $_[0]->_ask('reset'); }

# Sends everything, then closes; whoever connects later is closed at once.
sub finish { return $_[0]->_ask('finish'); }

# Nobody listens any more; listen undoes it.
sub refuse { return $_[0]->_ask('refuse'); }
sub listen { return $_[0]->_ask('listen'); }

sub sent { return $_[0]->_ask('status')->{sent}; }
sub accepts { return $_[0]->_ask('status')->{accepts}; }
sub connected { return $_[0]->_ask('status')->{connected}; }
sub asked { return $_[0]->_ask('status')->{asked}; }
sub acked { return $_[0]->_ask('status')->{acked}; }
sub refused { return $_[0]->_ask('status')->{refused}; }

# A peer came back and waits for the byte to go on from: go says it.
sub held { my $s = $_[0]->_ask('status'); return $s->{held} && $s->{connected}; }
sub go { my ($self, $offset) = @_; return $self->_ask("go $offset"); }

sub wait_sent
{
	my ($self, $offset, $seconds) = @_;
	my $deadline = time() + ($seconds // 120);

	while ($self->sent < $offset)
	{
		die "the sender sent only $self->{sent} of $offset bytes" if time() > $deadline;
		usleep(20_000);
	}
	return $self;
}

sub wait_acked
{
	my ($self, $offset, $seconds) = @_;
	my $deadline = time() + ($seconds // 120);

	while ($self->acked < $offset)
	{
		die "the sender heard only ACK $self->{acked} of $offset" if time() > $deadline;
		usleep(20_000);
	}
	return $self;
}

sub wait_accepts
{
	my ($self, $n, $seconds) = @_;
	my $deadline = time() + ($seconds // 120);

	while ($self->accepts < $n)
	{
		die "the sender met only $self->{accepts} of $n connections" if time() > $deadline;
		usleep(20_000);
	}
	return $self;
}

sub wait_disconnected
{
	my ($self, $seconds) = @_;
	my $deadline = time() + ($seconds // 120);

	while ($self->connected)
	{
		die 'the sender is still connected' if time() > $deadline;
		usleep(20_000);
	}
	return $self;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!);

	close $self->{control} if $self->{control};
	kill('KILL', $self->{pid});
	waitpid($self->{pid}, 0);
	return;
}

sub _write_all
{
	my ($socket, $data) = @_;
	my $done = 0;

	while ($done < length $data)
	{
		my $n = syswrite($socket, $data, length($data) - $done, $done) // die "could not write: $!";
		$done += $n;
	}
	return;
}

# The child: everything below runs there.

sub _serve
{
	my ($control, $listener, $data, %o) = @_;
	my $s = { control => $control, listener => $listener, data => $data, hold => $o{hold}, once => $o{once}, whole => $o{whole},
		held => 0, limit => 0, sent => 0, accepts => 0, rate => 0,
		resume => $o{resume}, identity => $o{identity}, literal => $o{literal}, keep => $o{keep},
		asked => -1, acked => -1, forgotten => 0, refused => 0 };

	$SIG{PIPE} = 'IGNORE';
	$s->{port} = $listener->sockport;
	while (1)
	{
		my $sendable = _sendable($s);
		my ($read, $write) = ('', '');

		vec($read, fileno($control), 1) = 1;
		vec($read, fileno($s->{listener}), 1) = 1 if $s->{listener} && (!$s->{peer} || $s->{once});
		vec($read, fileno($s->{peer}), 1) = 1 if $s->{peer};
		vec($write, fileno($s->{peer}), 1) = 1 if $s->{peer} && $sendable > 0;
		select($read, $write, undef, $s->{rate} ? 0.01 : undef) >= 0 or next;

		if ($s->{peer} && vec($read, fileno($s->{peer}), 1))
		{
			my $said;
			sysread($s->{peer}, $said, $block) ? _hear($s, $said) : _drop($s);
		}
		elsif ($s->{listener} && vec($read, fileno($s->{listener}), 1))
		{
			_accept($s);
		}
		elsif ($s->{peer} && vec($write, fileno($s->{peer}), 1))
		{
			_send($s, $sendable);
		}
		_end($s) if $s->{peer} && _done($s);
		_obey($s) or return if vec($read, fileno($control), 1);
	}
}

sub _sendable
{
	my ($s) = @_;
	return 0 if $s->{held};
	my $end = $s->{limit} < length $s->{data} ? $s->{limit} : length $s->{data};

	if ($s->{rate})
	{
		my $paced = $s->{rate_from} + $s->{rate} * (time() - $s->{rate_since});
		$end = int($paced) if $paced < $end;
	}
	return $end - $s->{sent};
}

sub _send
{
	my ($s, $sendable) = @_;
	my $n = syswrite($s->{peer}, $s->{data}, $sendable < $block ? $sendable : $block, $s->{sent});

	if (defined $n) { $s->{sent} += $n; }
	elsif (!$!{EAGAIN} && !$!{EINTR}) { _drop($s); }
	return;
}

sub _accept
{
	my ($s) = @_;

	my $peer = $s->{listener}->accept or return;
	$s->{accepts}++;
	return if $s->{once} && $s->{accepts} > 1;
	$s->{peer} = $peer;
	$s->{peer}->blocking(0);
	$s->{held} = 1 if $s->{resume} || ($s->{hold} && $s->{accepts} > 1);
	@$s{qw(heard shut)} = ('', 0);
	$s->{sent} = 1 + rindex($s->{data}, "\n", $s->{sent} - 1) if $s->{whole} && $s->{sent};
	return;
}

# Lines of a peer that speaks the protocol.
sub _hear
{
	my ($s, $said) = @_;

	return unless $s->{resume};
	$s->{heard} .= $said;
	while ($s->{heard} =~ s/^([A-Z]+) (\d+)\n//)
	{
		if ($1 eq 'ACK') { $s->{acked} = $2; $s->{forgotten} = $2 if $2 > $s->{forgotten} && !$s->{keep}; }
		elsif ($1 eq 'RESUME' && $s->{held}) { _resume($s, $2); }
		else { die "unexpected $1"; }
	}
	return;
}

# As long as nothing of it was acknowledged it cannot know whose byte this is, but holds all.
sub _resume
{
	my ($s, $offset) = @_;
	my $named = defined $s->{identity};
	my $from = $named && !$s->{literal} && $s->{acked} < 0 ? 0 : $offset;
	my $header = $named ? "STREAM $s->{identity}\n" : '';

	$s->{asked} = $offset;
	$from = 0 if $named && $s->{literal} && $s->{fresh};
	$s->{fresh} = 0;
	if ($from < $s->{forgotten})
	{
		$s->{refused}++;
		_write_all($s->{peer}, "${header}ERR $s->{forgotten}\n");
		return;
	}
	_write_all($s->{peer}, $header . ($named && !$s->{literal} ? "DATA $from\n" : ''));
	@$s{qw(sent held rate_from rate_since)} = ($from, 0, $from, time());
	return;
}

# Nothing more will come; a peer that acknowledges may still have something to say.
sub _end
{
	my ($s) = @_;

	if (!$s->{resume}) { _drop($s); }
	elsif (!$s->{shut}++) { shutdown($s->{peer}, 1); }
	return;
}

sub _drop
{
	my ($s) = @_;

	close delete $s->{peer} if $s->{peer};
	return;
}

sub _done
{
	my ($s) = @_;
	return $s->{finish} && !$s->{held} && $s->{sent} == length $s->{data};
}

# One command; false when the test is gone.
sub _obey
{
	my ($s) = @_;
	my $line = '';

	while ($line !~ /\n$/)
	{
		sysread($s->{control}, $line, 1, length $line) or return 0;
	}
	my ($verb, $n, $identity) = split ' ', $line;
	_act($s, $verb, $n, $identity);
	_write_all($s->{control}, join(' ', @$s{qw(sent accepts)}, $s->{peer} ? 1 : 0,
			@$s{qw(held asked acked refused)}) . "\n");
	return 1;
}

sub _act
{
	my ($s, $verb, $n, $identity) = @_;

	if ($verb eq 'restart')
	{
		_drop($s);
		@$s{qw(data sent acked forgotten identity fresh finish)} = ('', 0, -1, 0, $identity, 1, 0);
	}
	if ($verb eq 'limit') { $s->{limit} = $n; }
	elsif ($verb eq 'append' || $verb eq 'restart')
	{
		my $end = length($s->{data}) + $n;
		while (length $s->{data} < $end)
		{
			sysread($s->{control}, $s->{data}, $end - length $s->{data}, length $s->{data}) or last;
		}
	}
	elsif ($verb eq 'rate') { @$s{qw(rate rate_from rate_since)} = ($n, $s->{sent}, time()); }
	elsif ($verb eq 'forget') { $s->{forgotten} = $n; }
	elsif ($verb eq 'disconnect') { _drop($s); }
	elsif ($verb eq 'reset')
	{
		setsockopt($s->{peer}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $s->{peer};
		_drop($s);
	}
	elsif ($verb eq 'finish')
	{
		@$s{qw(finish limit)} = (1, length $s->{data});
		_end($s) if $s->{peer} && _done($s);
	}
	elsif ($verb eq 'go') { @$s{qw(sent held rate_from rate_since)} = ($n, 0, $n, time()); }
	elsif ($verb eq 'refuse') { close delete $s->{listener} if $s->{listener}; }
	elsif ($verb eq 'listen')
	{
		$s->{listener} ||= IO::Socket::INET->new(
			Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $s->{port}, ReuseAddr => 1);
	}
	return;
}

1;
