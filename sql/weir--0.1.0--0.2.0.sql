-- What a database with version 0.1.0 needs to go with the library of 0.2.0.
\echo Use "ALTER EXTENSION weir UPDATE" to load this file. \quit

-- Its sources and keyed steps, by the numbers that what is kept of them goes by.
CREATE TABLE weir_internal.job_node (
    job             bigint NOT NULL,
    keyed           boolean NOT NULL,   -- a keyed step; else a source: each has numbers from 0
    number          int NOT NULL,       -- never given to another
    kind            text NOT NULL,
    identity        text NOT NULL,      -- the stream's name, the function's signature ..
    object          oid NOT NULL,       -- .. and OID, in the database of run; 0: neither
    current         boolean NOT NULL,   -- the last attempt had it
    PRIMARY KEY (job, keyed, number)
);

INSERT INTO weir_internal.job_node
SELECT job, false, 0, 'source', stream::regclass::text, stream, true
  FROM weir_internal.run WHERE stream <> 0
UNION ALL
SELECT job, true, 0, CASE WHEN step = 'weir.count_window' THEN 'count_window' ELSE 'function' END, step,
       coalesce(step_function, 0), true
  FROM weir_internal.run WHERE step IS NOT NULL;
ALTER TABLE weir_internal.run DROP COLUMN stream, DROP COLUMN step, DROP COLUMN step_function;
