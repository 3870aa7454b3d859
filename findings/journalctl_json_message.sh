#!/bin/sh
# systemd 252.39-1~deb12u2 (Debian 12).
#
# One would guess that journalctl -o json writes MESSAGE as a string, and whole. It is an array of the bytes'
# numbers if the message holds a control character other than tab and newline, such as the colours of a
# terminal; an array of strings if the field was given twice; and null if it has, with MESSAGE= before it,
# 4096 bytes or more, unless --all is given.
. "$(dirname "$0")/lib/finding"

debs systemd systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 systemd-journal-remote=252.39-1~deb12u2
cd "$tmp"

# entry NUMBER: the head of an entry in the journal export format; standard input is its fields.
entry()
{
	printf '__REALTIME_TIMESTAMP=170000000000000%d\n__MONOTONIC_TIMESTAMP=100%d\n' "$1" "$1"
	echo _BOOT_ID=0123456789abcdef0123456789abcdef
	cat
	echo
}

short=$(printf '%04087d' 0)
long=$(printf '%04088d' 0)
{
	echo 'MESSAGE=a plain one' | entry 1
	# In this format such a value follows its length, eight bytes with the lowest first.
	printf 'MESSAGE\n\014\0\0\0\0\0\0\0\033[31mred\033[0m\n' | entry 2
	printf 'MESSAGE=once\nMESSAGE=twice\n' | entry 3
	echo "MESSAGE=$short" | entry 4
	echo "MESSAGE=$long" | entry 5
} > export
unpacked systemd systemd/lib/systemd/systemd-journal-remote -o finding.journal - < export > remote.log 2>&1 || {
	cat remote.log >&2
	give_up "systemd-journal-remote failed"
}
for all in '' ' --all'; do
	echo "journalctl -o json$all:"
	unpacked systemd systemd/bin/journalctl --file finding.journal -o json$all |
		sed -e 's/.*"MESSAGE":\(\[[^]]*\]\|"[^"]*"\|null\).*/\1/' -e "s/\"$long\"/\"4088 digits\"/" -e "s/\"$short\"/\"4087 digits\"/"
done > seen

same <<'SAID'
journalctl -o json:
"a plain one"
[27,91,51,49,109,114,101,100,27,91,48,109]
["once","twice"]
"4087 digits"
null
journalctl -o json --all:
"a plain one"
[27,91,51,49,109,114,101,100,27,91,48,109]
["once","twice"]
"4087 digits"
"4088 digits"
SAID
