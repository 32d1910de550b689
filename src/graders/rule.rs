//! `rule`: a criterion answered by an expression over metrics. Exact, free, and cited: the events that made the metrics are its citations.

use super::{
    Build, Evidence, Kind,
    cites::cites_of,
    criteria::{Asks, Criterion, rule_of},
    expression::Rule,
    node::{Findings, Node},
    says::Told,
};
use crate::model::score::{Outcome, Score};

pub const RULE: Kind = Kind {
    word: "rule",
    doc: "An expression (minijinja) over `metric`, `task` and `end`. It must give true, false or a number from 0 to 1. A metric that is undefined makes the criterion not applicable, an unknown one unknown. With `confirm: judge`, a judge confirms or clears what it flags.",
    example: "grader: self_checking\nabout: Does the agent verify its work?\ncriteria:\n  - id: checks_after_last_edit\n    rule: metric.check_after_last_edit\n    weight: 2\n    says: {pass: \"ran `{{ act.command }}` after its last edit\", fail: \"made {{ count.edits }} edits that nothing checked\"}\n",
    build: Build::Criterion(build),
};

struct ByRule(Rule);

fn build(node: &Node, findings: &mut Findings) -> Option<Box<dyn Asks>> {
    Some(Box::new(ByRule(rule_of(node, findings)?)))
}

impl Asks for ByRule {
    fn scores(&self, criterion: &Criterion, evidence: &Evidence<'_>) -> Vec<Score> {
        let outcome = self.0.outcome(evidence);
        let Outcome::Scored(value) = outcome else { return vec![criterion.score(outcome, String::new())] };
        let cites = cites_of(evidence, &self.0.metrics);
        let behaviour =
            self.0.metrics.first().and_then(|id| crate::metrics::named(id)).map_or("", |metric| metric.behaviour);
        let told = Told { value, cites: &cites, behaviour };
        let why = criterion.says.sentence(&told, evidence).unwrap_or_else(|| self.plain(value, evidence));
        vec![criterion.cited(Outcome::Scored(value), why, cites)]
    }

    fn words(&self) -> String {
        self.0.source.clone()
    }
}

impl ByRule {
    /// The sentence of a criterion that brings none.
    fn plain(&self, value: f64, evidence: &Evidence<'_>) -> String {
        let number = |id: &&str| {
            evidence.metric(id)?.number().map(|number| format!("{id} is {}", crate::metrics::number(number)))
        };
        let numbers: Vec<String> = self.0.metrics.iter().filter_map(number).collect();
        let holds = if value >= 0.5 { "holds" } else { "does not hold" };
        format!("`{}` {holds}: {}", self.0.source, numbers.join(", "))
    }
}
