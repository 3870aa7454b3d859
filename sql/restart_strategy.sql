-- weir.set_restart_strategy, as far as it needs no job that runs.
SET client_min_messages = warning;
CREATE EXTENSION weir;
RESET client_min_messages;
CREATE ROLE regress_weir_stranger;
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '9999');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
CREATE TABLE averages (f0 bigint, average bigint);
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings');
CREATE FUNCTION strategy() RETURNS text LANGUAGE sql AS
$$ SELECT substring(e FROM 'Restart strategy: (.*)') FROM weir.explain_job('j') e WHERE e ~ '^Restart' $$;

-- the default goes with checkpointing, until one is set
SELECT strategy();
SELECT weir.enable_checkpointing('j');
SELECT strategy();
SELECT weir.disable_checkpointing('j');
SELECT strategy();
SELECT weir.set_restart_strategy('j', 'fixed_delay');
SELECT strategy();
SELECT weir.enable_checkpointing('j');
SELECT strategy();

-- each strategy, its defaults and its parameters
SELECT weir.set_restart_strategy('j', 'none');
SELECT strategy();
SELECT weir.set_restart_strategy('j', 'fixed_delay', attempts => 3, delay => '2 s');
SELECT strategy();
SELECT weir.set_restart_strategy('j', 'fixed_delay', attempts => -1, delay => '0');
SELECT strategy();
SELECT weir.set_restart_strategy('j', 'failure_rate');
SELECT strategy();
SELECT weir.set_restart_strategy('j', 'failure_rate', max_failures => 1000, within => '1 day',
    delay => '100 ms');
SELECT strategy();
SELECT weir.set_restart_strategy('j', strategy => 'exponential_delay');
SELECT strategy();
SELECT weir.set_restart_strategy('j', 'exponential_delay', initial_delay => '2 min',
    max_delay => '2 min', multiplier => 2, reset_after => '10 min', jitter => 0);
SELECT strategy();

-- a call sets the strategy as a whole, and rolls back with its transaction
SELECT weir.set_restart_strategy('j', 'exponential_delay', multiplier => 3);
SELECT strategy();
BEGIN;
SELECT weir.set_restart_strategy('j', 'none');
SELECT strategy();
ROLLBACK;
SELECT strategy();

-- refused
SELECT weir.set_restart_strategy('j', NULL);
SELECT weir.set_restart_strategy(NULL, 'none');
SELECT weir.set_restart_strategy('nobody', 'none');
SELECT weir.set_restart_strategy('j', 'some_delay');
SELECT weir.set_restart_strategy('j', 'none', attempts => 1);
SELECT weir.set_restart_strategy('j', 'fixed_delay', max_delay => '1 s');
SELECT weir.set_restart_strategy('j', 'failure_rate', attempts => 1);
SELECT weir.set_restart_strategy('j', 'exponential_delay', delay => '1 s');
SELECT weir.set_restart_strategy('j', 'fixed_delay', attempts => -2);
SELECT weir.set_restart_strategy('j', 'fixed_delay', delay => '-1 s');
SELECT weir.set_restart_strategy('j', 'fixed_delay', delay => '1 month');
SELECT weir.set_restart_strategy('j', 'fixed_delay', delay => '40000 days');
SELECT weir.set_restart_strategy('j', 'failure_rate', max_failures => 0);
SELECT weir.set_restart_strategy('j', 'failure_rate', max_failures => 1001);
SELECT weir.set_restart_strategy('j', 'failure_rate', within => '0');
SELECT weir.set_restart_strategy('j', 'exponential_delay', initial_delay => '0');
SELECT weir.set_restart_strategy('j', 'exponential_delay', max_delay => '500 ms');
SELECT weir.set_restart_strategy('j', 'exponential_delay', initial_delay => '2 min');
SELECT weir.set_restart_strategy('j', 'exponential_delay', multiplier => 0.5);
SELECT weir.set_restart_strategy('j', 'exponential_delay', multiplier => 'NaN');
SELECT weir.set_restart_strategy('j', 'exponential_delay', reset_after => '0');
SELECT weir.set_restart_strategy('j', 'exponential_delay', jitter => 1.5);
SELECT weir.set_restart_strategy('j', 'exponential_delay', jitter => '-0.1');
SELECT weir.set_restart_strategy('j', 'fixed_delay', attemps => 1);
SET ROLE regress_weir_stranger;
SELECT weir.set_restart_strategy('j', 'none');
RESET ROLE;
SET default_transaction_read_only = on;
SELECT weir.set_restart_strategy('j', 'none');
RESET default_transaction_read_only;
SELECT strategy();
SELECT weir.drop_job('j');
DROP ROLE regress_weir_stranger;
