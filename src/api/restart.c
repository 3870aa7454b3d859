/*
 * api/restart.c
 *		weir.set_restart_strategy.
 *
 * A call sets the strategy as a whole: a parameter it leaves out has its
 * default, one that the strategy has no use for is an error.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "api/option.h"
#include "api/state/access.h"
#include "base/interval.h"
#include "catalog/job.h"
#include "server/registry.h"

PG_FUNCTION_INFO_V1(weir_set_restart_strategy);

/* The parameters by their place in the call. */
enum
{
	ARG_JOB, ARG_STRATEGY, ARG_ATTEMPTS, ARG_DELAY, ARG_MAX_FAILURES, ARG_WITHIN,
	ARG_INITIAL_DELAY, ARG_MAX_DELAY, ARG_MULTIPLIER, ARG_RESET_AFTER, ARG_JITTER,
	ARG_COUNT
};

#define OF(strategy) (1 << (strategy))

static const struct
{
	const char *name;
	int			strategies;		/* that have it */
}			parameters[ARG_COUNT] = {
	[ARG_ATTEMPTS] = {"attempts", OF(WEIR_RESTART_FIXED_DELAY)},
	[ARG_DELAY] = {"delay", OF(WEIR_RESTART_FIXED_DELAY) | OF(WEIR_RESTART_FAILURE_RATE)},
	[ARG_MAX_FAILURES] = {"max_failures", OF(WEIR_RESTART_FAILURE_RATE)},
	[ARG_WITHIN] = {"within", OF(WEIR_RESTART_FAILURE_RATE)},
	[ARG_INITIAL_DELAY] = {"initial_delay", OF(WEIR_RESTART_EXPONENTIAL_DELAY)},
	[ARG_MAX_DELAY] = {"max_delay", OF(WEIR_RESTART_EXPONENTIAL_DELAY)},
	[ARG_MULTIPLIER] = {"multiplier", OF(WEIR_RESTART_EXPONENTIAL_DELAY)},
	[ARG_RESET_AFTER] = {"reset_after", OF(WEIR_RESTART_EXPONENTIAL_DELAY)},
	[ARG_JITTER] = {"jitter", OF(WEIR_RESTART_EXPONENTIAL_DELAY)},
};

static WeirRestartStrategy
strategy_arg(FunctionCallInfo fcinfo)
{
	char	   *word = weir_arg_required(fcinfo, ARG_STRATEGY, "strategy");
	WeirRestartStrategy strategy;

	if (!weir_restart_strategy_parse(word, &strategy))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown restart strategy \"%s\"", word),
				 errhint("The strategy is none, fixed_delay, failure_rate or exponential_delay.")));
	return strategy;
}

/* The names of a strategy's parameters, for a hint. */
static char *
names_of(WeirRestartStrategy strategy)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = ARG_ATTEMPTS; i < ARG_COUNT; i++)
	{
		if (parameters[i].strategies & OF(strategy))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", parameters[i].name);
	}
	return names.data;
}

static void
check_parameters(FunctionCallInfo fcinfo, WeirRestartStrategy strategy)
{
	for (int i = ARG_ATTEMPTS; i < ARG_COUNT; i++)
	{
		if (PG_ARGISNULL(i) || (parameters[i].strategies & OF(strategy)))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("restart strategy %s has no parameter %s",
						weir_restart_strategy_name(strategy), parameters[i].name),
				 strategy == WEIR_RESTART_NONE ? errhint("It has none; leave %s out.", parameters[i].name) :
				 errhint("It has %s.", names_of(strategy))));
	}
}

static void
interval_arg(FunctionCallInfo fcinfo, int n, int min_ms, int64 *us)
{
	Interval   *i = weir_option_interval(fcinfo, n, parameters[n].name, min_ms);

	if (i != NULL)
		*us = weir_interval_us(i);
}

static void
float_arg(FunctionCallInfo fcinfo, int n, double min, double max, const char *hint,
		  double *value)
{
	if (PG_ARGISNULL(n))
		return;
	*value = PG_GETARG_FLOAT8(n);
	if (isnan(*value) || *value < min || *value > max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range", parameters[n].name),
				 errdetail("%s is %g.", parameters[n].name, *value),
				 errhint("%s", hint)));
}

static void
number_args(FunctionCallInfo fcinfo, WeirRestartConfig *config)
{
	if (!PG_ARGISNULL(ARG_ATTEMPTS))
		config->attempts = weir_option_int(fcinfo, ARG_ATTEMPTS, "attempts", -1,
										   "Set attempts to 0 or more, or to -1 for no limit.");
	if (!PG_ARGISNULL(ARG_MAX_FAILURES))
		config->max_failures = weir_option_int(fcinfo, ARG_MAX_FAILURES, "max_failures", 1,
											   "Set max_failures to 1 or more; strategy none restarts after no failure.");
	if (config->max_failures > WEIR_FAILURE_RATE_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_failures must not be more than %d", WEIR_FAILURE_RATE_LIMIT),
				 errdetail("max_failures is %d.", config->max_failures),
				 errhint("Set max_failures lower, and within shorter.")));
	float_arg(fcinfo, ARG_MULTIPLIER, 1, 1000, "Set multiplier between 1 and 1000.",
			  &config->multiplier);
	float_arg(fcinfo, ARG_JITTER, 0, 1, "Set jitter between 0 and 1: it is a share of the delay.",
			  &config->jitter);
}

static void
read_config(FunctionCallInfo fcinfo, WeirRestartConfig *config)
{
	weir_restart_defaults(config, strategy_arg(fcinfo));
	check_parameters(fcinfo, config->strategy);
	number_args(fcinfo, config);
	interval_arg(fcinfo, ARG_DELAY, 0, &config->delay);
	interval_arg(fcinfo, ARG_WITHIN, 1, &config->within);
	interval_arg(fcinfo, ARG_INITIAL_DELAY, 1, &config->initial_delay);
	interval_arg(fcinfo, ARG_MAX_DELAY, 1, &config->max_delay);
	interval_arg(fcinfo, ARG_RESET_AFTER, 1, &config->reset_after);
	if (config->max_delay < config->initial_delay)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_delay is less than initial_delay"),
				 errdetail("max_delay is %s, initial_delay is %s.",
						   weir_interval_text(config->max_delay),
						   weir_interval_text(config->initial_delay)),
				 errhint("Set max_delay to initial_delay or more.")));
}

Datum
weir_set_restart_strategy(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, ARG_JOB, "job name");
	WeirRestartConfig config;
	WeirJob    *job;

	read_config(fcinfo, &config);
	job = weir_job_for_change(name, "weir.set_restart_strategy()");
	weir_job_set_restart_strategy(job->id, &config);
	weir_registry_notify_at_commit(job->id, WEIR_REQUEST_CONFIGURE);
	PG_RETURN_VOID();
}
