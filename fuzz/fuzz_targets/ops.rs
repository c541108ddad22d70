//! Any bytes: reading ops from a slice and from a stream never fails otherwise than with an error, and both say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pickle_parse::{OpReader, Ops};

fuzz_target!(|input: &[u8]| {
    let mut reader = OpReader::new(input);
    let mut end = 0;
    for op in Ops::new(input) {
        match op {
            Ok((offset, op)) => {
                assert!(offset == end && offset < input.len());
                let read = reader.next_op().unwrap().unwrap();
                assert_eq!(read.0, offset as u64);
                assert_eq!(format!("{:?}", read.1), format!("{op:?}"));
                end = reader.offset() as usize;
            }
            Err(error) => {
                assert_eq!(error.offset(), end as u64);
                // Between two pickles, the end of a stream is no error.
                match reader.next_op() {
                    Ok(None) => assert_eq!(end, input.len()),
                    Ok(Some(op)) => panic!("{op:?} instead of {error}"),
                    Err(other) => assert_eq!(other.kind(), error.kind()),
                }
            }
        }
    }
});
