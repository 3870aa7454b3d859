# Sourced by the scripts here that run jobs: input, sender, what the jobs need.
# Uses lines and keys: how many.

fail() {
	echo "$1" >&2
	tail -n 20 "$work/server.log" >&2
	exit 1
}

query() {
	psql -XAtq -v ON_ERROR_STOP=1 -c "$1"
}

# word "NAME VALUE NAME VALUE ..." NAME
word() {
	echo "$1" | sed -n "s/.*$2 \([^ ]*\).*/\1/p"
}

# result ROW SYSTEM PARALLELISM SECONDS CPU WAL MEMORY
result() {
	echo "$@" >> "$work/results"
	echo "$@" >&2
}

# start_sender INPUT, or the arguments of bench/send.c: sets port and sender; sender_log: where it prints
start_sender() {
	: "${sender_log:=$work/sender.log}"
	rm -f "$sender_log"
	if [ $# = 1 ]; then
		make_input "$1"
		set -- "$(input_file "$1")"
	fi
	"$work/send" "$@" > "$sender_log" &
	sender=$!
	until grep -q '^port' "$sender_log" 2>/dev/null; do
		sleep 0.02
	done
	port=$(sed -n 's/^port //p' "$sender_log")
	sender_log=
}

# Two, each with half the lines: sets other_port, too.
start_two_senders() {
	make_input usual
	[ -e "$(input_file half)" ] || head -n "$((lines / 2))" "$(input_file usual)" > "$(input_file half)"
	sender_log=$work/other_sender.log
	start_sender half
	other_port=$port
	start_sender half
}

input_file() {
	echo "$work/input.$1.$lines"
}

make_input() {
	[ ! -e "$(input_file "$1")" ] || return 0
	case $1 in
		usual) some=$keys ;;
		many) some=10000000 ;;
		few) some=1000 ;;
	esac
	perl -e 'srand(1); print int(rand($ARGV[1])), " ", int(rand(2001)) - 1000, "\n" for 1 .. $ARGV[0]' \
		"$lines" "$some" > "$(input_file "$1")"
}

# check_rows STEP: windows without a time to live are as many as every key's pairs, and
# running counts add up to the lines.
check_rows() {
	if [ "$1" = running ]; then
		rows=$(query "SELECT sum(n) FROM totals")
		[ "$rows" = "$lines" ] || fail "the counts are $rows, not $lines"
		return
	fi
	[ -e "$work/pairs" ] ||
		awk '{ n[$1]++ } END { for (key in n) pairs += int(n[key] / 2); print pairs }' "$(input_file usual)" > "$work/pairs"
	rows=$(query "SELECT count(*) FROM averages")
	[ "$rows" = "$(cat "$work/pairs")" ] || fail "$rows rows, not $(cat "$work/pairs")"
}

# Built where it is loaded from, by path.
build_functions() {
	include=$("$PG_CONFIG" --includedir-server)
	cc -O2 -pthread -o "$work/send" bench/send.c
	for library in bench/average.c examples/c_function/moving_average.c; do
		cc -O2 -fno-omit-frame-pointer -fPIC -shared -I"$include" -o "$work/$(basename "$library" .c).so" "$library"
	done
}

# On a running server.
set_up_jobs() {
	export PGOPTIONS="-c client_min_messages=warning"
	build_functions
	psql -Xq -v ON_ERROR_STOP=1 -v library="$work/average" -f bench/setup.sql
	{
		echo "CREATE SCHEMA moving_average; SET search_path = moving_average;"
		sed "s|MODULE_PATHNAME|$work/moving_average|" examples/c_function/moving_average--1.0.sql
	} | psql -XAtq -v ON_ERROR_STOP=1 > /dev/null
}

# The rows of bench/rows that are named, or all, without blanks round the bars.
rows() {
	grep -v '^#' bench/rows | sed 's/ *| */|/g; s/ *$//' |
		while IFS='|' read -r name rest; do
			case " ${1:-$name} " in
				*" $name "*) echo "$name|$rest" ;;
			esac
		done
}
