//! How much the first page shows: a run of ten thousand trials must still be a page that a browser opens, below 3 MB.

/// Names in a list that belongs to one line.
pub(super) const LISTED: usize = 50;
/// Trials up to which each has a page, and a cell with words in the table of trials.
pub(super) const TRIALS: usize = 1_000;
/// Trials shown in the tables of stages and interviews.
pub(super) const ROWS: usize = 500;

/// Sentences of all cells of a section together.
const SENTENCES: usize = 2_000;
/// Of one cell at least.
const FEW: usize = 3;

/// Sentences shown of one cell, of so many cells.
pub(super) fn sentences(cells: usize) -> usize {
    (SENTENCES / cells.max(1)).clamp(FEW, LISTED)
}

/// The first tasks that together have at most so many trials, one at the least; and how many tasks are left.
pub(super) fn first<T>(tasks: Vec<(T, usize)>, most: usize) -> (Vec<T>, usize) {
    let (all, mut sum) = (tasks.len(), 0);
    let fits = |(_, trials): &(T, usize)| {
        let first = sum == 0;
        sum += trials;
        first || sum <= most
    };
    let shown: Vec<T> = tasks.into_iter().take_while(fits).map(|(task, _)| task).collect();
    let left = all - shown.len();
    (shown, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_cells_the_fewer_sentences() {
        assert_eq!([0, 10, 40, 200, 5000].map(sentences), [50, 50, 50, 10, 3]);
    }

    #[test]
    fn whole_tasks_are_shown() {
        assert_eq!(first(vec![("a", 3), ("b", 2), ("c", 1)], 5), (vec!["a", "b"], 1));
        assert_eq!(first(vec![("a", 9), ("b", 1)], 5), (vec!["a"], 1));
        assert_eq!(first(Vec::<((), usize)>::new(), 5), (vec![], 0));
    }
}
