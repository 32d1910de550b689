//! How often two raters gave which pair of labels: what kappa, AC1 and the like are computed from.

use thiserror::Error;

/// Why counts are no table of two raters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TableError {
    #[error("a table needs at least two labels")]
    TooFewLabels,
    #[error("a table needs as many columns as rows")]
    NotSquare,
    #[error("a table needs at least one item")]
    Empty,
}

/// `counts[a][b]`: items to which the first rater gave label `a` and the second label `b`. At least two labels and one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    counts: Vec<Vec<u64>>,
}

impl Table {
    /// # Errors
    /// When the counts are not square, have fewer than two labels, or are all zero.
    pub fn new(counts: Vec<Vec<u64>>) -> Result<Table, TableError> {
        let labels = counts.len();
        if labels < 2 {
            return Err(TableError::TooFewLabels);
        }
        if counts.iter().any(|row| row.len() != labels) {
            return Err(TableError::NotSquare);
        }
        if counts.iter().flatten().all(|count| *count == 0) {
            return Err(TableError::Empty);
        }
        Ok(Table { counts })
    }

    /// From pairs of label numbers, each below `labels`; pairs beyond it are left out.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn of_pairs(pairs: &[(usize, usize)], labels: usize) -> Result<Table, TableError> {
        let mut counts = vec![vec![0; labels]; labels];
        for (first, second) in pairs {
            if let Some(count) = counts.get_mut(*first).and_then(|row| row.get_mut(*second)) {
                *count += 1;
            }
        }
        Table::new(counts)
    }

    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    pub fn labels(&self) -> usize {
        self.counts.len()
    }

    /// Items, at least 1.
    pub fn items(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Items on which both raters agree.
    pub fn agreed(&self) -> u64 {
        self.counts.iter().enumerate().map(|(at, row)| row[at]).sum()
    }

    /// How often the first rater gave each label, as shares of all items.
    pub fn first(&self) -> Vec<f64> {
        let items = self.items() as f64;
        self.counts.iter().map(|row| row.iter().sum::<u64>() as f64 / items).collect()
    }

    /// How often the second rater gave each label, as shares of all items.
    pub fn second(&self) -> Vec<f64> {
        let items = self.items() as f64;
        (0..self.labels()).map(|at| self.counts.iter().map(|row| row[at]).sum::<u64>() as f64 / items).collect()
    }

    /// `(first, second, share of all items)` for every pair of labels.
    pub fn shares(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let items = self.items() as f64;
        let cell = move |(first, row): (usize, &'_ Vec<u64>)| {
            let row: Vec<(usize, usize, f64)> =
                row.iter().enumerate().map(|(second, count)| (first, second, *count as f64 / items)).collect();
            row
        };
        self.counts.iter().enumerate().flat_map(cell)
    }
}
