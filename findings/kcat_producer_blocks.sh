#!/bin/sh
# kcat 1.7.1-2 with librdkafka 2.0.2-1 (Debian 12), Apache Kafka 4.4.0.
#
# kcat -P reads lines from its standard input and sends each, so one would guess that what a program has
# written and flushed (a line of tail -f, say) is in the topic some milliseconds later. But kcat reads
# whole blocks of 1024 bytes, and waits until one is full: a line is sent when the block is that holds its end,
# or at the end of the input. The last lines before a pause stay in kcat for as long as the pause takes;
# nothing tells of them, and they are lost when kcat is killed. stdbuf -i0 does not help.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/kafka"

debs kcat kcat=1.7.1-2 librdkafka1=2.0.2-1
broker
kcat()
{
	unpacked kcat "$tmp/kcat/usr/bin/kcat" -b "$brokers" "$@"
}

count()
{
	kcat -C -q -e -o beginning -t "$1" | wc -l
}

# written TOPIC LINES [COMMAND...]: how many lines of 100 bytes are in the topic 5 s after they were written, and
# after the end of the input.
written()
{
	topic=$1
	lines=$2
	shift 2
	kcat -P -t $topic < /dev/null
	mkfifo "$tmp/$topic"
	unpacked kcat "$@" "$tmp/kcat/usr/bin/kcat" -b "$brokers" -P -t "$topic" < "$tmp/$topic" &
	exec 3> "$tmp/$topic"
	perl -e 'print "x" x 99, "\n" for 1 .. $ARGV[0]' "$lines" >&3
	sleep 5
	now=$(count "$topic")
	exec 3>&-
	wait $!
	echo "$topic: $lines lines, after 5 s $now, at the end $(count "$topic")"
}

{
	written one 1
	written ten 10
	written hundred 100
	written unbuffered 100 stdbuf -i0
} > "$tmp/seen"

same <<'SAID'
one: 1 lines, after 5 s 0, at the end 1
ten: 10 lines, after 5 s 0, at the end 10
hundred: 100 lines, after 5 s 92, at the end 100
unbuffered: 100 lines, after 5 s 92, at the end 100
SAID
