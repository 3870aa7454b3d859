-- The streams of Nexmark, their events stored, and what the queries call.
SET client_min_messages = warning;
CREATE EXTENSION weir;
CREATE SCHEMA nexmark;
-- The queries print times by it where results are compared as text.
CREATE FUNCTION nexmark.ms(ts timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE RETURN ts;
CREATE TABLE side_input (key bigint PRIMARY KEY, value text);

CREATE SCHEMA stored;
CREATE TABLE stored.person (arrival bigint, id bigint, name text, "emailAddress" text, "creditCard" text, city text,
    state text, ts timestamptz, extra text);
CREATE TABLE stored.auction (arrival bigint, id bigint, "itemName" text, description text, "initialBid" bigint,
    reserve bigint, ts timestamptz, expires timestamptz, seller bigint, category bigint, extra text);
CREATE TABLE stored.bid (arrival bigint, auction bigint, bidder bigint, price bigint, channel text, url text,
    ts timestamptz, extra text);

CREATE SCHEMA live;
DO $$
DECLARE
    stream name;
    columns text;
BEGIN
    FOREACH stream IN ARRAY ARRAY['person', 'auction', 'bid'] LOOP
        SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)) ||
            CASE attname WHEN 'ts' THEN ' OPTIONS (watermark ''4 s'')' ELSE '' END, ', ' ORDER BY attnum) INTO columns
        FROM pg_attribute WHERE attrelid = ('stored.' || stream)::regclass AND attnum > 0;
        EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER weir_socket OPTIONS (host ''127.0.0.1'', port ''1'')', stream);
        EXECUTE format('CREATE FOREIGN TABLE live.%I (%s) SERVER %I OPTIONS (format ''csv'')', stream, columns, stream);
    END LOOP;
END $$;
