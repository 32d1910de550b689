//! The pages in a real browser: nothing from data runs, nothing is fetched, nothing overflows.
