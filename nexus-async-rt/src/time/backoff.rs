//! Trying again, less and less often.

use super::sleep::Sleep;
use crate::runtime::clock_now;
use std::error::Error;
use std::fmt;
use std::panic::RefUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Waits between the attempts at something that fails: each time twice as long
/// as before, up to a limit.
///
/// Made by [`Backoff::builder`]. The loop stays the caller's: after a failed
/// attempt it hands the error to [`wait`](Backoff::wait), which gives it back
/// when it is time to give up.
///
/// # Example
/// ```
/// use nexus_async_rt::time::{Backoff, Exhausted};
/// use nexus_async_rt::{RuntimeBuilder, now};
/// use std::time::Duration;
///
/// async fn connect(attempt: &mut u32) -> Result<u32, &'static str> {
///     *attempt += 1;
///     if *attempt < 4 { Err("refused") } else { Ok(*attempt) }
/// }
///
/// async fn connect_patiently() -> Result<u32, Exhausted<&'static str>> {
///     let mut attempt = 0;
///     let mut backoff = Backoff::builder()
///         .initial(Duration::from_millis(10))
///         .max_retries(5)
///         .build();
///     loop {
///         match connect(&mut attempt).await {
///             Ok(connection) => return Ok(connection),
///             Err(error) => backoff.wait(error).await?,
///         }
///     }
/// }
///
/// let mut rt = RuntimeBuilder::new().start_paused(true).build();
/// rt.block_on(async {
///     let begin = now();
///     assert_eq!(connect_patiently().await.unwrap(), 4);
///     assert_eq!(now() - begin, Duration::from_millis(10 + 20 + 40));
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    settings: BackoffBuilder,
    /// What the next wait takes, before jitter.
    delay: Duration,
    retries: u32,
    random: fastrand::Rng,
}

/// Sets up a [`Backoff`].
///
/// By default: 100 ms first, at most 30 s, any number of retries, no jitter.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct BackoffBuilder {
    initial: Duration,
    max_delay: Duration,
    max_retries: Option<u32>,
    deadline: Option<Instant>,
    jitter: f64,
    seed: Option<u64>,
}

impl BackoffBuilder {
    /// The first wait, 100 ms by default.
    pub fn initial(mut self, delay: Duration) -> Self {
        self.initial = delay;
        self
    }

    /// The longest wait, 30 s by default.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Waits that may be asked for before [`Backoff::wait`] gives up; no limit
    /// by default.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// When [`Backoff::wait`] gives up; never by default. The last wait ends at
    /// this time if it would end after it.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The share of each wait, from 0 to 1, of which a random part is left out,
    /// so that clients that failed together do not try again together. 0 by
    /// default. With 0.25 a wait of 100 ms takes 75 to 100 ms.
    ///
    /// # Panics
    /// If `share` is not between 0 and 1.
    #[track_caller]
    pub fn jitter(mut self, share: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&share),
            "jitter is {share}, it must be between 0 and 1"
        );
        self.jitter = share;
        self
    }

    /// Makes the jitter the same each time; it begins somewhere else each time
    /// by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The backoff.
    ///
    /// # Panics
    /// If `initial` is zero, or longer than `max_delay`.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> Backoff {
        assert!(!self.initial.is_zero(), "initial is {:?}", self.initial);
        assert!(
            self.initial <= self.max_delay,
            "initial is {:?}, it must be at most max_delay, {:?}",
            self.initial,
            self.max_delay
        );
        Backoff {
            delay: self.initial,
            retries: 0,
            random: self
                .seed
                .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
            settings: self,
        }
    }
}

// The generator's state is one number, drawn from in one step.
impl RefUnwindSafe for Backoff {}

impl Backoff {
    /// Sets up a backoff.
    pub fn builder() -> BackoffBuilder {
        BackoffBuilder {
            initial: Duration::from_millis(100),
            max_delay: Duration::from_secs(30),
            max_retries: None,
            deadline: None,
            jitter: 0.0,
            seed: None,
        }
    }

    /// Waits before the next attempt, as the one before has failed with `error`.
    ///
    /// The wait counts from this call, and so does the retry.
    ///
    /// # Errors
    /// [`Exhausted`], with `error` in it, at once: after
    /// [`max_retries`](BackoffBuilder::max_retries) of them, or once the clock
    /// has reached the [`deadline`](BackoffBuilder::deadline).
    ///
    /// # Panics
    /// As [`Sleep`], if it has to wait.
    ///
    /// # Cancel safety
    /// A wait that is dropped counts as a retry; `error` is dropped with it.
    pub fn wait<E>(&mut self, error: E) -> WaitFut<'_, E> {
        let now = clock_now();
        let limit = self.limit(now);
        let until = if limit.is_some() {
            Some(now)
        } else {
            self.next(now)
        };
        WaitFut {
            timer: Sleep::new(until),
            error: Some(error),
            limit,
            backoff: self,
        }
    }

    /// Why there is to be no retry at `now`.
    fn limit(&self, now: Instant) -> Option<Limit> {
        match (self.settings.max_retries, self.settings.deadline) {
            (Some(retries), _) if self.retries >= retries => Some(Limit::Retries),
            (_, Some(deadline)) if now >= deadline => Some(Limit::Deadline),
            _ => None,
        }
    }

    /// The end of a wait that begins at `now`; `None` is never.
    fn next(&mut self, now: Instant) -> Option<Instant> {
        let left_out = self.delay.as_secs_f64() * self.settings.jitter * self.random.f64();
        // Rounding may make the longest of all too long.
        let left_out = Duration::try_from_secs_f64(left_out).unwrap_or(self.delay);
        let delay = self.delay.saturating_sub(left_out);
        self.retries = self.retries.saturating_add(1);
        self.delay = self.delay.saturating_mul(2).min(self.settings.max_delay);
        let until = now.checked_add(delay);
        match self.settings.deadline {
            Some(deadline) => Some(until.map_or(deadline, |until| until.min(deadline))),
            None => until,
        }
    }

    /// Begins anew, after a success. The deadline stays.
    pub fn reset(&mut self) {
        self.delay = self.settings.initial;
        self.retries = 0;
    }

    /// Retries since the beginning.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// What the next wait takes at most: the jitter shortens it, and the
    /// deadline may.
    #[must_use]
    pub fn next_delay(&self) -> Duration {
        self.delay
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Retries,
    Deadline,
}

/// The future of [`Backoff::wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct WaitFut<'a, E> {
    timer: Sleep,
    backoff: &'a Backoff,
    /// None once it has completed.
    error: Option<E>,
    /// What was reached at the call.
    limit: Option<Limit>,
}

impl<E> Future for WaitFut<'_, E> {
    type Output = Result<(), Exhausted<E>>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the timer is pinned with its owner, because it is never moved
        // out, and `WaitFut` has no `Drop` and no `Unpin` of its own. The error
        // is not pinned.
        let (timer, this) = unsafe {
            let this = self.get_unchecked_mut();
            (
                Pin::new_unchecked(&mut this.timer),
                (&mut this.error, this.backoff, this.limit),
            )
        };
        let (slot, backoff, limit) = this;
        assert!(slot.is_some(), "a wait was polled after it had completed");
        if limit.is_none() {
            ready!(timer.poll(cx));
        }
        let error = slot.take();
        let Some((limit, error)) = limit.zip(error) else {
            return Poll::Ready(Ok(()));
        };
        Poll::Ready(Err(Exhausted {
            error,
            retries: backoff.retries,
            limit,
        }))
    }
}

impl<E> fmt::Debug for WaitFut<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFut")
            .field("until", &self.timer.deadline())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// A [`Backoff`] has given up. It holds the error of the last attempt.
///
/// Its text ends with the text of that error. Its [`source`](Error::source) is
/// therefore the source of that error, so that a chain of causes names each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted<E> {
    error: E,
    retries: u32,
    limit: Limit,
}

impl<E> Exhausted<E> {
    /// The error of the last attempt.
    #[must_use]
    pub fn into_inner(self) -> E {
        self.error
    }

    /// The error of the last attempt.
    #[must_use]
    pub fn get_ref(&self) -> &E {
        &self.error
    }

    /// How often it was tried again.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Whether it was the deadline that was reached, and not the limit on
    /// retries.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        self.limit == Limit::Deadline
    }
}

impl<E: fmt::Display> fmt::Display for Exhausted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, retries, .. } = self;
        match self.limit {
            Limit::Retries => write!(f, "gave up after {retries} retries, the limit: {error}"),
            Limit::Deadline => write!(
                f,
                "gave up after {retries} retries, at the deadline: {error}"
            ),
        }
    }
}

impl<E: Error> Error for Exhausted<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
