//! The table in the terminal.
use super::Report;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Yes,
    No,
}

pub fn terminal(report: &Report<'_>, _width: usize, _colour: Colour) -> String {
    let mut text = String::new();
    for agent in &report.results.agents {
        text.push_str(&format!("{}\n", agent.agent));
        for (name, sum) in &agent.dimensions {
            text.push_str(&format!("  {name}: {:?} n={}\n", sum.mean, sum.trials));
        }
    }
    text
}
