//! The part of the channels that the models check: what both ends share. The
//! handles over it are not compiled in the model build.

mod core;
mod kind;
mod loom;
mod phase;
mod refusals;
