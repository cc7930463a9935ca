//! What another thread rings to get a parked runtime out of the OS.

/// An eventfd, or what the OS has in its place.
#[cfg(not(all(test, nexus_loom)))]
#[derive(Debug)]
pub(crate) struct Bell(pub(super) mio::Waker);

#[cfg(not(all(test, nexus_loom)))]
impl Bell {
    /// # Panics
    /// If the OS refuses to write to a descriptor that we own.
    pub(super) fn ring(&self) {
        if let Err(error) = self.0.wake() {
            panic!("the runtime's wake-up descriptor is broken: {error}");
        }
    }
}

/// The model of it.
#[cfg(all(test, nexus_loom))]
#[derive(Debug)]
pub(crate) struct Bell(pub(super) loom::sync::Notify);

#[cfg(all(test, nexus_loom))]
impl Bell {
    pub(super) fn ring(&self) {
        self.0.notify();
    }
}
