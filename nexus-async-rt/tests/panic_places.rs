//! Where a panic points: at the line of the caller that caused it, not into the
//! library. A binary of its own: the panic hook is the process's.

use nexus_async_rt::channel::{local, mpsc, mpsc_bytes, spsc, spsc_bytes};
use nexus_async_rt::net::AsyncFd;
use nexus_async_rt::runtime::{SlabClaim, metrics, task_count};
use nexus_async_rt::time::{
    Backoff, advance, after_delay, event_time, hold_clock, interval_at, pause, resume,
};
use nexus_async_rt::{
    BoundedByteSlab, ByteSlab, Runtime, WorldCtx, claim_slab, interval, now, shutdown_handle,
    sleep, spawn_boxed, spawn_slab, timeout, try_claim_slab, with_world, with_world_ref, yield_now,
};
use nexus_rt::{World, WorldBuilder};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::Duration;

thread_local! {
    /// The file and line of this thread's latest panic.
    static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// The calls of one test that panicked at another place.
#[derive(Default)]
struct Table {
    rows: usize,
    astray: Vec<String>,
}

impl Table {
    fn new() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            std::panic::set_hook(Box::new(|info| {
                let place = info.location();
                PLACE.set(place.map(|place| (place.file().to_owned(), place.line())));
            }));
        });
        Self::default()
    }

    /// A call that panics.
    fn row<R>(&mut self, name: &str, call: impl FnOnce() -> R) {
        self.rows += 1;
        PLACE.set(None);
        if catch_unwind(AssertUnwindSafe(call)).is_ok() {
            self.astray.push(format!("`{name}` did not panic"));
            return;
        }
        let (file, line) = PLACE.take().expect("the hook has seen the panic");
        if file != file!() {
            self.astray
                .push(format!("`{name}` points to {file}:{line}"));
        }
    }

    #[track_caller]
    fn end(self, rows: usize) {
        // By `eprintln`: the hook prints nothing.
        let report = self.astray.join("\n");
        eprintln!("{report}");
        assert!(self.astray.is_empty(), "{report}");
        assert_eq!(self.rows, rows, "rows of the table");
    }
}

fn world() -> World {
    WorldBuilder::new().build()
}

/// What runs code when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// More than any slot here holds.
async fn large() -> u8 {
    let bytes = [1; 4096];
    yield_now().await;
    bytes[7]
}

#[test]
fn outside_a_runtime() {
    let mut table = Table::new();
    let mut world = world();
    let mut rt = Runtime::builder(&mut world)
        .slab_bounded(BoundedByteSlab::<256>::with_capacity(1))
        .build();
    let (claim, ctx) = (rt.claim_slab(), rt.world_ctx());
    table.row("spawn_boxed", || spawn_boxed(async {}));
    table.row("spawn_slab", || spawn_slab(async {}));
    table.row("claim_slab", claim_slab_here);
    table.row("try_claim_slab", || try_claim_slab());
    table.row("SlabClaim::spawn", || claim.spawn(async {}));
    table.row("with_world", || with_world(|_| ()));
    table.row("with_world_ref", || with_world_ref(|_| ()));
    table.row("WorldCtx::current", || WorldCtx::current());
    table.row("WorldCtx::with_world", || ctx.with_world(|_| ()));
    table.row("WorldCtx::with_world_ref", || ctx.with_world_ref(|_| ()));
    table.row("shutdown_handle", || shutdown_handle());
    table.row("metrics", || metrics());
    table.row("task_count", || task_count());
    table.row("now", || now());
    table.row("event_time", || event_time());
    table.row("pause", || pause());
    table.row("resume", || resume());
    table.row("hold_clock", || hold_clock());
    table.row("AsyncFd::new", || {
        AsyncFd::new(std::io::pipe().unwrap().0).map(drop)
    });
    rt.block_on(async {});
    table.end(19);
}

fn claim_slab_here() -> SlabClaim {
    claim_slab()
}

#[test]
fn the_builder_and_nested_runs() {
    let mut table = Table::new();
    let (mut outer, mut inner) = (world(), world());
    let mut set = |name, set: fn(nexus_async_rt::RuntimeBuilder<'_>)| {
        table.row(name, || set(Runtime::builder(&mut inner)));
    };
    set("tasks_per_cycle", |b| drop(b.tasks_per_cycle(0)));
    set("cross_thread_drain_limit", |b| {
        drop(b.cross_thread_drain_limit(0));
    });
    set("event_interval", |b| drop(b.event_interval(0)));
    set("event_capacity(0)", |b| drop(b.event_capacity(0)));
    set("event_capacity(MAX)", |b| {
        drop(b.event_capacity(usize::MAX))
    });
    let mut inner = Runtime::new(&mut inner);
    Runtime::new(&mut outer).block_on(async {
        table.row("block_on", || inner.block_on(async {}));
        table.row("block_on_busy", || inner.block_on_busy(async {}));
        table.row("shutdown_quiesce", || {
            inner.shutdown_quiesce(Duration::ZERO)
        });
    });
    table.end(8);
}

#[test]
fn slabs() {
    let mut table = Table::new();
    table.row("ByteSlab of no slot", || {
        ByteSlab::<256>::with_chunk_capacity(0)
    });
    table.row("ByteSlab of small slots", || {
        ByteSlab::<64>::with_chunk_capacity(1)
    });
    table.row("ByteSlab of too many", || {
        ByteSlab::<256>::with_chunk_capacity(usize::MAX)
    });
    table.row("BoundedByteSlab of no slot", || {
        BoundedByteSlab::<256>::with_capacity(0)
    });
    table.row("BoundedByteSlab of small slots", || {
        BoundedByteSlab::<64>::with_capacity(1)
    });
    table.row("BoundedByteSlab of too many", || {
        BoundedByteSlab::<256>::with_capacity(usize::MAX)
    });
    let (mut none, mut one, mut other) = (world(), world(), world());
    let mut none = Runtime::new(&mut none);
    table.row("Runtime::spawn_slab, no slab", || {
        none.spawn_slab(async {});
    });
    table.row("Runtime::claim_slab, no slab", || none.claim_slab());
    table.row("Runtime::try_claim_slab, no slab", || none.try_claim_slab());
    none.block_on(async {
        table.row("spawn_slab, no slab", || spawn_slab(async {}));
        table.row("claim_slab, no slab", || claim_slab());
        table.row("try_claim_slab, no slab", || try_claim_slab());
    });
    let built = |world| {
        Runtime::builder(world)
            .slab_bounded(BoundedByteSlab::<256>::with_capacity(1))
            .build()
    };
    let (mut one, other) = (built(&mut one), built(&mut other));
    table.row("Runtime::spawn_slab, too large", || one.spawn_slab(large()));
    let foreign = other.claim_slab();
    one.block_on(async {
        table.row("spawn_slab, too large", || spawn_slab(large()));
        table.row("SlabClaim::spawn, too large", || {
            claim_slab().spawn(large())
        });
        table.row("SlabClaim::spawn, elsewhere", || foreign.spawn(async {}));
        let _claim = claim_slab();
        table.row("spawn_slab, full", || spawn_slab(async {}));
        table.row("claim_slab, full", || claim_slab());
    });
    let _claim = one.claim_slab();
    table.row("Runtime::spawn_slab, full", || one.spawn_slab(async {}));
    table.row("Runtime::claim_slab, full", || one.claim_slab());
    table.end(20);
}

#[test]
fn the_world() {
    let mut table = Table::new();
    let (mut one, mut other) = (world(), world());
    let mut rt = Runtime::new(&mut one);
    let other = Runtime::new(&mut other).world_ctx();
    rt.block_on(async {
        let ctx = WorldCtx::current();
        with_world(|_| {
            table.row("with_world in with_world", || with_world(|_| ()));
            table.row("with_world_ref in with_world", || with_world_ref(|_| ()));
            table.row("WorldCtx::with_world in with_world", || {
                ctx.with_world(|_| ());
            });
            table.row("WorldCtx::with_world_ref in with_world", || {
                ctx.with_world_ref(|_| ());
            });
        });
        with_world_ref(|_| {
            table.row("with_world in with_world_ref", || with_world(|_| ()));
            table.row("WorldCtx::with_world in with_world_ref", || {
                ctx.with_world(|_| ());
            });
        });
        table.row("WorldCtx::with_world elsewhere", || {
            other.with_world(|_| ());
        });
        table.row("WorldCtx::with_world_ref elsewhere", || {
            other.with_world_ref(|_| ());
        });
    });
    // Aborted between runs, from outside.
    let (tx, rx) = std::sync::mpsc::channel();
    let on_drop = OnDrop(move || {
        let mut table = Table::new();
        table.row("with_world between runs", || with_world(|_| ()));
        table.row("with_world_ref between runs", || with_world_ref(|_| ()));
        tx.send(table).unwrap();
    });
    let task = rt.spawn_boxed(async move {
        std::future::pending::<()>().await;
        drop(on_drop);
    });
    assert!(task.abort());
    rx.recv().unwrap().end(2);
    table.end(8);
}

#[test]
fn channels() {
    let mut table = Table::new();
    for capacity in [0, usize::MAX] {
        table.row("local::channel", || local::channel::<u64>(capacity));
        table.row("spsc::channel", || spsc::channel::<u64>(capacity));
        table.row("mpsc::channel", || mpsc::channel::<u64>(capacity));
        table.row("spsc_bytes::channel", || spsc_bytes::channel(capacity));
        table.row("mpsc_bytes::channel", || mpsc_bytes::channel(capacity));
    }
    let (tx, rx) = spsc::channel::<u64>(1);
    let (mut bytes_tx, mut bytes_rx) = spsc_bytes::channel(64);
    Runtime::new(&mut world()).block_on(async {
        table.row("blocking_send", || tx.blocking_send(1));
        table.row("blocking_recv", || rx.blocking_recv());
        table.row("blocking_claim", || bytes_tx.blocking_claim(1).map(drop));
        table.row("blocking_send of bytes", || bytes_tx.blocking_send(b"x"));
        table.row("blocking_recv of bytes", || {
            bytes_rx.blocking_recv().map(drop)
        });
    });
    table.row("WriteClaim::commit_len", || {
        bytes_tx.try_claim(1).unwrap().commit_len(2);
    });
    table.end(16);
}

#[test]
fn time() {
    let mut table = Table::new();
    let start = std::time::Instant::now();
    table.row("interval", || interval(Duration::ZERO));
    table.row("interval_at", || interval_at(start, Duration::ZERO));
    table.row("jitter", || Backoff::builder().jitter(2.0));
    table.row("Backoff of no delay", || {
        Backoff::builder().initial(Duration::ZERO).build()
    });
    table.row("Backoff longer than its limit", || {
        let second = Duration::from_secs(1);
        Backoff::builder()
            .initial(2 * second)
            .max_delay(second)
            .build()
    });
    // A future that is awaited, at its `.await`.
    let second = Duration::from_secs(1);
    table.row("advance outside a runtime", || {
        futures_lite::future::block_on(async { advance(second).await });
    });
    table.row("sleep outside a runtime", || {
        futures_lite::future::block_on(async { sleep(second).await });
    });
    table.row("sleep outside a runtime, due", || {
        futures_lite::future::block_on(async { sleep(Duration::ZERO).await });
    });
    table.row("timeout outside a runtime", || {
        let never = std::future::pending::<()>();
        futures_lite::future::block_on(async { timeout(second, never).await.map(drop) })
    });
    table.row("tick outside a runtime", || {
        let mut seconds = interval(second);
        futures_lite::future::block_on(async { seconds.tick().await });
    });
    table.row("after_delay outside a runtime", || {
        futures_lite::future::block_on(async { after_delay(second, async {}).await });
    });
    table.row("Backoff::wait outside a runtime", || {
        let mut backoff = Backoff::builder().initial(second).build();
        futures_lite::future::block_on(async { backoff.wait(()).await.map_err(drop) })
    });
    table.row("advance while the clock runs", || {
        Runtime::new(&mut world()).block_on(async { advance(second).await });
    });
    table.row("advance beyond the end", || {
        Runtime::builder(&mut world())
            .start_paused(true)
            .build()
            .block_on(async { advance(Duration::MAX).await });
    });
    table.end(14);
}

#[cfg(feature = "tokio-compat")]
#[test]
fn tokio() {
    let mut table = Table::new();
    let mut world = world();
    let mut rt = Runtime::new(&mut world);
    let task = nexus_async_rt::tokio_compat::spawn_on_tokio(std::future::pending::<()>());
    task.abort();
    let error = rt.block_on(task).unwrap_err();
    table.row("TokioJoinError::into_panic", || error.into_panic());
    table.end(1);
}
