//! What another thread rings to get a parked runtime out of the OS.

/// An eventfd, or what the OS has in its place.
#[cfg(not(all(test, nexus_loom)))]
#[derive(Debug)]
pub(crate) struct Bell(pub(crate) mio::Waker);

#[cfg(not(all(test, nexus_loom)))]
impl Bell {
    /// # Panics
    /// If the OS refuses to write to a descriptor that we own.
    pub(crate) fn ring(&self) {
        if let Err(error) = self.0.wake() {
            panic!("the runtime's wake-up descriptor is broken: {error}");
        }
    }
}

/// The model of it: the descriptor is a word that each ringer reads until the
/// call is over, and that the end takes for itself.
#[cfg(all(test, nexus_loom))]
#[derive(Debug)]
pub(crate) struct Bell {
    rung: loom::sync::Notify,
    descriptor: crate::sync::UnsafeCell<()>,
}

#[cfg(all(test, nexus_loom))]
impl Bell {
    pub(crate) fn new() -> Self {
        Self {
            rung: loom::sync::Notify::new(),
            descriptor: crate::sync::UnsafeCell::new(()),
        }
    }

    pub(crate) fn ring(&self) {
        self.rung.notify();
        // The sleeper may be awake before the call returns.
        self.descriptor.with(|_| ());
    }

    /// What the poller does.
    pub(crate) fn sleep(&self) {
        self.rung.wait();
    }

    /// The memory goes.
    pub(crate) fn end(&mut self) {
        self.descriptor.with_mut(|_| ());
    }
}
