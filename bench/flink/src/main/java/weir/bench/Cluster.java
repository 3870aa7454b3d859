package weir.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.graph.StreamGraph;

/** A cluster in this JVM, and what a job on it cost. */
final class Cluster {
    private Cluster() {}

    /** Checkpoints go to this folder; a job that fails has failed. */
    static Configuration configuration(String checkpoints) {
        Configuration configuration = new Configuration();
        configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + checkpoints);
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        configuration.set(RestOptions.BIND_PORT, "0");
        return configuration;
    }

    /** Runs one after the other; "seconds S cpu C memory BYTES" of the last, memory of all. */
    static String run(Configuration configuration, int slots, List<Callable<StreamGraph>> runs) throws Exception {
        MiniClusterConfiguration cluster =
                new MiniClusterConfiguration.Builder()
                        .setConfiguration(configuration)
                        .setNumTaskManagers(1)
                        .setNumSlotsPerTaskManager(slots)
                        .build();
        try (MiniCluster flink = new MiniCluster(cluster)) {
            flink.start();
            String said = "";
            for (Callable<StreamGraph> run : runs) {
                said = measure(flink, run.call());
            }
            return said;
        }
    }

    private static String measure(MiniCluster flink, StreamGraph graph) throws Exception {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        graph.setJobId(JobID.generate());
        long cpu = system.getProcessCpuTime();
        long start = System.nanoTime();
        JobID id = flink.submitJob(graph).get().getJobID();
        flink.requestJobResult(id).get().toJobExecutionResult(Cluster.class.getClassLoader());
        return String.format(
                "seconds %.3f cpu %.2f memory %d",
                (System.nanoTime() - start) / 1e9, (system.getProcessCpuTime() - cpu) / 1e9, peakMemory());
    }

    private static long peakMemory() throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        return 0;
    }
}
