//! The only door to shared memory: atomics, cells, fences, and the lock that the
//! protocols take.
//!
//! Knows no ring, no waiter and no task. The ordinary build re-exports `std`;
//! the model build (`cfg(all(test, nexus_loom))`) puts loom's instrumented
//! types in their place.
//!
//! Invariant: nothing outside this module names `std::sync::atomic` or
//! `UnsafeCell` (the `arrows` test checks it).

#[cfg(not(all(test, nexus_loom)))]
#[cfg_attr(
    all(target_os = "linux", not(miri)),
    expect(unsafe_code, reason = "a system call")
)]
mod asymmetric;
#[cfg(all(test, nexus_loom))]
mod model;
mod mutex;
mod padded;
#[cfg(not(all(test, nexus_loom)))]
mod real;
mod site;

#[cfg(all(test, not(nexus_loom)))]
pub(crate) use asymmetric::one_at_a_time;
#[cfg(all(test, not(nexus_loom), target_os = "linux", not(miri)))]
pub(crate) use asymmetric::with_refused_fences;
#[cfg(not(all(test, nexus_loom)))]
pub(crate) use asymmetric::{
    give_back_heavy_fence, grant_heavy_fence, has_heavy_fence, heavy_fence, light_fence,
};
#[cfg(all(test, nexus_loom))]
pub(crate) use model::*;
pub(crate) use mutex::Mutex;
pub(crate) use padded::CachePadded;
#[cfg(not(all(test, nexus_loom)))]
pub(crate) use real::*;
pub(crate) use site::Site;
pub(crate) use site::{full_fence, ordering};
