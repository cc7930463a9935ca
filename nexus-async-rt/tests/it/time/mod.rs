//! Timers and the clock.

mod backoff;
mod hostile;
mod interval;
mod model;
pub mod paused;
mod poll_tick;
mod sleep;
mod timeout;
