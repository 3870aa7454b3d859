\echo Use "CREATE EXTENSION weir_kafka" to load this file. \quit

CREATE FUNCTION weir_internal.weir_kafka_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION weir_internal.weir_kafka_validator(text[], oid) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER weir_kafka
    HANDLER weir_internal.weir_kafka_handler
    VALIDATOR weir_internal.weir_kafka_validator;

COMMENT ON FOREIGN DATA WRAPPER weir_kafka IS 'Topics of Apache Kafka: a foreign table is a stream of a topic''s messages.';
COMMENT ON FUNCTION weir_internal.weir_kafka_handler() IS 'How a plan reads a table of the wrapper weir_kafka.';
COMMENT ON FUNCTION weir_internal.weir_kafka_validator(text[], oid) IS 'Checks the options of servers, user mappings and tables of the wrapper weir_kafka.';
