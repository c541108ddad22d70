//! Reading ops, and writing them again.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pickle_emit::{optimize, write_op};
use pickle_parse::Ops;

fn ops(c: &mut Criterion) {
    for corpus in benches::corpora().expect("corpora can be written") {
        let pickle = &corpus.pickle[..];
        let mut group = c.benchmark_group(format!("ops/{}", corpus.name));
        group.throughput(Throughput::Bytes(pickle.len() as u64)).sample_size(10);
        group.bench_function("read", |b| {
            b.iter(|| Ops::new(black_box(pickle)).map(|op| op.expect("valid").1.opcode() as usize).sum::<usize>());
        });
        group.bench_function("read and write", |b| {
            b.iter(|| {
                let mut out = Vec::with_capacity(pickle.len());
                for op in Ops::new(black_box(pickle)) {
                    write_op(&mut out, &op.expect("valid").1).expect("writable");
                }
                out
            });
        });
        group.bench_function("optimize", |b| {
            b.iter(|| optimize(Ops::new(black_box(pickle)).map(|op| op.expect("valid").1)).expect("writable"));
        });
    }
}

criterion_group!(all, ops);
criterion_main!(all);
