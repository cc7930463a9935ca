//! Cancelling when a scope is left.

use super::CancellationToken;

/// Cancels its token when it is dropped, also by a panic.
///
/// Made by [`CancellationToken::drop_guard`].
///
/// # Example
/// ```
/// use nexus_async_rt::CancellationToken;
///
/// let token = CancellationToken::new();
/// drop(token.clone().drop_guard());
/// assert!(token.is_cancelled());
///
/// let spared = CancellationToken::new();
/// let spared = spared.drop_guard().disarm();
/// assert!(!spared.is_cancelled());
/// ```
#[derive(Debug)]
#[must_use = "a guard that is dropped at once cancels at once"]
pub struct DropGuard {
    token: CancellationToken,
    armed: bool,
}

impl DropGuard {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self { token, armed: true }
    }

    /// Gives the token back, which is not cancelled.
    #[must_use = "the token is given back, not forgotten"]
    pub fn disarm(mut self) -> CancellationToken {
        self.armed = false;
        self.token.clone()
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if self.armed {
            self.token.cancel();
        }
    }
}
