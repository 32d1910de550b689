//! One file per foreign trace format, and the seal that turns a live log into the trace that is graded.

pub mod seal;
