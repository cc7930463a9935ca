//! monoio, on `io_uring` where there is one.

use super::{Clock, Executor, Limit};
use monoio::task::JoinHandle;
use monoio::time::{Sleep, sleep, timeout};
use monoio::{FusionDriver, RuntimeBuilder};
use std::time::Duration;

/// Its tasks.
#[derive(Debug)]
pub struct Monoio;

impl Executor for Monoio {
    type Join<T: 'static> = JoinHandle<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        RuntimeBuilder::<FusionDriver>::new()
            .enable_timer()
            .build()
            .unwrap_or_else(|error| panic!("monoio was refused: {error}"))
            .block_on(future)
    }

    fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        monoio::spawn(future)
    }
}

impl Clock for Monoio {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        sleep(duration)
    }
}

impl Limit for Monoio {
    fn timeout<F: Future>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(duration, future)
    }
}
