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

-- Streams that INSERT and COPY fill: foreign tables on the server weir_feed.
CREATE FUNCTION weir_internal.weir_feed_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION weir_internal.weir_feed_validator(text[], oid) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER weir_feed
    HANDLER weir_internal.weir_feed_handler
    VALIDATOR weir_internal.weir_feed_validator;
CREATE SERVER weir_feed FOREIGN DATA WRAPPER weir_feed;
GRANT USAGE ON FOREIGN SERVER weir_feed TO PUBLIC;

-- Their journals: one for each job that reads the stream, of two tables,
-- weir_internal.feed_<job>_<stream>_<slot>.
CREATE TABLE weir_internal.feed (
    stream          oid NOT NULL,       -- the foreign table
    job             bigint NOT NULL,
    slot            int NOT NULL DEFAULT 0, -- the table that takes rows
    forgotten       bytea,              -- the position before which rows are kept no more; null: all are kept
    passed          bigint NOT NULL DEFAULT 0, -- the place of an end of the stream that was passed
    PRIMARY KEY (stream, job)
);

-- The shape of such a table: rows packed, each chunk in pieces of at most a page.
CREATE TABLE weir_internal.feed_chunk (
    place           bigint NOT NULL,    -- in the WAL, before which its writer had said that it writes
    writer          bigint NOT NULL,    -- its transaction
    piece           int NOT NULL,       -- number: of those of its writer at the place
    nrows           int NOT NULL,       -- of the chunk, in its first piece; else 0
    stamp           bigint NOT NULL,    -- arrival, us since 2000-01-01
    data            bytea NOT NULL
);
ALTER TABLE weir_internal.feed_chunk ALTER data SET STORAGE PLAIN;

-- Changes of tables, of another server or of this one: foreign tables on servers of the
-- wrapper weir_changes.
CREATE FUNCTION weir_internal.weir_changes_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION weir_internal.weir_changes_validator(text[], oid) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER weir_changes
    HANDLER weir_internal.weir_changes_handler
    VALIDATOR weir_internal.weir_changes_validator;

-- What is made for a job's stream where the changes come from.
CREATE TABLE weir_internal.change_slot (
    job             bigint NOT NULL,
    stream          oid NOT NULL,       -- the foreign table
    database        oid NOT NULL,       -- in a copy of which the slot is another's
    server          oid NOT NULL,       -- the foreign server
    owner           oid NOT NULL,       -- who connects to it
    slot            text NOT NULL,
    made            boolean NOT NULL,   -- by Weir, which drops it
    publication     text,               -- that Weir has made
    copied          bigint,             -- the copy is whole: the LSN that it shows
    stamp           bigint,             -- arrival of its rows, us since 2000-01-01
    passed          bigint NOT NULL DEFAULT 0, -- ends of the stream that were passed
    handed          bytea,              -- the position before which nothing is handed out again
    PRIMARY KEY (job, stream)
);

-- The rows that were there when the slot was made, as lines, until they are handed out.
CREATE TABLE weir_internal.change_copy (
    job             bigint NOT NULL,
    stream          oid NOT NULL,
    before          bigint NOT NULL,    -- rows that are before these
    nrows           int NOT NULL,
    data            bytea NOT NULL,
    PRIMARY KEY (job, stream, before)
);
