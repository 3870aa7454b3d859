# Weir: build with PGXS.  See README.md for the commands that do everything.
MODULE_big = weir
EXTENSION  = weir
WEIR_VERSION = 0.1.0
DATA_built = sql/weir--$(WEIR_VERSION).sql
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
HEADERS_weir = $(wildcard src/weir.h)

PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS   = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
              -Wno-missing-field-initializers -Wno-declaration-after-statement

ifdef ASSERT
PG_CPPFLAGS += -DUSE_ASSERT_CHECKING=1
endif

EXTRA_CLEAN = sql/weir--$(WEIR_VERSION).sql

# Bitcode would only serve inlining into JIT, which tasks never use.
override with_llvm := no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

sql/weir--$(WEIR_VERSION).sql: $(sort $(wildcard sql/part--*.sql))
	cat $^ > $@

# Every object sees every header: a change of one rebuilds all, which is quick.
$(OBJS): $(wildcard src/*.h src/*/*.h)
