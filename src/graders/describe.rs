//! `describe`: how an agent likes to work, in a sentence. Never a score: the criterion does not apply to any, weighs nothing, and its dimension has
//! no value, so that nobody is ranked by a habit.

use super::{
    Build, Evidence, Kind,
    cites::cites_of,
    criteria::{Asks, Criterion, rule_of},
    expression::Rule,
    node::{Findings, Node},
    says::Told,
};
use crate::model::score::{Outcome, Score};

pub const DESCRIBE: Kind = Kind {
    word: "describe",
    doc: "An expression over `metric`, `task` and `end` that is told in the `pass` sentence and never scored: the criterion is not applicable in every trial and weighs nothing.",
    example: "grader: habits\nabout: How does the agent like to work?\ncriteria:\n  - id: searches_with\n    describe: metric.rg_share\n    says: {pass: \"{{ metric.rg_share | percent }} of its searches were by `rg`\"}\n",
    build: Build::Criterion(build),
};

struct Description(Rule);

fn build(node: &Node, findings: &mut Findings) -> Option<Box<dyn Asks>> {
    Some(Box::new(Description(rule_of(node, findings)?)))
}

impl Asks for Description {
    fn scores(&self, criterion: &Criterion, evidence: &Evidence<'_>) -> Vec<Score> {
        let (why, cites) = match self.0.condition(evidence) {
            Outcome::Scored(_) => {
                let cites = cites_of(evidence, &self.0.metrics);
                let told = Told { value: 1.0, cites: &cites, behaviour: "habits" };
                let sentence = criterion.says.sentence(&told, evidence).unwrap_or_else(|| self.0.source.clone());
                (sentence, cites)
            }
            Outcome::Unknown(why) | Outcome::NotApplicable(why) => (why, Vec::new()),
            Outcome::NotAsked => (String::new(), Vec::new()),
            Outcome::Broken(fault) => return vec![criterion.score(Outcome::Broken(fault), String::new())],
        };
        let score = criterion.cited(Outcome::NotApplicable(why.clone()), why, cites);
        vec![Score { weight: 0.0, cap: None, ..score }]
    }

    fn words(&self) -> String {
        self.0.source.clone()
    }
}
