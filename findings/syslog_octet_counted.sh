#!/bin/sh
# rsyslog 8.2302.0-1+deb12u2 and syslog-ng 3.38.1-5+deb12u1 (Debian 12).
#
# By RFC 6587 the length before an octet-counted message tells where it ends, so one would guess that such a
# message has no newline behind it, and certainly not within the length. Both senders end each message with a
# newline and count it: rsyslog with TCP_Framing="octet-counted" and its own RFC 5424 template, syslog-ng with
# its destination syslog(). A receiver that believes the length gets a message that ends in a newline.
. "$(dirname "$0")/lib/finding"

debs rsyslog rsyslog=8.2302.0-1+deb12u2
debs syslog-ng syslog-ng-core=3.38.1-5+deb12u1
cd "$tmp"
echo hello > log
mkdir state

# receive.py CONFIG COMMAND...: starts a sender whose CONFIG says PORT where the port belongs, takes the
# first message by its length and prints how it ends.
cat > receive.py <<'PYTHON'
import socket, subprocess, sys

server = socket.create_server(("127.0.0.1", 0))
server.settimeout(60)
with open(sys.argv[1]) as config:
    text = config.read().replace("PORT", str(server.getsockname()[1]))
with open(sys.argv[1], "w") as config:
    config.write(text)
sender = subprocess.Popen(sys.argv[2:], stdout=sys.stderr)
try:
    connection, _ = server.accept()
    connection.settimeout(60)
    stream = connection.makefile("rb")
    length = b""
    while not length.endswith(b" "):
        length += stream.read(1)
    print(stream.read(int(length))[-6:])
finally:
    sender.terminate()
    sender.wait(60)
PYTHON

cat > rsyslog.conf <<CONF
global(workDirectory="$tmp/state")
module(load="imfile")
input(type="imfile" file="$tmp/log" tag="finding" ruleset="send")
ruleset(name="send") {
	action(type="omfwd" target="127.0.0.1" port="PORT" protocol="tcp"
		TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
}
CONF
cat > syslog-ng.conf <<CONF
@version: 3.38
options { use-dns(no); };
source lines { file("$tmp/log" flags(no-parse) read-old-records(yes)); };
destination send { syslog("127.0.0.1" transport("tcp") port(PORT)); };
log { source(lines); destination(send); };
CONF

modules=$(echo "$tmp"/rsyslog/usr/lib/*/rsyslog)
{
	printf 'rsyslog: '
	unpacked rsyslog python3 receive.py rsyslog.conf "$tmp/rsyslog/usr/sbin/rsyslogd" -n -f rsyslog.conf \
		-i "$tmp/state/pid" -M "$modules"
	printf 'syslog-ng: '
	unpacked syslog-ng python3 receive.py syslog-ng.conf "$tmp/syslog-ng/usr/sbin/syslog-ng" -F \
		-f syslog-ng.conf --module-path="$tmp/syslog-ng/usr/lib/syslog-ng/3.38" \
		--persist-file="$tmp/state/persist" --control="$tmp/state/control" --pidfile="$tmp/state/ng.pid"
} > seen 2> log.err || { cat log.err >&2; exit 1; }

same <<'SAID'
rsyslog: b'hello\n'
syslog-ng: b'hello\n'
SAID
