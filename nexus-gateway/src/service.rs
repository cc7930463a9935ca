//! What a service manager is told: ready, status and stopping, as `sd_notify` has it. Where
//! `NOTIFY_SOCKET` is not set, nothing happens.

use sd_notify::NotifyState;
use tracing::debug;

/// Data flows; `status` says which.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// How far it is.
pub(crate) fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// The end has begun.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Whether anybody is told.
pub(crate) fn is_managed() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

fn tell(state: &[NotifyState<'_>]) {
    // A manager that does not hear it is no reason to end.
    if let Err(error) = sd_notify::notify(state) {
        debug!("the service manager was not told: {error}");
    }
}
