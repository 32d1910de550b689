//! The one async place: plays trials, grades them, keeps what happened.

pub mod clock;
pub mod dispatch;
