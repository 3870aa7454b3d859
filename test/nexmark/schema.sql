-- The tables of the events, and how the queries see them; the streams in another schema look the same.
CREATE SCHEMA nexmark;
CREATE FUNCTION nexmark.at(ms bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN timestamptz '1970-01-01 00:00:00+00' + ms * interval '1 millisecond';
CREATE FUNCTION nexmark.ms(ts timestamptz) RETURNS text LANGUAGE sql IMMUTABLE
RETURN to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS');

CREATE SCHEMA stored;
CREATE TABLE stored.person_event (arrival bigint, id bigint, name text, "emailAddress" text, "creditCard" text, city text,
    state text, ms bigint, extra text);
CREATE TABLE stored.auction_event (arrival bigint, id bigint, "itemName" text, description text, "initialBid" bigint,
    reserve bigint, ms bigint, expires_ms bigint, seller bigint, category bigint, extra text);
CREATE TABLE stored.bid_event (arrival bigint, auction bigint, bidder bigint, price bigint, channel text, url text, ms bigint,
    extra text);
CREATE TABLE public.side_input (key bigint PRIMARY KEY, value text);

-- person, auction and bid of a schema, over the events that are there.
CREATE PROCEDURE nexmark.create_views(schema name) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$
        CREATE VIEW %1$I.person AS SELECT arrival, id, name, "emailAddress", "creditCard", city, state,
            weir.watermark(nexmark.at(ms), '4 s') AS ts, extra FROM %1$I.person_event;
        CREATE VIEW %1$I.auction AS SELECT arrival, id, "itemName", description, "initialBid", reserve,
            weir.watermark(nexmark.at(ms), '4 s') AS ts, nexmark.at(expires_ms) AS expires, seller, category, extra
            FROM %1$I.auction_event;
        CREATE VIEW %1$I.bid AS SELECT arrival, auction, bidder, price, channel, url,
            weir.watermark(nexmark.at(ms), '4 s') AS ts, extra FROM %1$I.bid_event;
    $q$, schema);
END $$;

-- The streams of a query, from senders at these ports.
CREATE PROCEDURE nexmark.create_streams(schema name, ports int[]) LANGUAGE plpgsql AS $$
DECLARE
    tables constant text[] := '{person_event,auction_event,bid_event}';
    columns text;
BEGIN
    EXECUTE format('CREATE SCHEMA %I', schema);
    FOR i IN 1 .. 3 LOOP
        EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER weir_socket OPTIONS (host ''127.0.0.1'', port %L)',
            schema || '_' || tables[i], ports[i]);
        SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) INTO columns
        FROM pg_attribute WHERE attrelid = ('stored.' || tables[i])::regclass AND attnum > 0;
        EXECUTE format('CREATE FOREIGN TABLE %I.%I (%s) SERVER %I OPTIONS (format ''csv'')', schema, tables[i], columns,
            schema || '_' || tables[i]);
    END LOOP;
    CALL nexmark.create_views(schema);
END $$;
