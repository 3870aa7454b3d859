package weir.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.bridge.java.StreamStatementSet;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * A query of Nexmark in Flink SQL on a cluster in this JVM: Nexmark NAME=VALUE ...
 *
 * <pre>
 * query        a file with the SELECT, over person, auction, bid and side_input
 * person, auction, bid   ports where their csv comes from; of two, "P,Q", the job runs twice
 * side         a file of csv: side_input
 * parallelism  of all but the sources
 * mini_batch   on: changes are gathered for up to 2 s or 50,000 rows, as the public benchmark has it
 * checkpoints  a folder
 * </pre>
 *
 * The result goes to a sink that drops it. Prints what Cluster.run says.
 */
public final class Nexmark {
    private final Map<String, String> options = new HashMap<>();

    private Nexmark(String[] arguments) {
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            options.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
    }

    public static void main(String[] arguments) throws Exception {
        new Nexmark(arguments).run();
        System.exit(0);
    }

    private Configuration configuration() {
        Configuration configuration = Cluster.configuration(options.get("checkpoints"));
        configuration.setString("pipeline.object-reuse", "true");
        configuration.setString("table.local-time-zone", "UTC");
        if ("on".equals(options.get("mini_batch"))) {
            configuration.setString("table.exec.mini-batch.enabled", "true");
            configuration.setString("table.exec.mini-batch.allow-latency", "2 s");
            configuration.setString("table.exec.mini-batch.size", "50000");
            configuration.setString("table.optimizer.distinct-agg.split.enabled", "true");
        }
        return configuration;
    }

    private int parallelism() {
        return Integer.parseInt(options.get("parallelism"));
    }

    private StreamGraph graph(int run, String query) {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(configuration());
        env.setParallelism(parallelism());
        env.enableCheckpointing(1000);
        StreamTableEnvironment tables = StreamTableEnvironment.create(env);
        for (Events events : Events.values()) {
            String ports = options.get(events.toString());
            if (ports != null) {
                events.create(env, tables, Integer.parseInt(ports.split(",")[run]));
            }
        }
        if (query.contains("side_input")) {
            Events.createSideInput(env, tables, Path.of(options.get("side")));
        }
        StreamStatementSet statements = tables.createStatementSet();
        statements.addInsert(TableDescriptor.forConnector("blackhole").build(), tables.sqlQuery(query));
        statements.attachAsDataStream();
        return env.getStreamGraph();
    }

    private void run() throws Exception {
        String query = Files.readString(Path.of(options.get("query")));
        int n = 1;
        for (Events events : Events.values()) {
            n = Math.max(n, options.getOrDefault(events.toString(), "").split(",").length);
        }
        List<Callable<StreamGraph>> runs = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int run = i;
            runs.add(() -> graph(run, query));
        }
        System.out.println(Cluster.run(configuration(), parallelism(), runs));
    }
}
