package weir.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.TimestampType;
import org.apache.flink.table.types.logical.VarCharType;

/** The streams of Nexmark: lines of csv without quotes, in Flink's own rows, so that nothing is converted. */
enum Events {
    PERSON("arrival:n id:n name:s emailAddress:s creditCard:s city:s state:s dateTime:t extra:s"),
    AUCTION("arrival:n id:n itemName:s description:s initialBid:n reserve:n dateTime:t expires:t seller:n category:n extra:s"),
    BID("arrival:n auction:n bidder:n price:n channel:s url:s dateTime:t extra:s");

    /** n a number, s a string, t a time with milliseconds. */
    private final String columns;

    Events(String columns) {
        this.columns = columns;
    }

    @Override
    public String toString() {
        return name().toLowerCase();
    }

    void create(StreamExecutionEnvironment env, StreamTableEnvironment tables, int port) {
        DataStream<RowData> rows =
                env.socketTextStream("127.0.0.1", port)
                        .map(new Parse(kinds(columns)))
                        .returns(InternalTypeInfo.of(rowType(columns)))
                        .setParallelism(1);
        Schema.Builder schema = Schema.newBuilder();
        for (String column : columns.split(" ")) {
            schema.column(name(column), type(column).copy(true).asSerializableString());
        }
        schema.watermark("dateTime", "`dateTime` - INTERVAL '4' SECOND");
        tables.createTemporaryView(toString(), rows, schema.build());
    }

    static void createSideInput(StreamExecutionEnvironment env, StreamTableEnvironment tables, Path file) {
        String columns = "key:n value:s";
        Parse parse = new Parse(kinds(columns));
        List<RowData> rows = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(file)) {
                rows.add(parse.map(line));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        tables.createTemporaryView(
                "side_input",
                env.fromCollection(rows, InternalTypeInfo.of(rowType(columns))),
                Schema.newBuilder().column("key", "BIGINT").column("value", "STRING").build());
    }

    private static String name(String column) {
        return column.substring(0, column.indexOf(':'));
    }

    private static LogicalType type(String column) {
        return switch (column.charAt(column.length() - 1)) {
            case 'n' -> new BigIntType();
            case 's' -> new VarCharType(VarCharType.MAX_LENGTH);
            default -> new TimestampType(3);
        };
    }

    private static String kinds(String columns) {
        StringBuilder kinds = new StringBuilder();
        for (String column : columns.split(" ")) {
            kinds.append(column.charAt(column.length() - 1));
        }
        return kinds.toString();
    }

    private static RowType rowType(String columns) {
        String[] all = columns.split(" ");
        LogicalType[] types = new LogicalType[all.length];
        String[] names = new String[all.length];
        for (int i = 0; i < all.length; i++) {
            types[i] = type(all[i]);
            names[i] = name(all[i]);
        }
        return RowType.of(types, names);
    }

    private static final class Parse implements MapFunction<String, RowData> {
        private static final long JANUARY_ENDS = LocalDate.of(2024, 1, 31).toEpochDay();

        private final String kinds;

        Parse(String kinds) {
            this.kinds = kinds;
        }

        @Override
        public RowData map(String line) {
            GenericRowData row = new GenericRowData(kinds.length());
            int at = 0;
            for (int i = 0; i < kinds.length(); i++) {
                int end = line.indexOf(',', at);
                end = end < 0 ? line.length() : end;
                row.setField(i, field(kinds.charAt(i), line, at, end));
                at = end + 1;
            }
            return row;
        }

        private static Object field(char kind, String line, int at, int end) {
            return switch (kind) {
                case 'n' -> Long.parseLong(line, at, end, 10);
                case 's' -> StringData.fromString(line.substring(at, end));
                default -> TimestampData.fromEpochMillis(time(line, at));
            };
        }

        /** "2024-02-DD HH:MM:SS.mmm": the generator writes no other month. */
        private static long time(String line, int at) {
            long days = JANUARY_ENDS + digits(line, at + 8, 2);
            long seconds = digits(line, at + 11, 2) * 3600 + digits(line, at + 14, 2) * 60 + digits(line, at + 17, 2);
            return (days * 86400 + seconds) * 1000 + digits(line, at + 20, 3);
        }

        private static long digits(String line, int at, int n) {
            long value = 0;
            for (int i = at; i < at + n; i++) {
                value = value * 10 + line.charAt(i) - '0';
            }
            return value;
        }
    }
}
