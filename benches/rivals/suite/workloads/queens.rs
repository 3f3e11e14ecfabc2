//! All ways to place thirteen queens, recursively: a task for each way to place
//! the first three. The operation is a solution.

use std::hint::black_box;
use std::time::Instant;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::{Runtime, Sample, ns_per_op};
use crate::suite::peers::rayon::install;

const N: u32 = 13;
const SOLUTIONS: usize = 73_712;
const ROWS_WITH_TASKS: u32 = 3;

/// The columns and diagonals under attack in the next row, a bit for each.
#[derive(Clone, Copy, Default)]
struct Board {
    row: u32,
    columns: u32,
    left: u32,
    right: u32,
}

impl Board {
    fn empty() -> Board {
        black_box(Board::default())
    }

    /// The boards with one more queen.
    fn next(self) -> impl Iterator<Item = Board> {
        let mut free = !(self.columns | self.left | self.right) & ((1 << N) - 1);
        std::iter::from_fn(move || {
            let queen = free & free.wrapping_neg();
            free ^= queen;
            (queen != 0).then(|| Board {
                row: self.row + 1,
                columns: self.columns | queen,
                left: (self.left | queen) << 1,
                right: (self.right | queen) >> 1,
            })
        })
    }

    fn solve_alone(self) -> usize {
        if self.row == N { 1 } else { self.next().map(Board::solve_alone).sum() }
    }

    fn solve_by_rayon(self) -> usize {
        if self.row == ROWS_WITH_TASKS {
            return self.solve_alone();
        }
        let boards: Vec<Board> = self.next().collect();
        boards.into_par_iter().map(Board::solve_by_rayon).sum()
    }
}

fn solve<R: Runtime>(board: Board) -> R::Join<usize> {
    R::spawn(async move {
        if board.row == ROWS_WITH_TASKS {
            return board.solve_alone();
        }
        let parts: Vec<_> = board.next().map(solve::<R>).collect();
        let mut solutions = 0;
        for part in parts {
            solutions += part.await;
        }
        solutions
    })
}

pub(super) fn run<R: Runtime>() -> Sample {
    let (solutions, elapsed) = R::root(async {
        let start = Instant::now();
        (solve::<R>(Board::empty()).await, start.elapsed())
    });
    assert_eq!(solutions, SOLUTIONS);
    ns_per_op(elapsed, solutions)
}

pub(super) fn rayon() -> Sample {
    let (solutions, elapsed) = install(|| {
        let start = Instant::now();
        (Board::empty().solve_by_rayon(), start.elapsed())
    });
    assert_eq!(solutions, SOLUTIONS);
    ns_per_op(elapsed, solutions)
}

pub(super) fn alone() -> Sample {
    let start = Instant::now();
    assert_eq!(Board::empty().solve_alone(), SOLUTIONS);
    ns_per_op(start.elapsed(), SOLUTIONS)
}
