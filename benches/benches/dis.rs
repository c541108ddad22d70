//! Listings.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pickle_parse::Dis;

fn dis(c: &mut Criterion) {
    for corpus in benches::corpora().expect("corpora can be written") {
        let pickle = &corpus.pickle[..];
        let mut group = c.benchmark_group(format!("dis/{}", corpus.name));
        group.throughput(Throughput::Bytes(pickle.len() as u64)).sample_size(10);
        group.bench_function("pickle-parse", |b| {
            b.iter(|| Dis::new().write(black_box(pickle), &mut std::io::sink()).expect("valid"));
        });
    }
}

criterion_group!(all, dis);
criterion_main!(all);
