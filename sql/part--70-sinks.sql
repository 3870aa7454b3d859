-- Sinks that are no tables.
CREATE FUNCTION weir_internal.print_handler() RETURNS fdw_handler
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'weir_print_handler';
CREATE FUNCTION weir_internal.blackhole_handler() RETURNS fdw_handler
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'weir_blackhole_handler';
CREATE FUNCTION weir_internal.sink_validator(text[], oid) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'weir_sink_validator';
CREATE FOREIGN DATA WRAPPER weir_print
    HANDLER weir_internal.print_handler VALIDATOR weir_internal.sink_validator;
CREATE FOREIGN DATA WRAPPER weir_blackhole
    HANDLER weir_internal.blackhole_handler VALIDATOR weir_internal.sink_validator;
CREATE SERVER weir_print FOREIGN DATA WRAPPER weir_print;
CREATE SERVER weir_blackhole FOREIGN DATA WRAPPER weir_blackhole;
GRANT USAGE ON FOREIGN SERVER weir_print, weir_blackhole TO PUBLIC;
CREATE FOREIGN TABLE weir.print (line text) SERVER weir_print;
GRANT INSERT, SELECT ON weir.print TO PUBLIC;
