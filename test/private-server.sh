# Sourced by the scripts that run Weir on a server of their own.
#
# enter SCRIPT ARG...   As root: installs from Debian what is missing, builds
#                       Weir in a private copy of the tree, installs it beside
#                       PostgreSQL, runs SCRIPT again in that copy as an
#                       unprivileged user (PostgreSQL refuses root), removes
#                       the copy and exits with its status.  In the copy: returns.
#                       A script that needs more built than Weir redefines build_more,
#                       which is called as root before that.
# server_create, server_start, server_kill, server_stop
#                       The throw-away server in $work/data; it listens on a
#                       socket in $work only, so it can meet no other server.
#
# PG_CONFIG names another PostgreSQL; KEEP=1 keeps the copy; ASSERT=1 builds with
# assertions, FAULTS=1 with fault points (src/base/fault.h).
# Before it is sourced, $top is the root of the tree.

# The newest server for which apt knows all that the tests need.
newest_packaged() {
	apt-cache pkgnames postgresql- 2>/dev/null | sed -n 's/^postgresql-\([0-9]*\)-pgtap$/\1/p' |
		sort -n | tail -n 1
}

# The server that this Debian packages; unstable, which has no number, the newest.
packaged_major() {
	case $(. /etc/os-release && echo "${ID-} ${VERSION_ID-}") in
		"debian 12") echo 15 ;;
		"debian 13") echo 17 ;;
		*)
			[ -n "$(newest_packaged)" ] || apt-get -q update >&2 || :
			newest_packaged
			;;
	esac
}

if [ -z "${PG_CONFIG-}" ]; then
	pg_major=$(packaged_major)
	if [ -z "$pg_major" ]; then
		echo "apt knows no package postgresql-NN-pgtap: PG_CONFIG can name a PostgreSQL to use" >&2
		exit 1
	fi
	PG_CONFIG=/usr/lib/postgresql/$pg_major/bin/pg_config
fi
pg_user=postgres

# Packages that must be there, and what for.
packages() {
	echo gcc make libc6-dev perl python3-minimal openssl libssl-dev libpq-dev
	[ -n "${pg_major-}" ] || return 0
	echo "postgresql-$pg_major" "postgresql-server-dev-$pg_major"
	echo "postgresql-$pg_major-pgtap" libipc-run-perl
}

# Of the packages named, those that are not installed.
missing_of() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
			"install ok installed") ;;
			*) echo "$package" ;;
		esac
	done
}

# Not every Debian has an extension for every server: $WANTED_PACKAGES are taken where they are.
wanted_packages() {
	wanted=$(missing_of ${WANTED_PACKAGES-})
	[ -n "$wanted" ] || return 0
	apt-get -q update > /dev/null 2>&1 || :
	for package in $wanted; do
		if apt-cache show "$package" > /dev/null 2>&1; then
			echo "$package"
		else
			echo "apt does not know $package" >&2
		fi
	done
}

install_packages() {
	missing=$(missing_of $(packages) ${EXTRA_PACKAGES-} $(wanted_packages))
	[ -n "$missing" ] || return 0

	echo "installing" $missing >&2
	# Debian would create and start a cluster with a new server package.
	no_cluster=/etc/postgresql-common/createcluster.d/weir-no-cluster.conf
	mkdir -p /etc/postgresql-common/createcluster.d
	echo "create_main_cluster = false" > "$no_cluster"
	export DEBIAN_FRONTEND=noninteractive
	{
		apt-get -q update &&
		apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install $missing
	} > "$copy/apt.log" 2>&1 || {
		cat "$copy/apt.log" >&2
		rm -f "$no_cluster"
		exit 1
	}
	rm -f "$no_cluster"
}

as_user() {
	setpriv --reuid="$pg_user" --regid="$pg_user" --init-groups --reset-env \
		env LANG=C.UTF-8 TERM="${TERM-dumb}" PG_CONFIG="$PG_CONFIG" PATH="$PATH" \
		VERBOSE="${VERBOSE-}" WEIR_LINES="${WEIR_LINES-}" \
		WEIR_CHECKPOINTS="${WEIR_CHECKPOINTS-}" KILLS="${KILLS-}" DURATION="${DURATION-}" WHERE="${WHERE-}" SEED="${SEED-}" SOURCES="${SOURCES-}" \
		PARALLELISM="${PARALLELISM-}" SERVER="${SERVER-}" TOGETHER="${TOGETHER-}" \
		CASES="${CASES-}" LIVE="${LIVE-}" RUNS="${RUNS-}" LIVE_RUNS="${LIVE_RUNS-}" KINDS="${KINDS-}" CLOCK="${CLOCK-}" LATE="${LATE-}" EXTENSIONS="${EXTENSIONS-}" \
		KAFKA="${KAFKA-}" KAFKA_LIB="${KAFKA_LIB-}" RESTARTS="${RESTARTS-}" \
		OLD_PG_CONFIG="${OLD_PG_CONFIG-}" ASSERT="${ASSERT-}" FAULTS="${FAULTS-}" \
		TEST_JOBS="${TEST_JOBS-}" "$@"
}

build() {
	tar -C "$top" --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
		-cf - . | tar -C "$copy/weir" --no-same-owner -xf -
	chown -R "$pg_user": "$copy"
	echo "building" >&2
	as_user make -s -C "$copy/weir" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" ${CC:+CC="$CC"}
	make -s -C "$copy/weir" install PG_CONFIG="$PG_CONFIG" > /dev/null
}

build_more() {
	:
}

enter() {
	[ -z "${WEIR_COPY-}" ] || { enter_copy; return; }
	if [ "$(id -u)" != 0 ]; then
		echo "$1: run as root, so that it can install packages and Weir" >&2
		exit 1
	fi
	# PostgreSQL keeps a path to its socket below 107 bytes.
	copy=$(mktemp -d /tmp/weir.XXXXXX)
	trap leave EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	mkdir "$copy/weir"
	install_packages
	build
	build_more
	script=$1
	shift
	# In the background, since a shell hears no signal while it waits in the foreground.
	as_user WEIR_COPY="$copy" sh -c 'cd "$0" && exec sh "$@"' "$copy/weir" "$script" "$@" &
	status=0
	wait $! || status=$?
	exit $status
}

# Whatever still works in the copy, an interrupted test's server for one, goes with it.
leave() {
	cd /
	for signal in QUIT KILL; do
		found=
		for process in /proc/[0-9]*; do
			case $(readlink "$process/cwd" 2>/dev/null) in
				"$copy" | "$copy"/*)
					kill -s "$signal" "${process#/proc/}" 2>/dev/null && found=yes
					;;
			esac
		done
		[ -z "$found" ] || sleep 1
	done
	[ -n "${KEEP-}" ] || rm -rf "$copy"
}

enter_copy() {
	work=$WEIR_COPY
	PATH=$("$PG_CONFIG" --bindir):$PATH
	export PATH PGHOST="$work" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	unset PGDATA PGSERVICE PGOPTIONS PGPASSFILE PGAPPNAME
	server_pid=
	trap server_stop EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Arguments: further lines for postgresql.conf.
server_create() {
	initdb -D "$work/data" -U postgres -A trust -E UTF8 --locale=C -N > "$work/initdb.log" 2>&1 || {
		cat "$work/initdb.log" >&2
		exit 1
	}
	for line in "listen_addresses = ''" "unix_socket_directories = '$work'" \
		"shared_preload_libraries = 'weir'" "max_prepared_transactions = 50" \
		"max_worker_processes = 64" "$@"; do
		echo "$line"
	done >> "$work/data/postgresql.conf"
}

# The server is a child of this shell, so that no zombie outlives its kill.
server_start() {
	deadline=$(($(date +%s) + 120))
	while :; do
		postgres -D "$work/data" >> "$work/server.log" 2>&1 &
		server_pid=$!
		while kill -0 "$server_pid" 2>/dev/null; do
			! pg_isready -q || return 0
			sleep 0.1
		done
		# The killed server's last process may still hold its shared memory.
		wait "$server_pid" || :
		server_pid=
		if [ "$(date +%s)" -gt "$deadline" ]; then
			tail -n 20 "$work/server.log" >&2
			echo "the server does not start" >&2
			exit 1
		fi
		sleep 0.2
	done
}

server_kill() {
	kill -KILL "$server_pid"
	wait "$server_pid" 2>/dev/null || :
	server_pid=
}

server_stop() {
	[ -n "$server_pid" ] || return 0
	kill -INT "$server_pid" 2>/dev/null || :
	wait "$server_pid" 2>/dev/null || :
	server_pid=
}
