//! [`Makers`]: how often a code object tells which version made it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    path::Path,
};

use anyhow::Context as _;
use cloud_reduce::{Implementation, PythonVersion};
use serde_json::json;

use super::{
    bytecode::Written,
    records::{Records, Shape},
    setting::{Failure, Setting},
};
use crate::python::Python;

/// Who compiles.
pub(super) type Maker = (Implementation, PythonVersion);

/// Functions of no more instructions than this may well be the same bytes in every version.
const A_FEW: usize = 8;

/// How often the true version must be alone in the answer, among the functions of more than a few instructions for which no other
/// version in the answer compiles the same source to the same code object.
const ALONE: f64 = 0.99;

/// From which version on that must be. What is older is written in opcodes that mean the same to the next one.
const TOLD_SINCE: PythonVersion = PythonVersion::new(3, 10);

/// What the code objects of one interpreter's library tell of who made them.
pub(super) struct Makers {
    maker: Maker,
    /// How many have more than a few instructions, and of how many of these the answer is the true version alone.
    long: usize,
    alone: usize,
    /// The other ones, by a hash of all that the bytecode is, with the other versions of the answer that have not been seen to
    /// make the same.
    ambiguous: HashMap<u64, (usize, HashSet<Maker>)>,
    /// In which files there are some that another version may have made.
    files: BTreeMap<Maker, BTreeSet<String>>,
}

impl Makers {
    pub(super) fn new(maker: Maker) -> Makers {
        Makers { maker, long: 0, alone: 0, ambiguous: HashMap::new(), files: BTreeMap::new() }
    }

    /// The version that made them.
    pub(super) fn maker(&self) -> Maker {
        self.maker
    }

    /// Counts a code object; returns which versions may have made it if the true one is not among them.
    pub(super) fn count(&mut self, file: &str, shape: &Shape<'_>, instructions: usize) -> Option<String> {
        let makers: Vec<Maker> = shape.as_code_shape().versions().collect();
        let is_missing = !makers.contains(&self.maker);
        if instructions > A_FEW {
            self.long += 1;
            if makers == [self.maker] {
                self.alone += 1;
            } else {
                let others: HashSet<Maker> = makers.iter().copied().filter(|other| *other != self.maker).collect();
                for other in &others {
                    let files = self.files.entry(*other).or_default();
                    if !files.contains(file) {
                        files.insert(file.to_owned());
                    }
                }
                self.ambiguous.entry(shape.identity()).or_insert((0, others)).0 += 1;
            }
        }
        let told = |(implementation, version): &Maker| format!("{implementation} {version}");
        is_missing.then(|| if makers.is_empty() { "none".into() } else { makers.iter().map(told).collect::<Vec<_>>().join(", ") })
    }

    /// Lets those other versions that are at hand compile the same files, through a file of records, and notes what they compile
    /// to the very same.
    ///
    /// # Errors
    ///
    /// When an interpreter fails.
    pub(super) fn compare(&mut self, pythons: &[Python], into: &Path) -> anyhow::Result<()> {
        for (other, files) in std::mem::take(&mut self.files) {
            let Some(python) = pythons.iter().find(|python| (python.implementation(), python.version) == other) else { continue };
            let mut worker = Setting::worker(&python.path, &[]);
            for file in files {
                let Written {} = worker.ask("bytecode.shapes", json!({ "file": file, "into": into }))?;
                let written = std::fs::read(into)?;
                let mut records = Records::new(&written);
                while !records.is_empty() {
                    let shape =
                        Shape::read(&mut records).with_context(|| format!("the records of {file} are not as they must be"))?;
                    if let Some((_, others)) = self.ambiguous.get_mut(&shape.identity()) {
                        others.remove(&other);
                    }
                }
            }
        }
        Ok(())
    }

    /// Of how many of the long ones the answer is the true version alone, or with such versions only as make the very same of them.
    fn share(&self, or_the_same: bool) -> f64 {
        let same = self.ambiguous.values().filter(|(_, others)| others.is_empty()).map(|(count, _)| count).sum::<usize>();
        (self.alone + if or_the_same { same } else { 0 }) as f64 / self.long.max(1) as f64
    }

    /// A failure if the true version is not alone often enough.
    pub(super) fn failure(&self) -> Option<Failure> {
        let must = self.maker.1 >= TOLD_SINCE && self.long > 0;
        (must && self.share(true) < ALONE).then(|| {
            let expected = format!("{:.0} % at least, from {TOLD_SINCE} on", 100.0 * ALONE);
            Failure::new("how often code tells which version made it", self.to_string(), expected)
        })
    }
}

impl fmt::Display for Makers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "of {} with more than {A_FEW} instructions, the version alone is told by {:.2} %, alone or with those at hand that compile \
             the same source to the same by {:.2} %",
            self.long,
            100.0 * self.share(false),
            100.0 * self.share(true),
        )
    }
}
