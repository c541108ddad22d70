//! Graphs to pickles, beside what the peers take for the same values.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deser_value::Value;
use pickle_emit::{GraphEncoder, graph_to_vec};
use pickle_opcodes::Protocol;

fn emit(c: &mut Criterion) {
    for corpus in benches::corpora().expect("corpora can be written") {
        let pickle = corpus.pickle;
        let mut group = c.benchmark_group(format!("emit/{}", corpus.name));
        group.throughput(Throughput::Bytes(pickle.len() as u64)).sample_size(10);
        let graph = pickle_parse::graph(pickle.clone()).expect("valid");
        group.bench_function("pickle-emit", |b| b.iter(|| graph_to_vec(black_box(&graph)).expect("writable")));
        group.bench_function("pickle-emit, protocol 3", |b| {
            b.iter(|| GraphEncoder::new().protocol(Protocol::V3).encode(black_box(&graph)).expect("writable"));
        });
        drop(graph);
        let value = serde_pickle::value_from_slice(&pickle, serde_pickle::DeOptions::new()).expect("valid");
        group.bench_function("serde-pickle", |b| {
            b.iter(|| serde_pickle::value_to_vec(black_box(&value), serde_pickle::SerOptions::new()).expect("writable"));
        });
        drop(value);
        let config = deser_pickle::DeserializerConfig::builder().max_shared_events(usize::MAX).build();
        let value = config.from_slice::<Value>(&pickle).expect("valid");
        group.bench_function("deser-pickle", |b| b.iter(|| deser_pickle::to_vec(black_box(&value)).expect("writable")));
    }
}

criterion_group!(all, emit);
criterion_main!(all);
