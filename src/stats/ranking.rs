//! Ranking three or more agents from who beat whom: Bradley-Terry by maximum likelihood, with standard errors, and the groups that
//! cannot be told apart. Elo depends on the order of the games and says nothing of its error: it is here to compare with.

use super::agreement::Z95;
use statrs::distribution::{ContinuousCDF, Normal};
use thiserror::Error;

/// Why agents cannot be ranked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RankingError {
    #[error("a ranking needs at least two agents")]
    TooFew,
    #[error("the table of wins is not square, or holds a number that is no count")]
    Table,
    /// Indices of the agents in each part; agents of one part never lost to, or never won against, those of another.
    #[error("agents {0:?} cannot be put on one scale: some never won against, or never lost to, the others")]
    NotConnected(Vec<Vec<usize>>),
    #[error("the strengths did not settle; wins and losses are too far from each other")]
    NotSettled,
}

/// Strengths of agents on one scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// Natural logarithms, mean 0: `P(i beats j) = 1 / (1 + exp(s_j - s_i))`.
    pub strengths: Vec<f64>,
    /// Covariance of the strengths: the pseudo-inverse of the Fisher information.
    covariance: Vec<Vec<f64>>,
}

impl Ranking {
    /// Standard error of each strength.
    pub fn errors(&self) -> Vec<f64> {
        (0..self.strengths.len()).map(|at| self.covariance[at][at].max(0.0).sqrt()).collect()
    }

    /// How much stronger `first` is than `second`, with its standard error. Indices must be below the number of agents.
    pub fn difference(&self, first: usize, second: usize) -> (f64, f64) {
        let cov = &self.covariance;
        let spread = cov[first][first] + cov[second][second] - 2.0 * cov[first][second];
        (self.strengths[first] - self.strengths[second], spread.max(0.0).sqrt())
    }

    /// The probability that `first` beats `second`, 0..=1.
    pub fn beats(&self, first: usize, second: usize) -> f64 {
        chance(self.strengths[first] - self.strengths[second])
    }

    /// The strengths in Elo's units around 1000: 400 points are odds of 10 to 1.
    pub fn elo(&self) -> Vec<f64> {
        self.strengths.iter().map(|strength| 1000.0 + 400.0 / std::f64::consts::LN_10 * strength).collect()
    }

    /// Agents from strongest to weakest, in groups of which no two members can be told apart at 5 % over all pairs (Bonferroni). An
    /// agent may stand in two groups: between two that can be told apart there may be one that neither can be told from.
    pub fn groups(&self) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.strengths.len()).collect();
        order.sort_by(|a, b| self.strengths[*b].total_cmp(&self.strengths[*a]));
        let pairs = (order.len() * (order.len() - 1) / 2) as f64;
        let z = Normal::new(0.0, 1.0).map_or(Z95, |normal| normal.inverse_cdf(1.0 - 0.025 / pairs));
        let apart = |a: usize, b: usize| {
            let (difference, error) = self.difference(order[a], order[b]);
            difference.abs() > z * error
        };
        let (mut groups, mut reached): (Vec<Vec<usize>>, usize) = (Vec::new(), 0);
        for from in 0..order.len() {
            let alike = |to: &usize| (from..=*to).all(|a| (a..=*to).all(|b| !apart(a, b)));
            let to = (from..order.len()).take_while(alike).last().unwrap_or(from) + 1;
            if to > reached {
                groups.push(order[from..to].to_vec());
                reached = to;
            }
        }
        groups
    }
}

/// Bradley and Terry (1952) by maximum likelihood, with Newton's method. `wins[i][j]`: how often `i` beat `j`; a tie is half a win for
/// each. Counts are finite and not below 0; the diagonal is 0.
///
/// # Errors
/// For fewer than two agents, a table that is none, and agents that are not strongly connected: there the strengths are infinite.
pub fn bradley_terry(wins: &[Vec<f64>]) -> Result<Ranking, RankingError> {
    let agents = wins.len();
    if agents < 2 {
        return Err(RankingError::TooFew);
    }
    let count = |value: &f64| value.is_finite() && *value >= 0.0;
    let row = |(at, row): (usize, &Vec<f64>)| row.len() == agents && row.iter().all(count) && row[at] == 0.0;
    if !wins.iter().enumerate().all(row) {
        return Err(RankingError::Table);
    }
    let parts = strongly_connected(wins);
    if parts.len() > 1 {
        return Err(RankingError::NotConnected(parts));
    }
    let mut strengths = vec![0.0; agents];
    for _ in 0..MOST_STEPS {
        let (gradient, covariance) = slope(wins, &strengths).ok_or(RankingError::NotSettled)?;
        let step: Vec<f64> = covariance.iter().map(|row| dot(row, &gradient)).collect();
        let largest = step.iter().fold(0.0_f64, |most, part| most.max(part.abs()));
        if largest < 1e-12 {
            return Ok(Ranking { strengths, covariance });
        }
        // The likelihood is concave: shorter steps from far away never miss its top.
        let scale = if largest > 1.0 { 1.0 / largest } else { 1.0 };
        strengths.iter_mut().zip(&step).for_each(|(strength, part)| *strength += scale * part);
        let middle = strengths.iter().sum::<f64>() / agents as f64;
        strengths.iter_mut().for_each(|strength| *strength -= middle);
    }
    Err(RankingError::NotSettled)
}

const MOST_STEPS: usize = 500;

/// Adds ties to a table of wins as half a win for each side. `ties[i][j] = ties[j][i]`: how often `i` and `j` tied.
///
/// # Errors
/// When the tables differ in size, or ties are not the same both ways.
pub fn with_ties(wins: &[Vec<f64>], ties: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, RankingError> {
    let size = wins.len();
    let square = |table: &[Vec<f64>]| table.len() == size && table.iter().all(|row| row.len() == size);
    if !square(wins) || !square(ties) || (0..size).any(|a| (0..size).any(|b| ties[a][b] != ties[b][a])) {
        return Err(RankingError::Table);
    }
    let row =
        |(wins, ties): (&Vec<f64>, &Vec<f64>)| wins.iter().zip(ties).map(|(won, tied)| won + tied / 2.0).collect();
    Ok(wins.iter().zip(ties).map(row).collect())
}

/// One game between two agents (by index); `score` is of the first: 1 won, 0 lost, 0.5 tied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Game {
    pub first: usize,
    pub second: usize,
    pub score: f64,
}

/// Elo's ratings (1978) after the games in their order, all from `base`, moving by at most `k` a game.
///
/// `None` where a game names no agent of `agents`.
pub fn elo(agents: usize, games: &[Game], (base, k): (f64, f64)) -> Option<Vec<f64>> {
    let mut ratings = vec![base; agents];
    for game in games {
        let (first, second) = (*ratings.get(game.first)?, *ratings.get(game.second)?);
        let expected = 1.0 / (1.0 + 10_f64.powf((second - first) / 400.0));
        ratings[game.first] += k * (game.score - expected);
        ratings[game.second] -= k * (game.score - expected);
    }
    Some(ratings)
}

fn chance(difference: f64) -> f64 {
    1.0 / (1.0 + (-difference).exp())
}

fn dot(row: &[f64], values: &[f64]) -> f64 {
    row.iter().zip(values).map(|(a, b)| a * b).sum()
}

/// The gradient of the log-likelihood and the pseudo-inverse of the Fisher information.
fn slope(wins: &[Vec<f64>], strengths: &[f64]) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
    let agents = wins.len();
    let (mut gradient, mut fisher) = (vec![0.0; agents], vec![vec![0.0; agents]; agents]);
    for a in 0..agents {
        for b in (0..agents).filter(|b| *b != a) {
            let games = wins[a][b] + wins[b][a];
            let won = chance(strengths[a] - strengths[b]);
            gradient[a] += wins[a][b] - games * won;
            fisher[a][a] += games * won * (1.0 - won);
            fisher[a][b] -= games * won * (1.0 - won);
        }
    }
    // Its null space is the constants: with their projection added it has an inverse, and that projection is its own.
    let share = 1.0 / agents as f64;
    fisher.iter_mut().flatten().for_each(|cell| *cell += share);
    let mut covariance = inverse(fisher)?;
    covariance.iter_mut().flatten().for_each(|cell| *cell -= share);
    Some((gradient, covariance))
}

/// Gauss and Jordan, with the largest pivot. `None` where there is no inverse.
fn inverse(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let size = matrix.len();
    let mut out: Vec<Vec<f64>> = (0..size).map(|a| (0..size).map(|b| f64::from(u8::from(a == b))).collect()).collect();
    for at in 0..size {
        let pivot = (at..size).max_by(|a, b| matrix[*a][at].abs().total_cmp(&matrix[*b][at].abs()))?;
        matrix.swap(at, pivot);
        out.swap(at, pivot);
        let head = matrix[at][at];
        if !head.is_finite() || head.abs() < 1e-300 {
            return None;
        }
        for table in [&mut matrix, &mut out] {
            table[at].iter_mut().for_each(|cell| *cell /= head);
        }
        let (row, row_out) = (matrix[at].clone(), out[at].clone());
        for other in (0..size).filter(|other| *other != at) {
            let factor = matrix[other][at];
            matrix[other].iter_mut().zip(&row).for_each(|(cell, part)| *cell -= factor * part);
            out[other].iter_mut().zip(&row_out).for_each(|(cell, part)| *cell -= factor * part);
        }
    }
    Some(out)
}

/// Agents in parts within which everyone is beaten, over others, by everyone.
fn strongly_connected(wins: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let reach: Vec<Vec<bool>> = (0..wins.len()).map(|from| reached(wins, from)).collect();
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for (agent, from) in reach.iter().enumerate() {
        match parts.iter_mut().find(|part| reach[part[0]][agent] && from[part[0]]) {
            Some(part) => part.push(agent),
            None => parts.push(vec![agent]),
        }
    }
    parts
}

fn reached(wins: &[Vec<f64>], from: usize) -> Vec<bool> {
    let (mut seen, mut open) = (vec![false; wins.len()], vec![from]);
    seen[from] = true;
    while let Some(at) = open.pop() {
        for (to, won) in wins[at].iter().enumerate() {
            if *won > 0.0 && !seen[to] {
                seen[to] = true;
                open.push(to);
            }
        }
    }
    seen
}
