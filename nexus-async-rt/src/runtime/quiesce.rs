//! Running until no task is left.

use super::context;
use super::drive::Runtime;
use crate::timer::{Entry, Phase};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

impl Runtime<'_> {
    /// Waits for the end of all tasks, those included that are spawned meanwhile. It
    /// does not tell them to end.
    ///
    /// Tell them before, by
    /// [`ShutdownHandle::trigger`](crate::ShutdownHandle::trigger) or a cancellation.
    /// This drives the tasks until none is alive, and sleeps in the OS while there is
    /// nothing to do. The time is that of the runtime's clock; `Duration::MAX` waits
    /// without a limit.
    ///
    /// # Errors
    /// If tasks are alive when `timeout` is over: they are named by where they
    /// were spawned, and go on with the next run.
    ///
    /// # Panics
    /// As [`block_on`](Runtime::block_on).
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::{RuntimeBuilder, sleep};
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// let mut rt = RuntimeBuilder::new().build();
    /// rt.spawn_boxed(sleep(Duration::from_millis(1)));
    /// assert!(rt.shutdown_quiesce(Duration::from_secs(5)).is_ok());
    ///
    /// let stuck = rt.spawn_boxed(pending::<()>());
    /// let error = rt.shutdown_quiesce(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.task_count(), 1);
    /// let (location, count) = error.left().next().unwrap();
    /// assert_eq!((location.file(), count), (file!(), 1));
    /// stuck.abort();
    /// assert!(rt.shutdown_quiesce(Duration::ZERO).is_ok());
    /// ```
    #[track_caller]
    pub fn shutdown_quiesce(&mut self, timeout: Duration) -> Result<(), QuiesceTimeout> {
        let deadline = self.shared().timers.clock.now().checked_add(timeout);
        let ended = self.block_on(until_no_task_is_left(deadline));
        if ended {
            return Ok(());
        }
        Err(QuiesceTimeout {
            timeout,
            left: self.shared().alive.by_location(),
        })
    }
}

/// `false`: the deadline came first.
async fn until_no_task_is_left(deadline: Option<Instant>) -> bool {
    let entry = pin!(Entry::new(deadline));
    let entry = entry.into_ref();
    poll_fn(|cx| {
        context::with("shutdown_quiesce", |shared| {
            if shared.alive.count() == 0 {
                return Poll::Ready(true);
            }
            match entry.phase() {
                Phase::Fired => return Poll::Ready(false),
                Phase::Idle if deadline.is_some() => {
                    // The root's waker: it runs no foreign code.
                    entry.arm(cx.waker());
                    shared.timers.stage(entry);
                }
                _ => {}
            }
            shared.alive.wait_for_none();
            Poll::Pending
        })
    })
    .await
}

/// Tasks were alive when the time of
/// [`shutdown_quiesce`](Runtime::shutdown_quiesce) was over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuiesceTimeout {
    timeout: Duration,
    left: Vec<(&'static Location<'static>, usize)>,
}

impl QuiesceTimeout {
    /// The time that was over.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How many tasks are left.
    #[must_use]
    pub fn task_count(&self) -> usize {
        self.left.iter().map(|(_, count)| count).sum()
    }

    /// What is left: where tasks were spawned, and how many of those are alive.
    pub fn left(&self) -> impl ExactSizeIterator<Item = (&'static Location<'static>, usize)> + '_ {
        self.left.iter().copied()
    }
}

impl fmt::Display for QuiesceTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.task_count();
        let tasks = if count == 1 { "task is" } else { "tasks are" };
        write!(f, "{count} {tasks} alive after {:?}:", self.timeout)?;
        for (n, (location, count)) in self.left().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma} {count} spawned at {location}")?;
        }
        Ok(())
    }
}

impl Error for QuiesceTimeout {}
