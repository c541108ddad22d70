//! [`Finding`]: something that a pickle does and its reader's policy does not allow.

use std::fmt;

/// Something that loading a pickle does and a [`Policy`](crate::Policy) does not allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Where it is, in bytes from the start of the pickle: of the first one, if there are several.
    pub offset: u64,
    /// What it is about: the name of an object, or a call as Python writes it, cut where it is long.
    pub subject: Box<str>,
    /// The rule by which a policy would allow it, where there is one.
    pub rule: Option<Box<str>>,
    /// How many times the pickle does it.
    pub count: usize,
    /// Of a [`Nested`](FindingKind::Nested) finding, the finding in the pickle inside.
    pub inner: Option<Box<Finding>>,
}

impl Finding {
    /// One that is found once, that no rule allows, and that no other is in.
    pub(crate) fn new(kind: FindingKind, offset: u64, subject: impl Into<Box<str>>) -> Finding {
        Finding { kind, offset, subject: subject.into(), rule: None, count: 1, inner: None }
    }
}

/// What a [`Finding`] is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum FindingKind {
    /// An object or a module is imported that the policy does not allow. Importing runs code, even where nothing is called.
    Import,
    /// An object is imported by a name that the pickle computes.
    ComputedName,
    /// An object is imported by an extension code, which means what the reader's `copyreg` says.
    Extension,
    /// An object is called that may not be.
    Call,
    /// An instance is made of a class of which none may be.
    New,
    /// What another call returned is called, or an instance is made of it: nobody can tell what runs.
    CallOfResult,
    /// A function or class that the pickle carries by value runs while the pickle is loaded.
    CarriedCode,
    /// An object that was imported is changed for the whole process.
    ChangesImported,
    /// A state gives an object a method, or another class, that loading may call.
    SetsMethod,
    /// An object is named by a persistent id, which means what the reader's `persistent_load` says.
    PersistentId,
    /// A pickle within bytes that a call is given has a finding.
    Nested,
    /// Pickles lie within pickles deeper than is looked.
    TooDeep,
    /// Opcodes do not keep to the pickle's frames. Readers differ then on what the pickle says: CPython's own reads a file in one way
    /// and bytes in another.
    Frames,
    /// A file, or a part of one, that cannot be looked into.
    Opaque,
    /// Objects hold each other, or themselves, so often that whoever walks over them, once for each place that holds one, comes to no
    /// end; or the pickle is made of the opcode that does so at a byte each, which no pickler writes.
    Expansion,
    /// The pickle is broken. What it does before the error, it does.
    Broken,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [FindingKind; 16] = [
        FindingKind::Import,
        FindingKind::ComputedName,
        FindingKind::Extension,
        FindingKind::Call,
        FindingKind::New,
        FindingKind::CallOfResult,
        FindingKind::CarriedCode,
        FindingKind::ChangesImported,
        FindingKind::SetsMethod,
        FindingKind::PersistentId,
        FindingKind::Nested,
        FindingKind::TooDeep,
        FindingKind::Frames,
        FindingKind::Opaque,
        FindingKind::Expansion,
        FindingKind::Broken,
    ];

    /// A word for it, as JSON has it: `"import"`, `"call"`, ...
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            FindingKind::Import => "import",
            FindingKind::ComputedName => "computed-name",
            FindingKind::Extension => "extension",
            FindingKind::Call => "call",
            FindingKind::New => "new",
            FindingKind::CallOfResult => "call-of-result",
            FindingKind::CarriedCode => "carried-code",
            FindingKind::ChangesImported => "changes-imported",
            FindingKind::SetsMethod => "sets-method",
            FindingKind::PersistentId => "persistent-id",
            FindingKind::Nested => "nested",
            FindingKind::TooDeep => "too-deep",
            FindingKind::Frames => "frames",
            FindingKind::Opaque => "opaque",
            FindingKind::Expansion => "expansion",
            FindingKind::Broken => "broken",
        }
    }
}

/// With its [words](FindingKind::word), its rule as `allow`, and as it is displayed as `text`.
#[cfg(feature = "serde")]
impl serde::Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;

        let mut fields = serializer.serialize_struct("Finding", 7)?;
        fields.serialize_field("kind", self.kind.word())?;
        fields.serialize_field("offset", &self.offset)?;
        fields.serialize_field("subject", &*self.subject)?;
        fields.serialize_field("count", &self.count)?;
        fields.serialize_field("allow", &self.rule.as_deref())?;
        // Pickles within pickles are looked at to a small depth.
        fields.serialize_field("inner", &self.inner.as_deref())?;
        fields.serialize_field("text", &self.to_string())?;
        fields.end()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { kind, offset, subject, count, inner, .. } = self;
        match kind {
            FindingKind::Import => write!(f, "imports {subject}")?,
            FindingKind::ComputedName => write!(f, "imports by a computed name: {subject}")?,
            FindingKind::Extension => write!(f, "imports by {subject}")?,
            FindingKind::Call => write!(f, "calls {subject}")?,
            FindingKind::New => write!(f, "makes an instance of {subject}")?,
            FindingKind::CallOfResult => write!(f, "calls {subject}")?,
            FindingKind::CarriedCode => write!(f, "runs code that it carries: {subject}")?,
            FindingKind::ChangesImported => write!(f, "changes {subject}")?,
            FindingKind::SetsMethod => write!(f, "sets the method {subject}")?,
            FindingKind::PersistentId => write!(f, "names an object by {subject}")?,
            FindingKind::Nested => write!(f, "has a pickle inside, given to {subject}")?,
            FindingKind::TooDeep => write!(f, "has pickles within pickles, too deep to be looked at, given to {subject}")?,
            FindingKind::Frames => write!(f, "has {subject}, so that readers may differ on what it says,")?,
            FindingKind::Opaque => return write!(f, "is {subject}, which is not looked into: unpack it and scan what is in it"),
            FindingKind::Expansion => return f.write_str(subject),
            FindingKind::Broken => return write!(f, "is broken: {subject}"),
        }
        write!(f, " at byte {offset}")?;
        match count {
            0 | 1 => {}
            2 => f.write_str(", and once more")?,
            count => write!(f, ", and {} times more", count - 1)?,
        }
        match inner {
            Some(inner) => write!(f, "; there: {inner}"),
            None => Ok(()),
        }
    }
}
