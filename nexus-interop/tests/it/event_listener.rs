//! `event-listener`: what channels and locks of others wait with.

use event_listener::{Event, Listener, listener};
use nexus_async_rt::channel::spsc;
use nexus_async_rt::{spawn_boxed, yield_now};
use nexus_interop::block_on;
use nexus_testkit::scaled;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A count that tasks and threads wait for.
#[derive(Default)]
struct Count {
    value: AtomicUsize,
    changed: Event,
}

impl Count {
    fn add(&self, n: usize) {
        self.value.fetch_add(n, Ordering::SeqCst);
        self.changed.notify(usize::MAX);
    }

    async fn reaches(&self, goal: usize) {
        while self.value.load(Ordering::SeqCst) < goal {
            listener!(self.changed => changed);
            if self.value.load(Ordering::SeqCst) >= goal {
                return;
            }
            changed.await;
        }
    }

    fn wait(&self, goal: usize) {
        while self.value.load(Ordering::SeqCst) < goal {
            listener!(self.changed => changed);
            if self.value.load(Ordering::SeqCst) >= goal {
                return;
            }
            changed.wait();
        }
    }
}

#[test]
fn tasks_and_threads_take_turns() {
    block_on(async {
        let rounds = scaled(500);
        let count = Arc::new(Count::default());
        let other = count.clone();
        let thread = thread::spawn(move || {
            for round in 0..rounds {
                other.wait(2 * round + 1);
                other.add(1);
            }
        });
        for round in 0..rounds {
            count.add(1);
            count.reaches(2 * round + 2).await;
        }
        thread.join().unwrap();
    });
}

#[test]
fn one_event_wakes_as_many_as_it_says() {
    block_on(async {
        let event = Rc::new(Event::new());
        let woken = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let (event, woken) = (event.clone(), woken.clone());
            spawn_boxed(async move {
                event.listen().await;
                woken.set(woken.get() + 1);
            });
        }
        yield_now().await;
        for (notified, all) in [(3, 3), (4, 7), (100, 10)] {
            event.notify_additional(notified);
            yield_now().await;
            assert_eq!(woken.get(), all);
        }
    });
}

#[test]
fn a_listener_that_is_dropped_hands_its_notification_on() {
    block_on(async {
        let event = Event::new();
        let first = event.listen();
        let (tx, rx) = spsc::channel(1);
        let second = event.listen();
        spawn_boxed(async move {
            second.await;
            tx.try_send(()).unwrap();
        });
        event.notify(1);
        drop(first);
        assert_eq!(rx.recv().await, Ok(()));
    });
}
