//! Futures that are polled by hand, with wakers that count or misbehave.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

/// Counts its wakes; the references to it say what holds a waker.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future and its waker.
pub struct Hand<F> {
    future: Option<Pin<Box<F>>>,
    count: Arc<Count>,
}

impl<F: Future> Hand<F> {
    /// `future`, and a waker that counts.
    pub fn new(future: F) -> Self {
        Self {
            future: Some(Box::pin(future)),
            count: Arc::default(),
        }
    }

    /// Polls with a waker that nobody but the channel keeps.
    ///
    /// # Panics
    /// If it was cancelled.
    pub fn poll(&mut self) -> Poll<F::Output> {
        let waker = self.waker();
        self.poll_with(&waker)
    }

    /// Its own waker.
    pub fn waker(&self) -> Waker {
        Waker::from(self.count.clone())
    }

    /// Polls with another waker.
    ///
    /// # Panics
    /// If it was cancelled.
    pub fn poll_with(&mut self, waker: &Waker) -> Poll<F::Output> {
        let future = self.future.as_mut().expect("not cancelled");
        future.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// Polls it: it has to wait.
    ///
    /// # Panics
    /// If it is ready, or was cancelled.
    #[track_caller]
    pub fn pending(&mut self) {
        assert!(self.poll().is_pending(), "it should have waited");
    }

    /// Polls it: it has to be ready.
    ///
    /// # Panics
    /// If it has to wait, or was cancelled.
    #[track_caller]
    pub fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it should have been ready"),
        }
    }

    /// How often it was woken.
    pub fn wakes(&self) -> usize {
        self.count.0.load(Ordering::SeqCst)
    }

    /// How many wakers are left behind in the channel.
    pub fn wakers_left(&self) -> usize {
        Arc::strong_count(&self.count) - 1
    }

    /// Drops the future.
    pub fn cancel(&mut self) {
        drop(self.future.take());
    }

    /// Forgets the future where it is.
    ///
    /// # Panics
    /// If it was cancelled.
    pub fn leak(&mut self) {
        let future = self.future.take().expect("not cancelled");
        // SAFETY: it is never moved again, nor dropped.
        kept(unsafe { Pin::into_inner_unchecked(future) });
    }
}

/// Leaks, where a leak checker still finds it: what is left behind by mistake
/// shall stand out.
pub fn kept<T>(value: Box<T>) -> *mut T {
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let kept = Box::into_raw(value);
    let mut list = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    list.push(kept.expose_provenance());
    kept
}

/// A waker that does not return from its wake until the second part is dropped, or
/// ten seconds have gone: another thread stands still between what it did before it
/// woke and what it does next.
#[must_use]
pub fn held_in_wake() -> (Waker, HeldInWake) {
    let (woken, is_woken) = mpsc::sync_channel(1);
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let waker = Waker::from(Arc::new(Holding { woken, released }));
    let held = HeldInWake {
        is_woken,
        _release: release,
    };
    (waker, held)
}

/// Of [`held_in_wake`].
pub struct HeldInWake {
    is_woken: mpsc::Receiver<()>,
    _release: mpsc::Sender<()>,
}

impl HeldInWake {
    /// Waits until the waker is being woken.
    ///
    /// # Panics
    /// If nothing wakes it for ten seconds.
    #[track_caller]
    pub fn wait(&self) {
        let woken = self.is_woken.recv_timeout(HELD);
        woken.expect("the waker is woken");
    }
}

const HELD: Duration = Duration::from_secs(10);

struct Holding {
    woken: mpsc::SyncSender<()>,
    released: Mutex<mpsc::Receiver<()>>,
}

impl Wake for Holding {
    fn wake(self: Arc<Self>) {
        // Only the first wake is waited for.
        if self.woken.try_send(()).is_ok() {
            let released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
            // Dropped, or in vain.
            let _ = released.recv_timeout(HELD);
        }
    }
}

/// What a hostile waker does at each of its three calls.
pub trait Hostile: 'static {
    /// When it is cloned.
    fn on_clone(&self) {}
    /// When it is woken, by value or by reference.
    fn on_wake(&self) {}
    /// When it is dropped.
    fn on_drop(&self) {}
}

/// A waker of the behaviour of `H`, which it shares with `hostile`.
pub fn hostile<H: Hostile>(hostile: &Rc<H>) -> Waker {
    // SAFETY: the table keeps the contract of `RawWaker` on one thread, where
    // the tests of hostile wakers stay. Each waker owns one count of the `Rc`,
    // also when one of its calls panics.
    unsafe { Waker::from_raw(raw(hostile.clone())) }
}

fn raw<H: Hostile>(hostile: Rc<H>) -> RawWaker {
    RawWaker::new(Rc::into_raw(hostile).cast(), table::<H>())
}

fn table<H: Hostile>() -> &'static RawWakerVTable {
    // SAFETY, of each: the pointer is of an `Rc<H>` that the waker owns.
    unsafe fn clone<H: Hostile>(data: *const ()) -> RawWaker {
        // SAFETY: as above; the waker that is cloned keeps its own.
        let own = unsafe { borrowed::<H>(data) };
        own.on_clone();
        raw(Rc::clone(&own))
    }
    unsafe fn wake<H: Hostile>(data: *const ()) {
        // SAFETY: as above; waking by value ends the waker.
        let own = unsafe { Rc::from_raw(data.cast::<H>()) };
        own.on_wake();
    }
    unsafe fn wake_by_ref<H: Hostile>(data: *const ()) {
        // SAFETY: as above.
        unsafe { borrowed::<H>(data) }.on_wake();
    }
    unsafe fn end<H: Hostile>(data: *const ()) {
        // SAFETY: as above; the waker ends here.
        let own = unsafe { Rc::from_raw(data.cast::<H>()) };
        own.on_drop();
    }
    &const { RawWakerVTable::new(clone::<H>, wake::<H>, wake_by_ref::<H>, end::<H>) }
}

/// # Safety
///
/// - `data` is of an `Rc<H>` that outlives the result.
unsafe fn borrowed<H>(data: *const ()) -> std::mem::ManuallyDrop<Rc<H>> {
    // SAFETY: guaranteed by the contract; it is not dropped.
    std::mem::ManuallyDrop::new(unsafe { Rc::from_raw(data.cast::<H>()) })
}
