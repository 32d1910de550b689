//! Exit codes: what a script that calls evalrun may rely on.

/// Done; gates passed, or there are none.
pub const DONE: i32 = 0;
/// A gate failed.
pub const GATE_FAILED: i32 = 1;
/// Wrong usage, an invalid suite, or some given files were refused.
pub const REFUSED: i32 = 2;
/// Inconclusive, or a budget was reached.
pub const INCONCLUSIVE: i32 = 3;
/// The measurement broke: nothing ran, nothing could be graded, or coverage fell under its floor.
pub const BROKEN: i32 = 4;
/// Ctrl-C.
pub const INTERRUPTED: i32 = 130;
