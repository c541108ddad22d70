//! Any bytes: listing them never fails otherwise than with an error, and takes no more room than it should.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pickle_parse::{Dis, dis};

fuzz_target!(|input: &[u8]| {
    let mut out = Vec::new();
    let listed = Dis::new().annotate(30).write(input, &mut out);
    assert!(std::str::from_utf8(&out).is_ok());
    assert_eq!(listed.is_ok(), dis(input).is_ok());
});
