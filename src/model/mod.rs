//! Pure data that travels between the rooms, and the traits between them. Names nothing of ours outside this folder.

pub mod act;
pub mod fault;
