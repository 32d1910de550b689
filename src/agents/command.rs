//!
use super::*;
pub static DRIVER: Driver = Driver {
    name: "command",
    about: "",
    fields: &[],
    stand_in: false,
    tells: |_| Tells::default(),
    check: |_| Vec::new(),
    open: |_| Box::pin(async { Err(Fault::new(crate::model::fault::Boundary::Agent, "x", "x")) }),
};
