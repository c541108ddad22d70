//! Values of Rust types from pickles and to pickles, beside the peers.

use std::hint::black_box;

use benches::typed::{Floats, Records, Strings};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Serialize, de::DeserializeOwned};

fn serde(c: &mut Criterion) {
    for corpus in benches::corpora().expect("corpora can be written") {
        match corpus.name {
            "records" => typed::<Records>(c, corpus.name, &corpus.pickle),
            "floats" => typed::<Floats>(c, corpus.name, &corpus.pickle),
            "strings" => typed::<Strings>(c, corpus.name, &corpus.pickle),
            _ => {}
        }
    }
}

fn typed<T: Serialize + DeserializeOwned + for<'de> deser::Deserialize<'de>>(c: &mut Criterion, name: &str, pickle: &[u8]) {
    let mut group = c.benchmark_group(format!("from_slice/{name}"));
    group.throughput(Throughput::Bytes(pickle.len() as u64)).sample_size(10);
    group.bench_function("pickle-parse", |b| b.iter(|| pickle_parse::from_slice::<T>(black_box(pickle)).expect("valid")));
    group.bench_function("serde-pickle", |b| {
        b.iter(|| serde_pickle::from_slice::<T>(black_box(pickle), serde_pickle::DeOptions::new()).expect("valid"));
    });
    group.bench_function("deser-pickle", |b| {
        let config = deser_pickle::DeserializerConfig::builder().max_shared_events(usize::MAX).build();
        b.iter(|| config.from_slice::<T>(black_box(pickle)).expect("valid"));
    });
    group.finish();

    let value: T = pickle_parse::from_slice(pickle).expect("valid");
    let mut group = c.benchmark_group(format!("to_vec/{name}"));
    group.throughput(Throughput::Bytes(pickle.len() as u64)).sample_size(10);
    group.bench_function("pickle-emit", |b| b.iter(|| pickle_emit::to_vec(black_box(&value)).expect("valid")));
    group.bench_function("serde-pickle", |b| {
        b.iter(|| serde_pickle::to_vec(black_box(&value), serde_pickle::SerOptions::new()).expect("valid"));
    });
    group.finish();
}

criterion_group!(all, serde);
criterion_main!(all);
