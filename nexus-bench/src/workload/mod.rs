//! The questions, each written once.

pub mod bytes;
pub mod dispatch;
pub mod echo;
pub mod foreign;
pub mod gate;
pub mod growth;
pub mod spawn;
pub mod timers;
pub mod typed;
pub mod world;
