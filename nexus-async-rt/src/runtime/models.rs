//! What of this room the model build compiles: what other threads reach, and the
//! owner's side of it.

mod inbox;
