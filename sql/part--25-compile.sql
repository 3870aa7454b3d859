-- The key of a keyed step: JOIN LATERAL function(...) ON weir.key_by(...).
CREATE FUNCTION weir.key_by(VARIADIC "any") RETURNS boolean
    LANGUAGE C VOLATILE
    AS 'MODULE_PATHNAME', 'weir_key_by';

-- What becomes of a query: its steps, its key, where its sink runs and why.
CREATE FUNCTION weir_internal.describe_query(query text, plans boolean DEFAULT false) RETURNS text
    LANGUAGE C STRICT
    AS 'MODULE_PATHNAME', 'weir_describe_query';
