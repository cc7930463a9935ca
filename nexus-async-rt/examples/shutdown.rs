//! A program that ends in order. Told by Ctrl-C or, here, by itself, it takes no
//! new work, finishes what it has, gives up what would take too long, and says
//! what is left.

use nexus_async_rt::channel::local;
use nexus_async_rt::{
    CancellationToken, Runtime, shutdown_handle, shutdown_signal, sleep, spawn_boxed,
};
use nexus_rt::WorldBuilder;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Works off orders until there are no more of them.
async fn work(orders: local::Receiver<u32>, filled: Rc<Cell<u32>>) {
    while let Ok(order) = orders.recv().await {
        filled.set(filled.get() + order);
    }
}

/// Takes orders until the runtime is told to shut down.
async fn take_orders(orders: local::Sender<u32>) {
    let told = CancellationToken::new();
    let on_shutdown = told.clone().drop_guard();
    spawn_boxed(async move {
        shutdown_signal().await;
        drop(on_shutdown);
    });
    for order in 1.. {
        if order == 100 {
            // What Ctrl-C would do.
            shutdown_handle().trigger();
        }
        let accepted = told.run_until_cancelled(orders.send(order)).await;
        if accepted.is_none() {
            // The sender goes: the receiver has the rest, then the end.
            break;
        }
    }
}

pub fn main() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world).signal_handlers(true).build();
    let filled = Rc::new(Cell::new(0));
    let (tx, rx) = local::channel(16);
    rt.spawn_boxed(work(rx, filled.clone()));
    rt.spawn_boxed(take_orders(tx));
    let report = rt.spawn_boxed(sleep(Duration::from_secs(3600)));

    rt.block_on(shutdown_signal());
    let left = rt
        .shutdown_quiesce(Duration::from_millis(50))
        .expect_err("the report is not due for an hour");
    println!("{left}");
    assert_eq!(left.task_count(), 1);
    report.abort();
    rt.shutdown_quiesce(Duration::ZERO)
        .expect("nothing is left");

    // Every order that was accepted was filled.
    let last = (1..).find(|last| last * (last + 1) / 2 == filled.get());
    assert!(last.is_some_and(|last: u32| last >= 99), "{filled:?}");
}
