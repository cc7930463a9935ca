//! What of this room the model build compiles: what other threads reach, and the
//! owner's side of it.

mod bell;
#[cfg(all(target_os = "linux", not(miri)))]
mod futex;
mod inbox;
mod intake;
mod loom;
mod ready;
