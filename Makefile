# Weir: build with PGXS.  See README.md for the commands that do everything.
#
#	make, make install       the extension, for the PostgreSQL of PG_CONFIG
#	make installcheck        pg_regress and pgTAP on a running server (PGHOST, PGPORT) with weir preloaded
#	make unit, make lint     the pure tests and SIM_SECONDS=30 of the simulator; the rules of the
#	                         tree: no server needed
#	make sim, sim-mutants    the simulator: SHAPE=.. SEEDS=.. STEPS=.. SECONDS=.. or SEED=..; its mistakes
#	make test                as root: everything, on a throw-away server
#	make bench               as root: speed beside Flink, a table: LINES=.. KEYS=.. ROUNDS=..
#	                         ROWS="window copy" PEER=off, see bench/run
#	make bench-check         as root: fails where HEAD is 10 % slower than BASE=commit
#	make bench-backpressure  as root: checkpoints behind a slow sink: SECONDS=.. BASE=commit, see bench/backpressure
#	make bench-idle          as root: what jobs cost whose senders are silent: JOBS=.. DURATION=..
#	make bench-profile       as root: where the time goes, by stage: ROWS=.. LINES=.. KEYS=..
#	make bench-state         as root: what keyed state costs: KEYS=.. RATE=.. DURATION=..
#	make bench-windows       as root: windows of event time beside a count window: LINES=.. KEYS=..
#	make bench-timers        as root: setting and firing timers of a function: TIMERS=.. KEYS=.. TASKS=..
#	make bench-feed          as root: COPY into a feed beside COPY into a table: LINES=.. ROUNDS=..
#	make bench-changes       as root: changes of a table beside pg_recvlogical: LINES=.. SIZE=.. ROUNDS=.. KINDS="two wide update"
#	make bench-nexmark       as root: Nexmark's queries beside Flink SQL: EVENTS=.. SEED=.. ROUNDS=.. QUERIES="q0 q5"
#	                         PEER=off PARALLELISM="1 2" WARM=1 CHECK=1, see bench/nexmark/run
#	make bench-kafka         as root: a topic read by Weir, by kcat and by Flink: LINES=.. KEYS=.. PARTITIONS=..
#	                         ROUNDS=.. PARALLELISM="1 2" PEER=off WARM=1, see bench/kafka/run
#	make torture             as root: KILLS=100 of the server's processes under WEIR_LINES=5000000, SEED=1;
#	                         CLOCK=1: while its clock is set back and forth
#	make torture-feed        as root: KILLS=5 while WEIR_LINES=2000000 rows are copied and inserted into a stream
#	make torture-shapes      as root: KILLS=20 of the server under SOURCES=4 streams, a chain of keyed
#	                         steps at PARALLELISM=3 and two outputs, written by these and then by one task
#	make torture-changes     as root: KILLS=10 within DURATION=60 s while eight sessions change a table that a job follows
#	make kafka, kafka-install  the extension weir_kafka, which needs librdkafka
#	make kafka-check         as root: its tests, with a real broker
#	make torture-kafka       as root: KILLS=20 of the server and its tasks and RESTARTS=3 of the broker
#	                         while WEIR_LINES=1000000 messages are read
#	make report-check        as root: weir.report() in a browser; make metrics-check: weir.openmetrics()
#	                         by promtool, and what examples/monitoring serves
#	make format              PostgreSQL's style
MODULE_big = weir
EXTENSION  = weir
WEIR_VERSION = 0.2.0
DATA       = $(filter-out $(DATA_built),$(wildcard sql/weir--*.sql))
DATA_built = sql/weir--$(WEIR_VERSION).sql
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c)))
HEADERS_weir = $(wildcard src/weir.h)

WERROR ?= -Werror
PG_CPPFLAGS = -I$(srcdir)/src -I$(libpq_srcdir) -DWEIR_SQL_VERSION='"$(WEIR_VERSION)"'
# C23 would read the walkers that PostgreSQL 15 declares as functions without arguments.
PG_CFLAGS   = -std=gnu17 -Wall -Wextra $(WERROR) -Wno-unused-parameter -Wno-sign-compare \
              -Wno-missing-field-initializers -Wno-declaration-after-statement

# PostgreSQL was built with gcc: clang does not know all of its flags.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS  += -Wno-unknown-warning-option -Wno-ignored-optimization-argument \
              -Wno-ignored-attributes -Wno-cast-function-type-strict
endif

ifdef ASSERT
PG_CPPFLAGS += -DUSE_ASSERT_CHECKING=1
endif

# Places where tests make the server fail, see src/base/fault.h.
ifdef FAULTS
PG_CPPFLAGS += -DWEIR_FAULTS
endif

EXTRA_CLEAN = sql/weir--$(WEIR_VERSION).sql

# Bitcode would only serve inlining into JIT, which tasks never use.
override with_llvm := no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Calls within the library go straight to their function.
SHLIB_LINK += -Wl,-Bsymbolic-functions

# Other servers, and the changes of this one.
SHLIB_LINK += $(libpq)

# TLS by the library that the server uses for its own.
ifeq ($(with_ssl),openssl)
SHLIB_LINK += -lssl -lcrypto
endif

# Catalog look-ups outside a transaction fail an assertion.
ifdef ASSERT
$(filter-out src/decide/%,$(OBJS)): override CPPFLAGS += -include $(srcdir)/src/base/lookup.h
else
# The pure code asserts by the C library.
src/decide/%.o: override CPPFLAGS += -DNDEBUG
endif

sql/weir--$(WEIR_VERSION).sql: $(sort $(wildcard sql/part--*.sql))
	cat $^ > $@

# Every object sees every header: a change of one rebuilds all, which is quick.
$(OBJS): $(wildcard src/*.h src/*/*.h src/*/*/*.h)

SQL_TESTS = $(sort $(filter-out sql/part--% sql/weir--%,$(wildcard sql/*.sql)) $(wildcard test/pgtap/*.sql))

SIM_SECONDS ?= 30
KILLS ?= 100
WEIR_LINES ?= 5000000
SEED ?= 1
# The simulator runs the very objects that are linked into the extension.
DECIDE_OBJS = $(filter src/decide/%,$(OBJS))
SIM = $(MAKE) --no-print-directory -C test/sim DECIDE='$(abspath $(DECIDE_OBJS))'

.PHONY: report-check metrics-check
.PHONY: kafka kafka-install kafka-check torture-kafka
.PHONY: test installcheck unit sim sim-mutants lint format torture torture-feed torture-shapes
.PHONY: bench bench-backpressure bench-check bench-feed bench-idle bench-nexmark bench-profile bench-state bench-windows
.PHONY: bench-timers bench-changes bench-kafka torture-changes

test:
	sh test/run

kafka:
	@$(MAKE) --no-print-directory -C kafka

kafka-install:
	@$(MAKE) --no-print-directory -C kafka install

kafka-check:
	sh kafka/test/run

installcheck:
	PG_CONFIG='$(PG_CONFIG)' perl test/harness $(SQL_TESTS)

unit:
	$(MAKE) -C test/unit check
	@$(MAKE) --no-print-directory -C test/sim check SECONDS=$(SIM_SECONDS)

sim: $(DECIDE_OBJS)
	@$(SIM) sim

sim-mutants: $(DECIDE_OBJS)
	@$(SIM) mutants

lint:
	perl test/lint

report-check:
	@sh test/report

metrics-check:
	@sh test/metrics

format:
	clang-format -i $(wildcard src/*.[ch] src/*/*.[ch] src/*/*/*.[ch] test/unit/*.[ch] test/sim/*.[ch])

# Not the LINES of a terminal that exports them.
bench:
	@RECORDS='$(if $(filter command,$(origin LINES)),$(LINES))' KEYS='$(KEYS)' ROUNDS='$(ROUNDS)' ROWS='$(ROWS)' \
		PEER='$(PEER)' WARM='$(WARM)' PARALLELISM='$(PARALLELISM)' sh bench/run

bench-check:
	@BASE='$(BASE)' JOBS='$(JOBS)' RECORDS='$(if $(filter command,$(origin LINES)),$(LINES))' ROUNDS='$(ROUNDS)' sh bench/check

bench-backpressure:
	@BASE='$(BASE)' DURATION='$(SECONDS)' BASE_DURATION='$(BASE_SECONDS)' UNALIGNED='$(UNALIGNED)' ROUNDS='$(ROUNDS)' \
		sh bench/backpressure

bench-idle:
	@JOBS='$(JOBS)' DURATION='$(DURATION)' sh bench/idle

bench-profile:
	@RECORDS='$(if $(filter command,$(origin LINES)),$(LINES))' KEYS='$(KEYS)' ROWS='$(ROWS)' sh bench/profile/run

bench-state:
	@sh bench/state/run

torture:
	@KILLS=$(KILLS) WEIR_LINES=$(WEIR_LINES) SEED=$(SEED) CLOCK=$(CLOCK) sh test/run test/tap/095_torture.pl

bench-windows:
	@LINES='$(if $(filter command,$(origin LINES)),$(LINES))' KEYS='$(if $(filter command,$(origin KEYS)),$(KEYS))' sh bench/windows

bench-feed:
	@LINES='$(if $(filter command,$(origin LINES)),$(LINES))' ROUNDS='$(ROUNDS)' sh bench/feed

bench-changes:
	@LINES='$(if $(filter command,$(origin LINES)),$(LINES))' SIZE='$(SIZE)' ROUNDS='$(ROUNDS)' KINDS='$(KINDS)' sh bench/changes

bench-nexmark:
	@EVENTS='$(EVENTS)' SEED='$(SEED)' ROUNDS='$(ROUNDS)' QUERIES='$(QUERIES)' PEER='$(PEER)' WARM='$(WARM)' \
		PARALLELISM='$(PARALLELISM)' CHECK='$(CHECK)' sh bench/nexmark/run

bench-kafka:
	@RECORDS='$(if $(filter command,$(origin LINES)),$(LINES))' KEYS='$(KEYS)' PARTITIONS='$(PARTITIONS)' ROUNDS='$(ROUNDS)' \
		PARALLELISM='$(PARALLELISM)' PEER='$(PEER)' WARM='$(WARM)' sh bench/kafka/run

bench-timers:
	@TIMERS='$(TIMERS)' KEYS='$(KEYS)' TASKS='$(TASKS)' sh bench/timers

torture-feed: KILLS = 5
torture-feed: WEIR_LINES = 2000000
torture-feed:
	@KILLS=$(KILLS) WEIR_LINES=$(WEIR_LINES) SEED=$(SEED) sh test/run test/tap/098_feeds.pl

torture-shapes: KILLS = 20
torture-shapes: WEIR_LINES = 400000
torture-shapes:
	@for together in "" 1; do \
		KILLS=$(KILLS) WEIR_LINES=$(WEIR_LINES) SEED=$(SEED) SOURCES=$(or $(SOURCES),4) PARALLELISM=$(or $(PARALLELISM),3) \
			SERVER=1 TOGETHER=$$together sh test/run test/tap/097_torture_shapes.pl || exit 1; \
	done

torture-changes: KILLS = 10
torture-changes:
	@DURATION=$(or $(DURATION),60) KILLS=$(KILLS) SEED=$(SEED) WHERE='$(WHERE)' sh test/run test/tap/121_changes_crash.pl

torture-kafka: KILLS = 20
torture-kafka: RESTARTS = 3
torture-kafka: WEIR_LINES = 1000000
torture-kafka:
	@KILLS=$(KILLS) RESTARTS=$(RESTARTS) WEIR_LINES=$(WEIR_LINES) SEED=$(SEED) sh test/run kafka/test/t/010_torture.pl
