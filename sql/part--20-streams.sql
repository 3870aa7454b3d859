-- Streams: foreign tables on servers of the wrapper weir_socket.
CREATE FUNCTION weir_internal.weir_socket_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION weir_internal.weir_socket_validator(text[], oid) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER weir_socket
    HANDLER weir_internal.weir_socket_handler
    VALIDATOR weir_internal.weir_socket_validator;

-- The shape of a journal segment's table; the segments themselves are made as
-- weir_internal.journal_<job>_<stream>_<slot>. Values stay in line, unpacked.
CREATE TABLE weir_internal.journal (
    start_offset    bigint NOT NULL,    -- of data in the stream
    stamp           bigint NOT NULL,    -- arrival, us since 2000-01-01
    kind            "char" NOT NULL,    -- d: data, e: end of stream, r: read on behind an end
    data            bytea NOT NULL
);
ALTER TABLE weir_internal.journal ALTER data SET STORAGE PLAIN;
