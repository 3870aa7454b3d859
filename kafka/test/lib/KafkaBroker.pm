package KafkaBroker;

=head1 KafkaBroker

A real Kafka broker on ports of its own, which ends with the test; or three.

	my $kafka = KafkaBroker->start;
	$kafka->create_topic('readings', 6, 'retention.ms=-1');
	$kafka->produce('readings', [ map { "$_ 1" } 1 .. 10 ], key => ' ');
	$kafka->kill9; $kafka->again;
	my @values = $kafka->consume('readings', 10);

=cut

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(rmtree);
use IPC::Run qw(run);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(WNOHANG);

my $here = dirname(dirname(abs_path(__FILE__)));
my $script = "$here/broker";
my $count = 0;
my $topic_program;
my @started;

# Options: brokers (1 or 3), extra (lines of server.properties).
sub start
{
	my ($class, %options) = @_;
	my $n = $options{brokers} // 1;
	my @ports = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 2 * $n;
	my $self = bless { all_ports => \@ports, extra => $options{extra} // '', ports => [ map { $ports[ 2 * $_ ] } 0 .. $n - 1 ], pids => [ (undef) x $n ],
		dir => PostgreSQL::Test::Utils::tempdir_short() . '/kafka' . ++$count }, $class;

	local $ENV{KAFKA_EXTRA} = $options{extra} // '';
	system_or_bail('sh', $script, 'format', $self->{dir}, @ports);
	push @started, $self;
	$self->_launch($_) foreach 1 .. $n;
	$self->_await($_) foreach 1 .. $n;
	return $self;
}

sub _launch
{
	my ($self, $n) = @_;
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		exec('sh', $script, 'run', $self->{dir}, $n) or POSIX::_exit(127);
	}
	$self->{pids}[ $n - 1 ] = $pid;
	return;
}

sub _await
{
	my ($self, $n) = @_;
	return system_or_bail('sh', $script, 'await', $self->{dir}, $n, $self->{pids}[ $n - 1 ]);
}

sub _signal
{
	my ($self, $signal, $n) = @_;
	my $pid = $self->{pids}[ $n - 1 ];

	return unless $pid;
	kill($signal, $pid);
	local $?;
	waitpid($pid, 0);
	$self->{pids}[ $n - 1 ] = undef;
	return;
}

# Where clients connect to.
sub brokers
{
	my ($self) = @_;
	return join(',', map { "127.0.0.1:$_" } @{ $self->{ports} });
}

# One of several brokers is the first, if none is named.
sub kill9 { my ($self, $n) = @_; return $self->_signal('KILL', $n // 1); }

sub term { my ($self, $n) = @_; return $self->_signal('TERM', $n // 1); }

# Starts one that was killed, on its ports and files; again(wait => 0): does not wait until it answers;
# again(empty => 1): the only one, which has lost its disk.
sub again
{
	my ($self, %options) = @_;
	my $n = $options{broker} // 1;

	if ($options{empty})
	{
		local $ENV{KAFKA_EXTRA} = $self->{extra};

		rmtree("$self->{dir}/1/data");
		system_or_bail('sh', $script, 'format', $self->{dir}, @{ $self->{all_ports} });
	}
	$self->_launch($n);
	$self->_await($n) if $options{wait} // 1;
	return;
}

# Holds it as it is, as a network would that is gone; and goes on.
sub pause { my ($self, $n) = @_; return kill('STOP', $self->{pids}[ ($n // 1) - 1 ]); }

sub resume { my ($self, $n) = @_; return kill('CONT', $self->{pids}[ ($n // 1) - 1 ]); }

# For good.
sub stop
{
	my ($self) = @_;

	$self->_signal('KILL', $_) foreach 1 .. @{ $self->{pids} };
	return;
}

# What all its runs have logged.
sub log
{
	my ($self, $n) = @_;
	return join('', map { slurp_file($_) } glob("$self->{dir}/" . ($n // 1) . '/log.*'));
}

# ---- topics ----

sub _topic_program
{
	return $topic_program //= do
	{
		my $program = PostgreSQL::Test::Utils::tempdir_short() . '/topic';

		system_or_bail($ENV{CC} || 'cc', '-O1', '-o', $program, "$here/topic.c", '-lrdkafka');
		$program;
	};
}

# Runs the program of topic.c; its standard output.
sub topic
{
	my ($self, $input, $command, @arguments) = @_;
	my ($out, $err) = ('', '');

	run([ _topic_program(), $self->brokers, $command, @arguments ], '<', ref $input ? $input : \$input,
		'>', \$out, '2>', \$err)
	  or die "topic $command @arguments: $err ($?)";
	return $out;
}

# Settings: 'retention.ms=1000'.
sub create_topic
{
	my ($self, $topic, $partitions, @settings) = @_;
	return $self->topic('', 'create', $topic, $partitions // 1, @settings);
}

# So many in all.
sub set_partitions { my ($self, $topic, $n) = @_; return $self->topic('', 'add', $topic, $n); }

sub drop_topic { my ($self, $topic) = @_; return $self->topic('', 'drop', $topic); }

# Of a partition what lies before an offset, as retention would.
sub forget { my ($self, $topic, $partition, $offset) = @_; return $self->topic('', 'forget', $topic, $partition, $offset); }

sub _rows { return map { [ split /\t/ ] } split /\n/, shift; }

# By partition, each [first, end].
sub ends
{
	my ($self, $topic) = @_;
	return map { [ @$_[ 1, 2 ] ] } _rows($self->topic('', 'ends', $topic));
}

# What a group has committed: partition => offset.
sub committed
{
	my ($self, $group, $topic) = @_;
	return map { $_->[0] => $_->[1] } _rows($self->topic('', 'committed', $group, $topic));
}

# ---- messages ----

# Messages with all that belongs to them: [partition, ms, key, value, 'header=value'...], undef is
# NULL; partition -1 is by key, ms 0 is now.  Options: transaction => 'id', end => 'abort'.
sub put
{
	my ($self, $topic, $messages, %options) = @_;
	my $input = join('', map { join("\t", map { $_ // '\N' } @$_) . "\n" } @$messages);
	my @end = defined $options{transaction} ? ($options{end} // 'commit', $options{transaction}) : ();

	return $self->topic($input, 'put', $topic, @end);
}

# The same on and on: print to {in} what put makes of messages, "partition TAB ms TAB key TAB value"
# lines, close it, and finish says whether all of them were delivered.
sub start_put
{
	my ($self, $topic) = @_;
	my @command = (_topic_program(), $self->brokers, 'put', $topic);

	pipe(my $out, my $in) or die "pipe: $!";
	my $pid = fork() // die "could not fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<&', $out) or POSIX::_exit(127);
		close $in;
		exec(@command) or POSIX::_exit(127);
	}
	close $out;
	return bless { in => $in, pid => $pid }, 'KafkaBroker::Producer';
}

# Lines by kcat, or a file of them.  Options: key => ' ' is what ends the key in each, partition.
sub produce
{
	my ($self, $topic, $lines, %options) = @_;
	my $file = ref $lines ? PostgreSQL::Test::Utils::tempdir_short() . '/lines' : $lines;

	if (ref $lines)
	{
		open(my $out, '>', $file) or die "could not write $file: $!";
		print $out map { "$_\n" } @$lines;
		close $out;
	}
	system_or_bail('kcat', '-P', '-b', $self->brokers, '-t', $topic,
		(defined $options{key} ? ('-K', $options{key}) : ()),
		(defined $options{partition} ? ('-p', $options{partition}) : ()), '-l', $file);
	return;
}

# What a topic holds now, by kcat, as it is committed.  Options: format (kcat's, %s\n), partition.
sub consume
{
	my ($self, $topic, %options) = @_;
	my ($out, $err) = ('', '');

	run([ 'kcat', '-C', '-q', '-e', '-b', $self->brokers, '-t', $topic, '-o', 'beginning',
			'-X', 'isolation.level=read_committed', '-f', $options{format} // '%s\n',
			(defined $options{partition} ? ('-p', $options{partition}) : ()) ],
		'>', \$out, '2>', \$err)
	  or die "kcat: $err";
	return split /\n/, $out;
}

sub KafkaBroker::Producer::finish
{
	my ($self) = @_;

	local $?;
	waitpid($self->{pid}, 0);
	return $? == 0;
}

END
{
	local $?;
	$_->stop foreach @started;
}

1;
