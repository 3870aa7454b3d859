package weir.bench;

import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** A topic of Kafka, from its first message to the last that is there. */
final class Topic {
    private Topic() {}

    static DataStream<Tuple2<Long, Long>> readings(StreamExecutionEnvironment env, String brokers, String topic) {
        KafkaSource<Tuple2<Long, Long>> source =
                KafkaSource.<Tuple2<Long, Long>>builder()
                        .setBootstrapServers(brokers)
                        .setTopics(topic)
                        .setGroupId("peer")
                        .setStartingOffsets(OffsetsInitializer.earliest())
                        .setBounded(OffsetsInitializer.latest())
                        .setProperty("isolation.level", "read_committed")
                        .setValueOnlyDeserializer(new Reading())
                        .build();
        return env.fromSource(source, WatermarkStrategy.noWatermarks(), topic);
    }

    private static final class Reading extends AbstractDeserializationSchema<Tuple2<Long, Long>> {
        @Override
        public Tuple2<Long, Long> deserialize(byte[] message) {
            return Peer.Parse.reading(new String(message, StandardCharsets.ISO_8859_1));
        }
    }
}
