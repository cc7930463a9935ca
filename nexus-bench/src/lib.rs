//! `nexus-async-rt` measured against its peers.
//!
//! A *line* is one question (what does a dispatch cost?), a *side* one answer
//! to it (ours, a peer, or the limit: what the hardware takes when nothing is
//! in the way). [`workload`] holds the questions, each written once, generic
//! over the traits of [`peers`], which holds one adapter a peer. The files of
//! `benches/` put the two together, and [`harness`] runs them.
//!
//! Every workload checks what it measures: count, order and contents.
//! `cargo bench` prints the tables, `cargo test` runs each side of each line
//! once with few operations, for the checks alone.

pub mod budget;
pub mod cores;
pub mod figures;
pub mod harness;
pub mod lines;
pub mod load;
pub mod options;
pub mod peers;
pub mod report;
pub mod sample;
pub mod workload;
