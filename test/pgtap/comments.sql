-- What users may name has a comment that \d+, \df+ and their like show.
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(2);

SELECT is_empty($$
    SELECT pg_describe_object(classid, objid, 0) FROM pg_depend
    WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'weir') AND deptype = 'e'
      AND classid <> 'pg_cast'::regclass
      AND pg_describe_object(classid, objid, 0) !~ 'weir_internal\.|weir\.ttl_(in|out)'
      AND obj_description(objid, classid::regclass::name) IS NULL
$$, 'objects have comments');
SELECT is_empty($$
    SELECT attrelid::regclass || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'weir'::regnamespace AND relkind = 'v' AND attnum > 0
      AND col_description(attrelid, attnum) IS NULL
$$, 'so have the columns of views');

SELECT * FROM finish();
