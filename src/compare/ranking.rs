//! Three agents or more: a task is won by the agent with the better mean, a tie is half a win for each; strengths by Bradley-Terry.

use super::{Of, PASSED, Panel, every_two, mean};
use crate::model::comparison::{Ranked, Ranking};
use crate::stats::ranking;

/// `None` for fewer than three agents.
pub(super) fn ranking(panel: &Panel<'_>, dimensions: &[String]) -> Option<Ranking> {
    let agents = panel.agents.len();
    if agents < 3 {
        return None;
    }
    let by = ["outcome", PASSED].into_iter().find(|name| dimensions.iter().any(|it| it == name));
    let by = by.or_else(|| dimensions.first().map(String::as_str))?;
    let mut wins = vec![vec![0.0; agents]; agents];
    for task in 0..panel.tasks.len() {
        for (a, b) in every_two(agents) {
            let of = |agent| mean(&panel.scores(agent, task, &Of::Dimension(by)));
            let (Some(one), Some(other)) = (of(a), of(b)) else { continue };
            let won = if (one - other).abs() < 1e-9 { 0.5 } else { f64::from(u8::from(one > other)) };
            wins[a][b] += won;
            wins[b][a] += 1.0 - won;
        }
    }
    Some(match ranking::bradley_terry(&wins) {
        Ok(fitted) => Ranking { by: by.to_owned(), agents: ranked(panel, &fitted), why_not: None },
        Err(why) => Ranking { by: by.to_owned(), agents: Vec::new(), why_not: Some(reason(panel, &why)) },
    })
}

fn ranked(panel: &Panel<'_>, fitted: &ranking::Ranking) -> Vec<Ranked> {
    let (groups, errors) = (fitted.groups(), fitted.errors());
    let of = |at: usize| {
        let inside = groups.iter().enumerate().filter(|(_, group)| group.contains(&at));
        Ranked {
            agent: panel.agents[at].clone(),
            strength: fitted.strengths[at],
            se: errors[at],
            groups: inside.map(|(nth, _)| nth as u32 + 1).collect(),
        }
    };
    let mut agents: Vec<Ranked> = (0..panel.agents.len()).map(of).collect();
    agents.sort_by(|one, other| other.strength.total_cmp(&one.strength));
    agents
}

/// Why there is none, with the agents by name.
fn reason(panel: &Panel<'_>, why: &ranking::RankingError) -> String {
    let ranking::RankingError::NotConnected(parts) = why else { return why.to_string() };
    let part = |part: &Vec<usize>| part.iter().map(|at| panel.agents[*at].as_str()).collect::<Vec<_>>().join(", ");
    let parts: Vec<String> = parts.iter().map(part).collect();
    format!("some never won a task, or never lost one, against the others: {}", parts.join(" | "))
}
