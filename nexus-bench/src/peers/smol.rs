//! smol's `LocalExecutor`.

use super::Executor;
use async_executor::{LocalExecutor, Task};
use std::cell::Cell;

/// Its tasks.
#[derive(Debug)]
pub struct Smol;

thread_local! {
    /// The executor that the thread runs. Leaked: a bench process runs one.
    static CURRENT: Cell<Option<&'static LocalExecutor<'static>>> = const { Cell::new(None) };
}

impl Executor for Smol {
    type Join<T: 'static> = Task<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        let executor: &LocalExecutor<'_> = Box::leak(Box::default());
        CURRENT.set(Some(executor));
        futures_lite::future::block_on(executor.run(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        CURRENT
            .get()
            .unwrap_or_else(|| panic!("`spawn` outside `block_on`"))
            .spawn(future)
    }
}
