//! [`Policy`]: what a pickle may import and call. Everything else is a finding.

mod sets;

use std::{fmt, str::FromStr};

use rustc_hash::FxHashMap;

/// What a pickle may import and call when it is loaded. It is an allow-list: whatever it does not name is a
/// [`Finding`](crate::Finding).
///
/// ```
/// use cloud_reduce::{Policy, Use};
///
/// let mut policy = Policy::plain();
/// assert!(policy.allows("collections", "OrderedDict", Use::Call));
/// assert!(!policy.allows("acme.shapes", "Circle", Use::New));
///
/// policy.allow("new:acme.shapes.*".parse()?);
/// assert!(policy.allows("acme.shapes", "Circle", Use::New));
/// assert!(!policy.allows("acme.shapes", "Circle", Use::Call));
/// assert!(!policy.allows("acme.shapes", "os.system", Use::New));
/// # Ok::<(), cloud_reduce::RuleError>(())
/// ```
///
/// # Rules
///
/// | Rule | Allows |
/// |---|---|
/// | `acme.shapes.Circle` | the object `Circle` of the module `acme.shapes`, for every use; also a module of that name |
/// | `acme.shapes:Circle.unit` | what is found there through an attribute: names with dots are never matched by patterns |
/// | `acme.shapes.*` | every object of that module but those like `__builtins__`, and the module |
/// | `acme.**` | the same of that module and of those below it |
/// | `import:` before a rule | to import it and hold on to it, but not to call it |
/// | `new:` before a rule | also to make instances of it by its `__new__`, and to give them a state |
///
/// A pattern is as good as the worst function of the module that it names, once it is called; `new:` is what pickles of ordinary
/// objects need.
///
/// # What it cannot see
///
/// Of classes and functions that a rule names, only the name is known: what their methods do with the objects they are given is as
/// safe as the rule's author knows it to be. Of a class that the pickle carries, it is known which of its methods Python and
/// cloudpickle's reconstructors call by themselves; where it inherits from an imported class that is none of `builtins`, `abc`,
/// `typing`, `collections.abc` and `enum`, whatever it overrides counts as run once an instance is made or changed, and where it
/// inherits from one of `collections.abc`, once an instance is given items. Whatever special method a class has counts as run when a
/// call that does not merely hold its arguments is given an instance, at any depth. Code that runs only when a loaded object is
/// used is no finding.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// By module, and by name in it. Names without a module are those of modules.
    names: FxHashMap<Box<str>, Names>,
    /// By module: all names in it.
    modules: Names,
    /// By module: all names in it and in the modules below.
    trees: Names,
    /// Whether code that the pickle carries may run while it is loaded.
    carried_code: bool,
    /// Whether persistent ids may be looked up.
    persistent_ids: bool,
}

/// What may be done with what. The policy's author chooses the names, so that none are made to meet in a quick hash.
type Names = FxHashMap<Box<str>, Use>;

/// What is done with an imported object. Who may do one thing may do all before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Use {
    /// It is imported and held. Importing runs its module.
    Import,
    /// An instance is made by `__new__` of it, and gets a state.
    New,
    /// It is called.
    Call,
}

impl Use {
    /// The word by which rules have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Use::Import => "import",
            Use::New => "new",
            Use::Call => "call",
        }
    }
}

/// A rule of a [`Policy`]: which objects, and which use of them. See [there](Policy#rules) for how it is written.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rule {
    what: What,
    most: Use,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum What {
    /// Without a module, that of a module.
    Name {
        module: Box<str>,
        name: Box<str>,
    },
    Module(Box<str>),
    Tree(Box<str>),
}

/// A text that is no [`Rule`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleError(Box<str>);

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no rule: write `module.name`, `module:name.attribute`, `module.*` or `package.**`, with `import:` or `new:` \
             before it for less",
            self.0
        )
    }
}

impl std::error::Error for RuleError {}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(rule: &str) -> Result<Rule, RuleError> {
        let (most, name) = match rule.split_once(':') {
            Some(("import", name)) => (Use::Import, name),
            Some(("new", name)) => (Use::New, name),
            Some(("call", name)) => (Use::Call, name),
            _ => (Use::Call, rule),
        };
        let what = if let Some(package) = name.strip_suffix(".**") {
            is_path(package).then(|| What::Tree(package.into()))
        } else if let Some(module) = name.strip_suffix(".*") {
            is_path(module).then(|| What::Module(module.into()))
        } else if let Some((module, qualname)) = name.split_once(':') {
            (is_path(module) && is_path(qualname)).then(|| What::Name { module: module.into(), name: qualname.into() })
        } else {
            is_path(name).then(|| {
                let (module, name) = name.rsplit_once('.').unwrap_or(("", name));
                What::Name { module: module.into(), name: name.into() }
            })
        };
        what.map(|what| Rule { what, most }).ok_or_else(|| RuleError(rule.into()))
    }
}

/// Whether a text is names with dots between, of which none is a pattern.
fn is_path(path: &str) -> bool {
    let mut before = b'.';
    let is_sound = path.bytes().all(|byte| {
        let is_sound = !matches!(byte, b'*' | b':') && (byte, before) != (b'.', b'.');
        before = byte;
        is_sound
    });
    is_sound && before != b'.'
}

impl Policy {
    /// Nothing is allowed but plain data: numbers, texts, lists, dicts, ...
    #[must_use]
    pub fn nothing() -> Policy {
        Policy::default()
    }

    /// Allows what a rule says, beside what is allowed already.
    pub fn allow(&mut self, rule: Rule) {
        let (names, name) = match rule.what {
            What::Name { module, name } => (self.names.entry(module).or_default(), name),
            What::Module(module) => (&mut self.modules, module),
            What::Tree(package) => (&mut self.trees, package),
        };
        let most = names.entry(name).or_insert(rule.most);
        *most = (*most).max(rule.most);
    }

    /// Allows all that another policy allows.
    pub fn allow_all_of(&mut self, other: &Policy) {
        for (module, names) in &other.names {
            merge(self.names.entry(module.clone()).or_default(), names);
        }
        merge(&mut self.modules, &other.modules);
        merge(&mut self.trees, &other.trees);
        self.carried_code |= other.carried_code;
        self.persistent_ids |= other.persistent_ids;
    }

    /// Whether functions and classes that the pickle carries by value may be called while it is loaded. No ready-made policy
    /// allows it: such a call can do anything.
    pub fn set_carried_code(&mut self, allowed: bool) {
        self.carried_code = allowed;
    }

    /// Whether code that the pickle carries may run while it is loaded.
    #[must_use]
    pub fn carried_code(&self) -> bool {
        self.carried_code
    }

    /// Whether the pickle may name objects by persistent ids, which mean what the reader's `persistent_load` makes of them.
    pub fn set_persistent_ids(&mut self, allowed: bool) {
        self.persistent_ids = allowed;
    }

    /// Whether the pickle may name objects by persistent ids.
    #[must_use]
    pub fn persistent_ids(&self) -> bool {
        self.persistent_ids
    }

    /// Whether an object of a module may be used so. Patterns do not match a name with dots: by attributes, any module leads
    /// to any other. Nor do they match `__builtins__`, `__dict__` and their like, which any module has.
    #[must_use]
    pub fn allows(&self, module: &str, qualname: &str, what: Use) -> bool {
        let allowed = |most: Option<&Use>| most.is_some_and(|&most| what <= most);
        if allowed(self.names.get(module).and_then(|names| names.get(qualname))) {
            return true;
        }
        !qualname.contains('.')
            && !is_of_every_module(qualname)
            && (allowed(self.modules.get(module)) || self.allows_tree(module, what))
    }

    /// Whether a module may be imported by a call.
    #[must_use]
    pub fn allows_module(&self, module: &str) -> bool {
        let (package, name) = module.rsplit_once('.').unwrap_or(("", module));
        let as_name = self.names.get(package).is_some_and(|names| names.contains_key(name));
        as_name || self.modules.contains_key(module) || self.allows_tree(module, Use::Import)
    }

    fn allows_tree(&self, module: &str, what: Use) -> bool {
        if self.trees.is_empty() {
            return false;
        }
        let mut end = module.len();
        // So that a forged name of a million dots takes no longer than others.
        for _ in 0..32 {
            if self.trees.get(&module[..end]).is_some_and(|&most| what <= most) {
                return true;
            }
            match module[..end].rfind('.') {
                Some(dot) => end = dot,
                None => return false,
            }
        }
        false
    }
}

/// Adds what others allow.
fn merge(ours: &mut Names, theirs: &Names) {
    for (name, &most) in theirs {
        let ours = ours.entry(name.clone()).or_insert(most);
        *ours = (*ours).max(most);
    }
}

/// Whether a name is one as Python itself gives to what all modules have.
fn is_of_every_module(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &[&str]) -> Policy {
        let mut policy = Policy::nothing();
        for rule in rules {
            policy.allow(rule.parse().unwrap());
        }
        policy
    }

    #[test]
    fn rules_allow_what_they_say_and_no_more() {
        let policy = policy(&["a.b.c", "a.b:C.d", "p.*", "q.**", "new:n.*", "import:i.x"]);
        for (module, name, most) in [
            ("a.b", "c", Some(Use::Call)),
            ("a", "b.c", None),
            ("a.b", "C.d", Some(Use::Call)),
            ("a.b", "C", None),
            ("p", "x", Some(Use::Call)),
            ("p", "os.system", None),
            ("p.q", "x", None),
            ("q", "x", Some(Use::Call)),
            ("q.r.s", "x", Some(Use::Call)),
            ("qq", "x", None),
            ("q.r", "os.system", None),
            ("n", "C", Some(Use::New)),
            ("i", "x", Some(Use::Import)),
            ("p", "__builtins__", None),
            ("q.r", "__dict__", None),
        ] {
            for what in [Use::Import, Use::New, Use::Call] {
                assert_eq!(policy.allows(module, name, what), most.is_some_and(|most| what <= most), "{module}:{name} {what:?}");
            }
        }
        for (module, allowed) in [("a.b.c", true), ("a.b", false), ("p", true), ("q.r", true), ("os", false)] {
            assert_eq!(policy.allows_module(module), allowed, "{module}");
        }
    }

    #[test]
    fn a_rule_that_says_less_takes_nothing_away() {
        let policy = policy(&["a.b", "import:a.b"]);
        assert!(policy.allows("a", "b", Use::Call));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["", "*", ".**", "a..b", "a.*.b", "a:b:c", "a:", ":b", "new:", "a*"] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
        let error = "a..b".parse::<Rule>().unwrap_err().to_string();
        assert!(error.starts_with("`a..b` is no rule: write `module.name`"), "{error}");
    }
}
