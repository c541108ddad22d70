//! The Rust types of the corpora, for the benchmarks of serde and of deser.

use serde::{Deserialize, Serialize};

/// What the corpus of records holds.
pub type Records = Vec<Record>;

/// What the corpus of floats holds.
pub type Floats = Vec<Vec<[f64; 2]>>;

/// What the corpus of strings holds.
pub type Strings = Vec<String>;

/// One of the records.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, deser::Deserialize)]
pub struct Record {
    id: u64,
    name: String,
    email: String,
    score: f64,
    active: bool,
    tags: Vec<String>,
    address: Address,
}

/// The address of a record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, deser::Deserialize)]
pub struct Address {
    street: String,
    number: u32,
    city: String,
}
