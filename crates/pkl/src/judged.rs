//! The policy that the command line asks for.

use clap::Args;
use cloud_reduce::{Policy, Rule};

/// What is allowed.
#[derive(Args)]
pub(crate) struct Allowed {
    /// What pickles may do: ready-made policies, which add up [default: depends on the command]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = Policy::NAMES)]
    policy: Vec<String>,

    /// What they may do besides: `module.name`, `module.*`, `package.**`, with `import:` or `new:` before it for less (repeatable)
    #[arg(long, value_name = "RULE")]
    allow: Vec<Rule>,
}

impl Allowed {
    /// The policy, or a command's own where none is named, with what is allowed besides.
    pub(crate) fn policy(&self, default: fn() -> Policy) -> Policy {
        let mut policy = Policy::nothing();
        if self.policy.is_empty() {
            policy = default();
        }
        for named in self.policy.iter().filter_map(|name| Policy::named(name)) {
            policy.allow_all_of(&named);
        }
        for rule in &self.allow {
            policy.allow(rule.clone());
        }
        policy
    }
}
