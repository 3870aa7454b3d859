package weir.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.util.Collector;

/** What examples/c_function does: value, list and map state; a row for each record. */
final class AverageOfLast extends RichFlatMapFunction<Tuple2<Long, Long>, Tuple2<Long, Long>> {
    private static final int LAST = 3;
    private final Duration ttl;
    private transient ValueState<Long> readings;
    private transient ListState<Double> last;
    private transient MapState<String, Long> units;

    AverageOfLast(Duration ttl) {
        this.ttl = ttl;
    }

    @Override
    public void open(OpenContext context) {
        ListStateDescriptor<Double> list = new ListStateDescriptor<>("last", Types.DOUBLE);
        if (!ttl.isZero()) {
            list.enableTimeToLive(StateTtlConfig.newBuilder(ttl).build());
        }
        last = getRuntimeContext().getListState(list);
        readings = getRuntimeContext().getState(new ValueStateDescriptor<>("readings", Types.LONG));
        units = getRuntimeContext().getMapState(new MapStateDescriptor<>("units", Types.STRING, Types.LONG));
    }

    @Override
    public void flatMap(Tuple2<Long, Long> reading, Collector<Tuple2<Long, Long>> out) throws Exception {
        Long count = readings.value();
        readings.update(count == null ? 1 : count + 1);

        last.add((double) reading.f1);
        List<Double> values = new ArrayList<>();
        last.get().forEach(values::add);
        if (values.size() > LAST) {
            values = new ArrayList<>(values.subList(values.size() - LAST, values.size()));
            last.update(values);
        }
        double total = 0;
        for (double value : values) {
            total += value;
        }

        Long ofUnit = units.get("C");
        units.put("C", ofUnit == null ? 1 : ofUnit + 1);
        out.collect(Tuple2.of(reading.f0, Math.round(total / values.size())));
    }
}
