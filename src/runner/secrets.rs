//! Which values must appear in nothing that is written.
//!
//! Three kinds: what an agent is given by name (`auth: {env: [MY_KEY]}`), the tokens of a login that it is lent, and what looks like a secret in evalrun's own environment,
//! since an agent outside a sandbox can read that. `OPENAI_API_KEY`, `GH_TOKEN` and `DB_PASSWORD` look like one; `KEYBOARD`,
//! `TOKENIZERS_PARALLELISM` and `SSH_KEY=/home/me/.ssh/id` do not: replacing a word that everybody uses would change what is graded.

use crate::agents;
use crate::model::{
    fault::{Boundary, Fault},
    suite::AgentSpec,
};
use crate::process::redact::Redactor;
use std::path::Path;

/// The last part of a name, or the whole of a part, that says what it holds.
const WORDS: &[&str] = &["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"];

/// Shorter values of our own environment are words rather than secrets.
const SHORTEST_OWN: usize = 8;

/// What hides the secrets of an agent's trials.
///
/// # Errors
/// When a variable that the agent needs is not set, or too short to be hidden. Names it, never its value.
pub fn redactor(agent: &AgentSpec) -> Result<Redactor, Fault> {
    let mut found = Vec::new();
    for name in &agent.secrets {
        found.push((name.clone(), given(name).map_err(|why| missing(agent, &why))?));
    }
    found.extend(agents::lent_secrets(agent)?);
    hiding(found)
}

/// What hides the secrets of a judge's replies: the variables its seats name, where they are set, and our own.
///
/// # Errors
/// When one is too short to be hidden. Names it, never its value.
pub fn of_judge(names: &[String]) -> Result<Redactor, Fault> {
    hiding(names.iter().filter_map(|name| Some((name.clone(), given(name).ok()?))).collect())
}

fn hiding(mut found: Vec<(String, String)>) -> Result<Redactor, Fault> {
    let own =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    found.extend(own.filter(|(name, value)| looks_secret(name, value)));
    found.sort();
    found.dedup();
    Redactor::new(&found)
}

/// The value of a variable that an agent is given.
///
/// # Errors
/// Why there is none.
pub fn given(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => format!("the variable {name} is not set"),
        std::env::VarError::NotUnicode(_) => format!("the variable {name} is no text"),
    })
}

fn looks_secret(name: &str, value: &str) -> bool {
    let name = name.to_uppercase();
    let says_so = name.split('_').any(|part| WORDS.iter().any(|word| part.ends_with(word)));
    let is_path = Path::new(value).is_absolute() && Path::new(value).exists();
    says_so && !is_path && value.trim().len() >= SHORTEST_OWN
}

fn missing(agent: &AgentSpec, why: &str) -> Fault {
    Fault::new(Boundary::Agent, "secret", format!("{why}, and agent {} needs it", agent.name))
        .hint("set it, or take it out of the agent's `auth`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_together_look_like_a_secret() {
        let cases = [
            ("OPENAI_API_KEY", "sk-1234567", true),
            ("github_token", "ghp_12345678", true),
            ("APIKEY", "12345678", true),
            ("AWS_SECRET_ACCESS_KEY", "abcdefgh", true),
            ("DB_PASSWORD", "hunter2", false),
            ("TOKENIZERS_PARALLELISM", "disabled", false),
            ("KEYBOARD_LAYOUT", "en_US.UTF-8", false),
            ("SSH_KEY", "/usr/bin/env", false),
            ("SSH_KEY", "/9j/4AAQSkZJRg", true),
            ("EMPTY_KEY", "            ", false),
            ("PATH", "not-a-secret-at-all", false),
        ];
        for (name, value, expected) in cases {
            assert_eq!(looks_secret(name, value), expected, "{name}={value}");
        }
    }
}
