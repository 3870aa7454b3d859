package weir.bench;

import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.util.Collector;

/** Each record as it came: a count window of one. */
final class Last extends RichFlatMapFunction<Tuple2<Long, Long>, Tuple2<Long, Long>> {
    @Override
    public void flatMap(Tuple2<Long, Long> reading, Collector<Tuple2<Long, Long>> out) {
        out.collect(reading);
    }
}
