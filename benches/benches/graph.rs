//! Pickles to graphs, beside what the peers make of them.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deser_value::Value;
use pickle_graph::is_isomorphic;

fn graph(c: &mut Criterion) {
    for corpus in benches::corpora().expect("corpora can be written") {
        let pickle = Bytes::from(corpus.pickle);
        let mut group = c.benchmark_group(format!("graph/{}", corpus.name));
        group.throughput(Throughput::Bytes(pickle.len() as u64)).sample_size(10);
        group.bench_function("pickle-parse", |b| b.iter(|| pickle_parse::graph(black_box(&pickle).clone()).expect("valid")));
        group.bench_function("serde-pickle", |b| {
            b.iter(|| serde_pickle::value_from_slice(black_box(&pickle), serde_pickle::DeOptions::new()).expect("valid"));
        });
        group.bench_function("deser-pickle", |b| {
            let config = deser_pickle::DeserializerConfig::builder().max_shared_events(usize::MAX).build();
            b.iter(|| config.from_slice::<Value>(black_box(&pickle)).expect("valid"));
        });
        let graph = pickle_parse::graph(pickle.clone()).expect("valid");
        group.bench_function("walk", |b| b.iter(|| black_box(&graph).preorder(graph.root()).count()));
        group.bench_function("compare", |b| b.iter(|| is_isomorphic(black_box(&graph), black_box(&graph))));
        group.bench_function("print", |b| b.iter(|| black_box(&graph).to_string()));
    }
}

criterion_group!(all, graph);
criterion_main!(all);
