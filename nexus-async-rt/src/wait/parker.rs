//! A thread that waits for a future.
//!
//! Knows no runtime: the blocking forms of the channels are their futures,
//! driven here. The waker is made once per thread, so blocking allocates only
//! the first time.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park};

use crate::sync::{AtomicBool, Ordering};

#[derive(Debug)]
struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Ordering: Release; pairs with the Acquire swap in `block`, so that
        // what came before the wake is visible to the poll.
        if !self.woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

/// Looks before a thread sleeps, a few microseconds in all. Going to sleep and
/// being woken costs both sides a system call. At a full or an empty ring the
/// other side is most often just about to make room.
const SPINS: u32 = 100;

impl Parker {
    fn spin(&self) {
        // Ordering: Relaxed; the swap that follows acquires.
        (0..SPINS)
            .take_while(|_| !self.woken.load(Ordering::Relaxed))
            .for_each(|_| std::hint::spin_loop());
    }

    fn new() -> Arc<Self> {
        Arc::new(Self {
            thread: current(),
            woken: AtomicBool::new(false),
        })
    }
}

thread_local! {
    /// Taken while it is in use: a waker that blocks within gets its own.
    static PARKER: Cell<Option<Arc<Parker>>> = const { Cell::new(None) };
}

/// Drives `future` on this thread, which sleeps while it is pending.
pub(crate) fn block<F: Future>(future: F) -> F::Output {
    // The thread's own may be gone while the thread ends.
    let own = PARKER.try_with(Cell::take).ok().flatten();
    let parker = own.unwrap_or_else(Parker::new);
    let waker = Waker::from(parker.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    let output = loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            break output;
        }
        parker.spin();
        // Ordering: Acquire; pairs with the Release swap in `wake_by_ref`.
        while !parker.woken.swap(false, Ordering::Acquire) {
            park();
        }
    };
    // A wake that comes late makes the next one poll once too often.
    let _ = PARKER.try_with(|place| place.set(Some(parker)));
    output
}
