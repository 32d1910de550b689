//! The criteria that come with evalrun, embedded. A path in a suite takes the place of a name.

use super::criteria::Criteria;

/// Name and text of every shipped file, in the order in which reports show dimensions.
pub static SHIPPED: &[(&str, &str)] = &[
    ("outcome", include_str!("../../graders/outcome.yaml")),
    ("communication", include_str!("../../graders/communication.yaml")),
    ("planning", include_str!("../../graders/planning.yaml")),
    ("context_gathering", include_str!("../../graders/context_gathering.yaml")),
    ("self_checking", include_str!("../../graders/self_checking.yaml")),
    ("interview", include_str!("../../graders/interview.yaml")),
    ("guardrails", include_str!("../../graders/guardrails.yaml")),
    ("efficiency", include_str!("../../graders/efficiency.yaml")),
    ("long_run", include_str!("../../graders/long_run.yaml")),
    ("habits", include_str!("../../graders/habits.yaml")),
];

/// A shipped file, read. `None`: no such name.
///
/// # Errors
/// What is wrong with the file; a test reads every shipped one.
pub fn shipped(name: &str) -> Option<Result<Criteria, Vec<String>>> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    Some(Criteria::read(&format!("graders/{name}.yaml"), text))
}
