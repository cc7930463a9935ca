//! What may drive an end of a channel, or anything else that waits: an executor or a
//! plain thread.

#[cfg(feature = "rt")]
use nexus_async_rt::{Runtime, spawn_boxed};
#[cfg(feature = "rt")]
use nexus_rt::WorldBuilder;
use std::sync::{Arc, LazyLock};

/// What drives an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    #[cfg(feature = "rt")]
    Parked,
    #[cfg(feature = "rt")]
    Busy,
    TokioCurrentThread,
    TokioMultiThread,
    AsyncExecutor,
    /// A plain thread that sleeps in the blocking forms.
    Thread,
    /// A plain thread that tries again and again.
    Spinning,
}

pub const SIDES: &[Side] = &[
    #[cfg(feature = "rt")]
    Side::Parked,
    #[cfg(feature = "rt")]
    Side::Busy,
    Side::TokioCurrentThread,
    Side::TokioMultiThread,
    Side::AsyncExecutor,
    Side::Thread,
    Side::Spinning,
];

#[cfg(feature = "rt")]
fn with_runtime<R>(f: impl FnOnce(&mut Runtime<'_>) -> R) -> R {
    let mut world = WorldBuilder::new().build();
    f(&mut Runtime::new(&mut world))
}

impl Side {
    /// Our runtime that sleeps; an executor that does where there is none.
    #[cfg(feature = "rt")]
    pub const PARKED: Self = Self::Parked;
    #[cfg(not(feature = "rt"))]
    pub const PARKED: Self = Self::AsyncExecutor;

    /// Our runtime that never sleeps; another executor where there is none.
    #[cfg(feature = "rt")]
    pub const BUSY: Self = Self::Busy;
    #[cfg(not(feature = "rt"))]
    pub const BUSY: Self = Self::TokioCurrentThread;

    /// Under a sanitizer that cannot see into the standard library foreign
    /// executors report races of their own: ours take their place.
    fn instrumented(self) -> Self {
        static ONLY_OURS: LazyLock<bool> =
            LazyLock::new(|| std::env::var_os("NEXUS_OWN_RUNTIME_ONLY").is_some());
        match self {
            #[cfg(feature = "rt")]
            Side::TokioCurrentThread if *ONLY_OURS => Side::Busy,
            #[cfg(feature = "rt")]
            Side::TokioMultiThread | Side::AsyncExecutor if *ONLY_OURS => Side::Parked,
            side if *ONLY_OURS && !cfg!(feature = "rt") => {
                panic!("{side:?} has to be replaced, and the feature `rt` is off")
            }
            side => side,
        }
    }

    /// Drives a task that may migrate. Not for the plain threads.
    pub fn run<R: Send + 'static>(self, task: impl Future<Output = R> + Send + 'static) -> R {
        match self.instrumented() {
            #[cfg(feature = "rt")]
            Side::Parked | Side::Busy => self.run_local(task),
            Side::TokioCurrentThread => self.run_local(task),
            Side::TokioMultiThread => tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .build()
                .unwrap()
                .block_on(async { tokio::spawn(task).await.unwrap() }),
            Side::AsyncExecutor => {
                let executor = Arc::new(async_executor::Executor::new());
                let task = executor.spawn(task);
                futures_lite::future::block_on(executor.run(task))
            }
            Side::Thread | Side::Spinning => panic!("{self:?} drives no future"),
        }
    }

    /// Drives a task that stays on its thread.
    pub fn run_local<R: 'static>(self, task: impl Future<Output = R> + 'static) -> R {
        match self.instrumented() {
            #[cfg(feature = "rt")]
            Side::Parked => with_runtime(|rt| rt.block_on(async { spawn_boxed(task).await })),
            #[cfg(feature = "rt")]
            Side::Busy => with_runtime(|rt| rt.block_on_busy(async { spawn_boxed(task).await })),
            Side::TokioCurrentThread => {
                let local = tokio::task::LocalSet::new();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                local.block_on(&runtime, async {
                    tokio::task::spawn_local(task).await.unwrap()
                })
            }
            Side::AsyncExecutor => {
                let executor = async_executor::LocalExecutor::new();
                let task = executor.spawn(task);
                futures_lite::future::block_on(executor.run(task))
            }
            Side::TokioMultiThread | Side::Thread | Side::Spinning => {
                panic!("{self:?} drives no local future")
            }
        }
    }
}
