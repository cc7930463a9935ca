//! Several tests in a binary that counts: one at a time, because what they count
//! is the process's. Each is on a thread of its own, because the runner's
//! allocates when a test is over.

use crate::counting::count_this_thread;
use nexus_testkit::within;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Runs `test` on a thread that is counted, watched.
#[track_caller]
pub fn alone(test: fn()) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock();
    let counted = move || {
        count_this_thread();
        test();
    };
    within(Duration::from_secs(300), || {
        if let Err(panic) = thread::spawn(counted).join() {
            resume_unwind(panic);
        }
    });
}
