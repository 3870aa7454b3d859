package weir.bench;

import java.time.Duration;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.util.Collector;

/** The average of every two values of a key. */
final class Average extends RichFlatMapFunction<Tuple2<Long, Long>, Tuple2<Long, Long>> {
    private final Duration ttl;
    private transient ValueState<Tuple2<Long, Long>> sum;

    Average(Duration ttl) {
        this.ttl = ttl;
    }

    @Override
    public void open(OpenContext context) {
        ValueStateDescriptor<Tuple2<Long, Long>> descriptor =
                new ValueStateDescriptor<>("sum", Types.TUPLE(Types.LONG, Types.LONG));
        if (!ttl.isZero()) {
            descriptor.enableTimeToLive(StateTtlConfig.newBuilder(ttl).build());
        }
        sum = getRuntimeContext().getState(descriptor);
    }

    @Override
    public void flatMap(Tuple2<Long, Long> reading, Collector<Tuple2<Long, Long>> out) throws Exception {
        Tuple2<Long, Long> now = sum.value();
        if (now == null) {
            now = Tuple2.of(0L, 0L);
        }
        now.f0 += 1;
        now.f1 += reading.f1;
        if (now.f0 >= 2) {
            out.collect(Tuple2.of(reading.f0, now.f1 / now.f0));
            sum.clear();
        } else {
            sum.update(now);
        }
    }
}
