//! Tasks in slots.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::task::{MIN_SLOT_SIZE, TASK_HEADER_SIZE, task_size};
use nexus_async_rt::{
    BoundedByteSlab, ByteSlab, claim_slab, spawn_slab, try_claim_slab, yield_now,
};
use nexus_testkit::panic_of;
use std::future::poll_fn;
use std::task::Poll;

#[test]
fn u16_the_alignment_of_a_task_is_honoured() {
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<256>::with_capacity(8)),
        |rt| {
            rt.block_on(async {
                let tasks: Vec<_> = (0..8_u128)
                    .map(|number| {
                        spawn_slab(async move {
                            let held = number;
                            let here = &held;
                            assert_eq!(std::ptr::from_ref(here).addr() % 16, 0);
                            yield_now().await;
                            *here
                        })
                    })
                    .collect();
                let mut sum = 0;
                for task in tasks {
                    sum += task.await;
                }
                assert_eq!(sum, 28);
            });
        },
    );
}

#[test]
fn u16_what_does_not_fit_is_refused_by_size_and_alignment() {
    #[repr(align(256))]
    struct Wide(u8);
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<512>::with_capacity(2)),
        |rt| {
            rt.block_on(async {
                let wide = Wide(1);
                let message = panic_of(|| {
                    spawn_slab(async move {
                        let wide = &wide;
                        yield_now().await;
                        wide.0
                    })
                });
                assert!(
                    message.contains("aligned to 256")
                        && message.contains("512 bytes aligned to 128"),
                    "{message}"
                );
                let large = [0_u8; 4096];
                let message = panic_of(|| claim_slab().spawn(poll_fn(move |_| Poll::Ready(large))));
                let needed = TASK_HEADER_SIZE + 4096;
                assert!(
                    message.contains(&format!("needs {needed} bytes")),
                    "{message}"
                );
                // Output larger than the future.
                let future = async { [0_u64; 64] };
                let needed = task_size(&future);
                assert_eq!(needed, TASK_HEADER_SIZE + 512);
                let message = panic_of(|| spawn_slab(future));
                assert!(
                    message.contains(&format!(
                        "needs {needed} bytes aligned to 8, a slot of the slab has 512 bytes"
                    )),
                    "{message}"
                );
                assert_eq!(
                    nexus_async_rt::runtime::metrics().slots_used,
                    0,
                    "slots given back"
                );
            });
        },
    );
}

#[test]
fn every_size_up_to_the_slot() {
    fn fits<const N: usize>() -> bool {
        with_built(
            |builder| builder.slab_bounded(BoundedByteSlab::<MIN_SLOT_SIZE>::with_capacity(1)),
            |rt| {
                let bytes = [7_u8; N];
                let future = poll_fn(move |_| Poll::Ready(u64::from(bytes.iter().sum::<u8>())));
                let spawned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    rt.block_on(spawn_outside(future))
                }));
                if let Ok(sum) = spawned {
                    assert_eq!(sum, u64::from([7_u8; N].iter().sum::<u8>()));
                }
                spawned.is_ok()
            },
        )
    }
    async fn spawn_outside<F: Future<Output = u64> + 'static>(future: F) -> u64 {
        spawn_slab(future).await
    }
    assert!(fits::<0>() && fits::<1>() && fits::<31>() && fits::<32>());
    assert!(!fits::<33>() && !fits::<64>());
}

#[test]
fn a_full_bounded_slab() {
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<256>::with_capacity(2)),
        |rt| {
            rt.block_on(async {
                let first = claim_slab();
                let task = spawn_slab(std::future::pending::<()>());
                assert!(try_claim_slab().is_none());
                let message = panic_of(claim_slab);
                assert!(message.contains("all 2 slots"), "{message}");
                let message = panic_of(|| spawn_slab(async {}));
                assert!(message.contains("all 2 slots"), "{message}");
                drop(first);
                drop(try_claim_slab().expect("given back"));
                assert!(task.abort());
                assert!(try_claim_slab().is_some(), "one was free");
                // The other one is still in the ready queue.
                yield_now().await;
                let both = (try_claim_slab(), try_claim_slab());
                assert!(both.0.is_some() && both.1.is_some());
            });
        },
    );
}

#[test]
fn a_growing_slab() {
    with_built(
        |builder| builder.slab_unbounded(ByteSlab::<256>::with_chunk_capacity(3)),
        |rt| {
            rt.block_on(async {
                let tasks: Vec<_> = (0..1000_u64)
                    .map(|number| spawn_slab(async move { number }))
                    .collect();
                let mut sum = 0;
                for task in tasks {
                    sum += task.await;
                }
                assert_eq!(sum, 499_500);
            });
            let metrics = rt.metrics();
            assert_eq!((metrics.slots_used, metrics.slots_most_used), (0, 1000));
        },
    );
}

#[test]
fn without_a_slab_the_message_says_how_to_get_one() {
    with_runtime(|rt| {
        let message = panic_of(|| rt.try_claim_slab());
        assert!(message.contains("slab_bounded"), "{message}");
        let message = panic_of(|| rt.spawn_slab(async {}));
        assert!(message.contains("`spawn_slab`"), "{message}");
    });
}

#[test]
fn a_claim_spawns_in_its_own_runtime() {
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<256>::with_capacity(1)),
        |rt| {
            let claim = rt.claim_slab();
            assert_eq!(claim.slot_size(), 256);
            with_built(
                |builder| builder.slab_bounded(BoundedByteSlab::<256>::with_capacity(1)),
                |other| {
                    let message = other.block_on(async { panic_of(|| claim.spawn(async {})) });
                    assert!(message.contains("another runtime"), "{message}");
                },
            );
            assert_eq!(rt.metrics().slots_used, 0);
            let claim = rt.try_claim_slab().unwrap();
            assert_eq!(rt.block_on(async { claim.spawn(async { 9 }).await }), 9);
        },
    );
}

#[test]
fn nonsensical_values_are_named() {
    let zero = std::hint::black_box(0);
    let message = panic_of(|| ByteSlab::<256>::with_chunk_capacity(zero));
    assert!(message.contains("chunk_capacity"), "{message}");
    let message = panic_of(|| BoundedByteSlab::<256>::with_capacity(zero));
    assert!(message.contains("capacity"), "{message}");
    let message = panic_of(|| BoundedByteSlab::<256>::with_capacity(usize::MAX / 4));
    assert!(message.contains("too large"), "{message}");
    for (name, set) in [
        ("tasks_per_cycle", 0),
        ("cross_thread_drain_limit", 1),
        ("event_interval", 2),
        ("event_capacity", 3),
    ] {
        let message = panic_of(|| {
            with_built(
                |builder| match set {
                    0 => builder.tasks_per_cycle(zero),
                    1 => builder.cross_thread_drain_limit(zero),
                    2 => builder.event_interval(0),
                    _ => builder.event_capacity(zero),
                },
                |_| (),
            )
        });
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn an_event_capacity_that_the_os_would_refuse() {
    for capacity in [(1 << 20) + 1, 1 << 28, usize::MAX] {
        let message = panic_of(|| with_built(|builder| builder.event_capacity(capacity), |_| ()));
        let expected = format!("event_capacity is {capacity}");
        assert!(message.contains(&expected), "{message}");
    }
    with_built(
        |builder| builder.event_capacity(1 << 20),
        |rt| {
            rt.block_on(nexus_async_rt::sleep(std::time::Duration::from_millis(100)));
            assert!(rt.metrics().parks > 0);
        },
    );
}

/// The sizes in the documentation of `ByteSlab`. Optimised builds need less.
#[test]
fn the_table_of_task_sizes_is_what_tasks_need() {
    use nexus_async_rt::channel::local;
    use nexus_async_rt::net::TcpStream;
    use nexus_async_rt::{interval, run_until_shutdown, sleep, timeout};
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);
    async fn socket(stream: TcpStream) -> std::io::Result<()> {
        let mut line = vec![0; 64];
        while stream.read(&mut line).await? > 0 {
            stream.write_all(&line).await?;
        }
        Ok(())
    }
    async fn session(stream: TcpStream) -> std::io::Result<()> {
        let mut line = vec![0; 64];
        while let Some(Ok(len)) = run_until_shutdown(timeout(SECOND, stream.read(&mut line))).await
        {
            stream.write_all(&line[..len?]).await?;
        }
        Ok(())
    }
    fn size<F: Future, A>(_: impl FnOnce(A) -> F) -> usize {
        // Only the type of the future is looked at.
        std::mem::size_of::<F>()
    }

    let (_tx, rx) = local::channel::<u64>(1);
    let receiving = task_size(&async move { while rx.recv().await.is_ok() {} });
    let sleeping = task_size(&async { sleep(SECOND).await });
    let ticking = task_size(&async {
        let mut ticks = interval(SECOND);
        while run_until_shutdown(ticks.tick()).await.is_some() {}
    });
    let table = [
        receiving,
        sleeping,
        ticking,
        TASK_HEADER_SIZE + size(socket),
        TASK_HEADER_SIZE + size(session),
    ];
    let documented: Vec<usize> = include_str!("../../../src/task/storage.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("/// | `"))
        .filter_map(|row| row.trim_end_matches(" |").rsplit(' ').next()?.parse().ok())
        .collect();
    // Futures have other sizes after optimisation, or with another compiler.
    let close = |(needed, said): (&usize, &usize)| needed <= said && needed + 64 >= *said;
    assert_eq!(table.len(), documented.len());
    assert!(
        table.iter().zip(&documented).all(close),
        "tasks need {table:?} bytes, the documentation says {documented:?}"
    );
}
