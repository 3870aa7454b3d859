package weir.bench;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import javax.sql.XADataSource;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.jdbc.JdbcConnectionOptions;
import org.apache.flink.connector.jdbc.JdbcExactlyOnceOptions;
import org.apache.flink.connector.jdbc.JdbcExecutionOptions;
import org.apache.flink.connector.jdbc.core.datastream.sink.JdbcSink;
import org.apache.flink.connector.jdbc.core.datastream.sink.JdbcSinkBuilder;
import org.postgresql.xa.PGXADataSource;

/** Rows into table averages. */
final class Sinks {
    /** How soon rows are passed on where that is asked of Weir, too. */
    static final int FLUSH_MS = 10;

    private static final String INSERT = "INSERT INTO averages (f0, average) VALUES (?, ?)";
    private static final int BATCH = 5000;

    private Sinks() {}

    private static void bind(PreparedStatement statement, Tuple2<Long, Long> row) throws SQLException {
        statement.setLong(1, row.f0);
        statement.setLong(2, row.f1);
    }

    private static JdbcExecutionOptions.Builder execution() {
        return JdbcExecutionOptions.builder().withBatchSize(BATCH);
    }

    private static JdbcSinkBuilder<Tuple2<Long, Long>> sink(JdbcExecutionOptions execution) {
        return JdbcSink.<Tuple2<Long, Long>>builder()
                .withExecutionOptions(execution)
                .withQueryStatement(INSERT, Sinks::bind);
    }

    static JdbcSink<Tuple2<Long, Long>> exactlyOnce(String url, String user, String password) {
        return sink(execution().withMaxRetries(0).build())
                .buildExactlyOnce(
                        JdbcExactlyOnceOptions.builder().withTransactionPerConnection(true).build(),
                        () -> source(url, user, password));
    }

    static JdbcSink<Tuple2<Long, Long>> atLeastOnce(String url, String user, String password) {
        return sink(execution().withBatchIntervalMs(FLUSH_MS).build())
                .buildAtLeastOnce(
                        new JdbcConnectionOptions.JdbcConnectionOptionsBuilder()
                                .withUrl(url)
                                .withDriverName("org.postgresql.Driver")
                                .withUsername(user)
                                .withPassword(password)
                                .build());
    }

    private static XADataSource source(String url, String user, String password) {
        PGXADataSource source = new PGXADataSource();
        source.setUrl(url);
        source.setUser(user);
        source.setPassword(password);
        return source;
    }
}
