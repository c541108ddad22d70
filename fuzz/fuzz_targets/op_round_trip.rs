//! Any bytes: every op that can be read is written as the bytes that it was read from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pickle_emit::write_op;
use pickle_parse::Ops;

fuzz_target!(|input: &[u8]| {
    let mut ops = Ops::new(input);
    let mut written = Vec::new();
    while let Some(Ok((_, op))) = ops.next() {
        write_op(&mut written, &op).unwrap();
        assert_eq!(written, input[..ops.offset()]);
    }
});
