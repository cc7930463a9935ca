//! Turns a hang into a failure.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Runs `test` on a thread of its own and fails if it is not back in time.
pub fn within<T: Send + 'static>(limit: Duration, test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = test();
        // Whoever waited may have given up.
        let _ = done.send(());
        result
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(limit) {
        panic!("the test hangs: not back after {limit:?}");
    }
    match thread.join() {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    }
}
