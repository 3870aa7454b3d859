package weir.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.graph.StreamGraph;

/**
 * One job on a cluster in this JVM: Peer NAME=VALUE ...
 *
 * <pre>
 * port         where lines "key value" come from; of two, "P,Q", the job runs twice
 * brokers, topic  in place of port: where messages "key value" come from, all that are there;
 *              of two topics, "T,U", the job runs twice
 * parallelism  of all but the source, of a topic's source, too
 * step         average, average-of-last, last (each record as it came) or none
 * ttl          seconds, 0: none
 * sink         dropped, exactly-once or at-least-once (into table averages of url)
 * url, user, password   of PostgreSQL, for JDBC
 * checkpoints  a folder
 * </pre>
 *
 * Prints "seconds S cpu C memory BYTES", from the submission of the job to its end: neither the
 * start of the JVM nor that of the cluster counts. Of two runs it is the last, whose code is warm.
 */
public final class Peer {
    private final Map<String, String> options = new HashMap<>();

    private Peer(String[] arguments) {
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            options.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
    }

    public static void main(String[] arguments) throws Exception {
        new Peer(arguments).run();
        System.exit(0);
    }

    private String option(String name) {
        String value = options.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no " + name + "= was given");
        }
        return value;
    }

    private int number(String name) {
        return Integer.parseInt(option(name));
    }

    private Configuration configuration() {
        return Cluster.configuration(option("checkpoints"));
    }

    private DataStream<Tuple2<Long, Long>> readings(StreamExecutionEnvironment env, String place) {
        return options.containsKey("topic")
                ? Topic.readings(env, option("brokers"), place)
                : env.socketTextStream("127.0.0.1", Integer.parseInt(place)).map(new Parse()).setParallelism(1);
    }

    private StreamGraph graph(String place) {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(configuration());
        boolean atLeastOnce = option("sink").equals("at-least-once");
        env.setParallelism(number("parallelism"));
        env.enableCheckpointing(
                1000, atLeastOnce ? CheckpointingMode.AT_LEAST_ONCE : CheckpointingMode.EXACTLY_ONCE);
        if (atLeastOnce) {
            env.setBufferTimeout(Sinks.FLUSH_MS);
        }
        DataStream<Tuple2<Long, Long>> readings = readings(env, place);
        DataStream<Tuple2<Long, Long>> rows =
                option("step").equals("none") ? readings : readings.keyBy(r -> r.f0).flatMap(step());

        switch (option("sink")) {
            case "dropped" -> rows.sinkTo(new DiscardingSink<>());
            case "exactly-once" -> rows.sinkTo(Sinks.exactlyOnce(option("url"), option("user"), option("password")));
            case "at-least-once" -> rows.sinkTo(Sinks.atLeastOnce(option("url"), option("user"), option("password")));
            default -> throw new IllegalArgumentException("no such sink: " + option("sink"));
        }
        return env.getStreamGraph();
    }

    private RichFlatMapFunction<Tuple2<Long, Long>, Tuple2<Long, Long>> step() {
        Duration ttl = Duration.ofSeconds(number("ttl"));
        return switch (option("step")) {
            case "average" -> new Average(ttl);
            case "average-of-last" -> new AverageOfLast(ttl);
            case "last" -> new Last();
            default -> throw new IllegalArgumentException("no such step: " + option("step"));
        };
    }

    private void run() throws Exception {
        List<Callable<StreamGraph>> runs = new ArrayList<>();
        for (String place : option(options.containsKey("topic") ? "topic" : "port").split(",")) {
            runs.add(() -> graph(place));
        }
        System.out.println(Cluster.run(configuration(), number("parallelism"), runs));
    }

    /** A line "key value". */
    static final class Parse implements MapFunction<String, Tuple2<Long, Long>> {
        @Override
        public Tuple2<Long, Long> map(String line) {
            return reading(line);
        }

        static Tuple2<Long, Long> reading(String line) {
            int space = line.indexOf(' ');
            return Tuple2.of(
                    Long.parseLong(line, 0, space, 10), Long.parseLong(line, space + 1, line.length(), 10));
        }
    }
}
