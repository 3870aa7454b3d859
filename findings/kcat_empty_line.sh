#!/bin/sh
# kcat 1.7.1-2 with librdkafka 2.0.2-1 (Debian 12), Apache Kafka 4.4.0.
#
# kcat -P makes a message of each line, and one would guess that an empty line becomes an empty message, which
# Kafka has, or with -Z ("Send empty messages as NULL messages") a NULL one, a tombstone. Instead empty
# lines are skipped without a word, with -Z too, from a pipe and from a file (-l); the exit status is 0. With a
# delimiter of keys (-K:) a line "key:" is a message with an empty value, and with -Z one with NULL.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/kafka"

debs kcat kcat=1.7.1-2 librdkafka1=2.0.2-1
broker
kcat()
{
	unpacked kcat "$tmp/kcat/usr/bin/kcat" -b "$brokers" "$@"
}

# Three lines, the second of them empty.
printf 'one\n\nthree\n' > "$tmp/lines"
kcat -P -t pipe < "$tmp/lines"
kcat -P -t pipe_z -Z < "$tmp/lines"
kcat -P -t file -l "$tmp/lines"
printf 'k:one\nk:\nk:three\n' | kcat -P -t keys -K:
printf 'k:one\nk:\nk:three\n' | kcat -P -t keys_z -K: -Z
for topic in pipe pipe_z file keys keys_z; do
	kcat -C -q -e -o beginning -t $topic -f '%t: %o "%s" of %S bytes\n'
done > "$tmp/seen"

same <<'SAID'
pipe: 0 "one" of 3 bytes
pipe: 1 "three" of 5 bytes
pipe_z: 0 "one" of 3 bytes
pipe_z: 1 "three" of 5 bytes
file: 0 "one" of 3 bytes
file: 1 "three" of 5 bytes
keys: 0 "one" of 3 bytes
keys: 1 "" of 0 bytes
keys: 2 "three" of 5 bytes
keys_z: 0 "one" of 3 bytes
keys_z: 1 "" of -1 bytes
keys_z: 2 "three" of 5 bytes
SAID
