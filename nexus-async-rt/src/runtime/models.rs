//! What of this room the model build compiles: what other threads reach.

mod bell;
mod inbox;
mod loom;
