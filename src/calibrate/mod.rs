//! A judge against people: how far may its verdicts be believed, and what do its rates become once they are corrected?
//!
//! ```text
//! labels.csv, verdicts.csv --labels--> rows --units--> what people and the judge said of each item --measures--> Calibration --words--> text
//! ```
//!
//! People's majority is the truth here. What nobody could decide is counted and left out, never a number. Kappa never stands alone: raw
//! agreement and how common the labels are stand beside it, and so does how far people agree with each other.

mod first_error;
mod labels;
mod measures;
mod people;
mod rates;
mod runs;
mod scale;
mod units;
mod words;

pub use labels::{Mistake, Row, Whose, rows};
pub use measures::{Calibration, Colour, Light, Measures, calibrate};
pub use runs::of_results;
pub use scale::Scale;
pub use units::{Said, Unit, units};
pub use words::words;
