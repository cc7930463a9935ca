//! Tasks, the loop, and the end of a runtime.

mod abort;
mod depth;
mod drop;
mod fairness;
mod idle;
mod join;
mod metrics;
mod panic;
#[cfg(target_os = "linux")]
mod pinning;
mod quiesce;
mod random_ends;
mod random_tasks;
mod shutdown;
mod signals;
mod signals_kept;
mod slab;
mod spawn;
mod stack;
mod wake_foreign;
mod world;
