#!/bin/sh
# Apache Flink 2.3.0, the heap state backend (HashMapStateBackend).
#
# With StateVisibility.ReturnExpiredIfNotCleanedUp, reading a ValueState removes an expired value, and
# iterating over a MapState an expired entry: each is returned at most once. One would guess the same of the
# elements of a ListState. There an expired element comes back at every read for as long as another element of
# the list is alive; a read that finds all of them expired returns them all once more and clears the list.
# Background cleanup, which would remove it at some time, is off, so that only reads clean.
. "$(dirname "$0")/lib/finding"

version=2.3.0
cd "$tmp"
cat > pom.xml <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-streaming-java</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-runtime</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-runtime</artifactId><version>$version</version><classifier>tests</classifier></dependency>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-test-utils-junit</artifactId><version>$version</version></dependency>
  </dependencies>
</project>
POM
cat > Reads.java <<'JAVA'
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.Collector;

public class Reads extends KeyedProcessFunction<String, String, String> {
	private transient ValueState<String> value;
	private transient MapState<String, String> map;
	private transient ListState<String> list;

	@Override
	public void open(OpenContext context) {
		StateTtlConfig ttl = StateTtlConfig.newBuilder(Duration.ofMillis(100))
			.setStateVisibility(StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp)
			.disableCleanupInBackground()
			.build();
		ValueStateDescriptor<String> v = new ValueStateDescriptor<>("value", Types.STRING);
		MapStateDescriptor<String, String> m = new MapStateDescriptor<>("map", Types.STRING, Types.STRING);
		ListStateDescriptor<String> l = new ListStateDescriptor<>("list", Types.STRING);
		v.enableTimeToLive(ttl);
		m.enableTimeToLive(ttl);
		l.enableTimeToLive(ttl);
		value = getRuntimeContext().getState(v);
		map = getRuntimeContext().getMapState(m);
		list = getRuntimeContext().getListState(l);
	}

	@Override
	public void processElement(String in, Context context, Collector<String> out) throws Exception {
		if (!in.equals("read")) {
			if (in.equals("a")) {
				value.update(in);
			}
			map.put(in, in);
			list.add(in);
			return;
		}
		List<String> keys = new ArrayList<>();
		for (Map.Entry<String, String> entry : map.entries()) {
			keys.add(entry.getKey());
		}
		List<String> elements = new ArrayList<>();
		list.get().forEach(elements::add);
		out.collect("value " + value.value() + " map " + keys + " list " + elements);
	}

	public static void main(String[] args) throws Exception {
		try (KeyedOneInputStreamOperatorTestHarness<String, String, String> harness =
				new KeyedOneInputStreamOperatorTestHarness<>(
					new KeyedProcessOperator<>(new Reads()), in -> "key", Types.STRING)) {
			harness.setStateBackend(new HashMapStateBackend());
			harness.open();
			String[] inputs = {"a", "b", "read", "read", "read", "read", "read"};
			int[] times = {0, 50, 90, 120, 140, 160, 170};
			for (int i = 0; i < inputs.length; i++) {
				harness.setStateTtlProcessingTime(times[i]);
				harness.processElement(inputs[i], 0);
				List<String> read = harness.extractOutputValues();
				System.out.println(times[i] + " ms: "
					+ (inputs[i].equals("read") ? read.get(read.size() - 1) : "add " + inputs[i]));
			}
		}
	}
}
JAVA
mvn -q -B -Dmaven.repo.local="$tmp/m2" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath \
	-Dmdep.outputFile=classpath > mvn.log 2>&1 || { cat mvn.log >&2; give_up "mvn could not fetch Flink $version"; }
javac -cp "$(cat classpath)" Reads.java
java -cp ".:$(cat classpath)" Reads > seen 2> java.log || { cat java.log >&2; exit 1; }

same <<'SAID'
0 ms: add a
50 ms: add b
90 ms: value a map [a, b] list [a, b]
120 ms: value a map [a, b] list [a, b]
140 ms: value null map [b] list [a, b]
160 ms: value null map [b] list [a, b]
170 ms: value null map [] list []
SAID
