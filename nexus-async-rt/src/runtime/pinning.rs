//! Which core a thread runs on.

use std::io;

/// Pins the calling thread to the core number `core`, as the system counts them: it runs
/// there alone from now on. Threads that it starts afterwards inherit that.
///
/// Pin a thread before it allocates what it works with: the system takes memory from
/// near the core that touches it first. [`RuntimeBuilder::pin`](super::RuntimeBuilder::pin)
/// does it when a runtime is built.
///
/// # Errors
/// If there is no such core, the process may not use it, or the system has no way to
/// pin a thread: only Linux has.
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::runtime::pin_thread;
/// use std::thread;
///
/// # #[cfg(target_os = "linux")]
/// let shard = thread::spawn(|| {
///     pin_thread(0)?;
///     Ok::<i32, std::io::Error>(RuntimeBuilder::new().build().block_on(async { 42 }))
/// });
/// # #[cfg(target_os = "linux")]
/// assert_eq!(shard.join().unwrap()?, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pin_thread(core: usize) -> io::Result<()> {
    system::pin(core).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot pin the thread to core {core}: {error}"),
        )
    })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::mem::{size_of, zeroed};

    pub(super) fn pin(core: usize) -> io::Result<()> {
        // SAFETY: computes nothing but the number of the cores that there are.
        let cores = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
        let cores = usize::try_from(cores).unwrap_or(0);
        if core >= cores.min(libc::CPU_SETSIZE as usize) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the machine has {cores} cores, counted from 0"),
            ));
        }
        // SAFETY: plain data of C, for which zeros are valid; the core is in it.
        let set = unsafe {
            let mut set: libc::cpu_set_t = zeroed();
            libc::CPU_SET(core, &mut set);
            set
        };
        // SAFETY: a set of the length that is given; 0 is the calling thread.
        let result =
            unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;

    pub(super) fn pin(_: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
