//! The close of a channel against its sends, on two threads, again and again.
//! What a send accepted is received before the end, or is dropped with the
//! receiver, at once; whatever the sender does, and whichever side fences.
//!
//! How the sides fence cannot be chosen from outside. Where membarrier was refused
//! from the beginning nobody does without fences. Where it is refused later a
//! dense channel has to do without it. So each way has a process of its own.

mod api;
mod forms;
mod sandbox;

use forms::{Form, Outcome, Token, bytes, typed};
use nexus_async_rt::channel::{
    ByteReceiver, ByteSender, Mpsc, Receiver, Sender, Spsc, TryRecvError, mpsc, mpsc_bytes, spsc,
    spsc_bytes,
};
use nexus_testkit::{scaled, within};
use std::hint::spin_loop;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver as Take, Sender as Give, channel as hand_over};
use std::thread;
use std::time::Duration;

/// A kind, as the race sees it.
trait Raced: 'static {
    type Sender: Send + 'static;
    type Receiver: Send + 'static;

    fn channel() -> (Self::Sender, Self::Receiver);
    fn forms() -> Vec<Form<Self::Sender>>;
    /// Whether a message came.
    fn blocking_recv(rx: &mut Self::Receiver) -> bool;
    fn try_recv(rx: &mut Self::Receiver) -> Result<(), TryRecvError>;
    fn close(rx: &Self::Receiver);
}

macro_rules! raced {
    ($name:ident, $module:ident, $kind:ty, $sender:ty, $receiver:ty, $forms:ident, $capacity:expr) => {
        struct $name;

        impl Raced for $name {
            type Sender = $sender;
            type Receiver = $receiver;

            fn channel() -> (Self::Sender, Self::Receiver) {
                $module::channel($capacity)
            }

            fn forms() -> Vec<Form<Self::Sender>> {
                $forms::<$kind>()
            }

            fn blocking_recv(rx: &mut Self::Receiver) -> bool {
                rx.blocking_recv().is_ok()
            }

            fn try_recv(rx: &mut Self::Receiver) -> Result<(), TryRecvError> {
                rx.try_recv().map(drop)
            }

            fn close(rx: &Self::Receiver) {
                rx.close();
            }
        }
    };
}

raced!(TypedSpsc, spsc, Spsc, Sender<Token, Spsc>, Receiver<Token, Spsc>, typed, 4);
raced!(TypedMpsc, mpsc, Mpsc, Sender<Token, Mpsc>, Receiver<Token, Mpsc>, typed, 4);
raced!(
    BytesSpsc,
    spsc_bytes,
    Spsc,
    ByteSender<Spsc>,
    ByteReceiver<Spsc>,
    bytes,
    128
);
raced!(
    BytesMpsc,
    mpsc_bytes,
    Mpsc,
    ByteSender<Mpsc>,
    ByteReceiver<Mpsc>,
    bytes,
    128
);

/// How the receiver ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It closes, and takes what is left.
    Close,
    Drop,
}

/// The sending side: a thread that sends until it is refused.
struct Opponent<S> {
    give: Give<(S, forms::Send<S>)>,
    /// How many were accepted; the sender lives on.
    take: Take<(u64, S)>,
}

impl<S: Send + 'static> Opponent<S> {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        let (give, rounds) = hand_over::<(S, forms::Send<S>)>();
        let (answer, take) = hand_over();
        let alive = alive.clone();
        thread::spawn(move || {
            for (mut tx, send) in rounds {
                let mut accepted = 0;
                let accepted = loop {
                    match send(&mut tx, &alive) {
                        Outcome::Accepted => accepted += 1,
                        Outcome::Full => spin_loop(),
                        Outcome::Gone => break accepted,
                    }
                };
                let _ = answer.send((accepted, tx));
            }
        });
        Self { give, take }
    }
}

/// One round: a few messages, a moment, and the end.
fn round<C: Raced>(
    opponent: &Opponent<C::Sender>,
    (tx, mut rx): (C::Sender, C::Receiver),
    form: &Form<C::Sender>,
    end: End,
    alive: &AtomicUsize,
    number: usize,
) {
    opponent.give.send((tx, form.send)).unwrap();
    let mut received = 0;
    for _ in 0..1 + number % 3 {
        assert!(C::blocking_recv(&mut rx));
        received += 1;
    }
    (0..number % 61).for_each(|_| spin_loop());
    let what = || format!("{} {}, {end:?}, round {number}", form.method, form.then);
    let tx = match end {
        End::Close => {
            C::close(&rx);
            while C::blocking_recv(&mut rx) {
                received += 1;
            }
            let ended = C::try_recv(&mut rx);
            assert_eq!(ended, Err(TryRecvError::Disconnected), "{}", what());
            let (accepted, tx) = opponent.take.recv().unwrap();
            assert_eq!(received, accepted, "received, accepted: {}", what());
            let ended = C::try_recv(&mut rx);
            assert_eq!(ended, Err(TryRecvError::Disconnected), "{}", what());
            tx
        }
        End::Drop => {
            drop(rx);
            opponent.take.recv().unwrap().1
        }
    };
    // The sender is still there.
    assert_eq!(alive.load(Ordering::Relaxed), 0, "kept: {}", what());
    drop(tx);
}

/// `rounds` of each form and end, over channels that `make` makes.
fn race<C: Raced>(rounds: usize, mut make: impl FnMut() -> (C::Sender, C::Receiver)) {
    let alive = Arc::new(AtomicUsize::new(0));
    let opponent = Opponent::new(&alive);
    for form in C::forms() {
        for end in [End::Close, End::Drop] {
            for number in 0..rounds {
                round::<C>(&opponent, make(), &form, end, &alive, number);
            }
        }
    }
}

/// As many messages in a row as make a channel dense, on this thread.
fn burst<C: Raced>(tx: &mut C::Sender, rx: &mut C::Receiver) {
    let alive = Arc::new(AtomicUsize::new(0));
    let try_send = C::forms()[0].send;
    for _ in 0..1100 {
        assert_eq!(try_send(tx, &alive), Outcome::Accepted);
        assert_eq!(C::try_recv(rx), Ok(()));
    }
}

/// A channel with a sender that does not fence, if the process may have
/// another.
fn dense<C: Raced>() -> (C::Sender, C::Receiver) {
    let (mut tx, mut rx) = C::channel();
    for _ in 0..2 {
        burst::<C>(&mut tx, &mut rx);
        // From one grant to the next.
        thread::sleep(Duration::from_micros(1300));
    }
    burst::<C>(&mut tx, &mut rx);
    (tx, rx)
}

/// Which side fences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fences {
    /// Both, for good: membarrier is not to be had.
    Absent,
    /// Both, until messages are dense.
    Sparse,
    /// The side that waits or closes, by membarrier.
    Dense,
    /// The same, and membarrier is refused.
    RefusedLater,
}

const WAYS: [Fences; 4] = [
    Fences::Absent,
    Fences::Sparse,
    Fences::Dense,
    Fences::RefusedLater,
];

/// The variable that says which to a child.
const WAY: &str = "NEXUS_CLOSE_RACE";

fn run<C: Raced>(way: Fences) {
    match way {
        Fences::Absent | Fences::Sparse => race::<C>(scaled(1440), C::channel),
        Fences::Dense => race::<C>(scaled(4), dense::<C>),
        Fences::RefusedLater => {
            // Dense while it may become so; refused on the thread that closes.
            let mut channels: Vec<_> = (0..8).map(|_| dense::<C>()).collect();
            let refused = thread::spawn(move || {
                sandbox::refuse_membarrier();
                let count = channels.len() / C::forms().len().min(channels.len());
                race::<C>(count, || channels.pop().unwrap_or_else(C::channel));
            });
            if let Err(panic) = refused.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

fn child<C: Raced>() {
    let way = std::env::var(WAY).unwrap_or_else(|_| "Dense".into());
    let way = *WAYS
        .iter()
        .find(|known| format!("{known:?}") == way)
        .expect("a way that is known");
    if way == Fences::Absent {
        // Before the first channel; for the threads that are started from here.
        sandbox::refuse_membarrier();
    }
    within(Duration::from_secs(scaled(60) as u64), || run::<C>(way));
}

/// Runs the ignored test `name` in a process of its own, once a way to fence.
fn in_each_way(name: &str) {
    for way in WAYS {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                name,
                "--exact",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(WAY, format!("{way:?}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{name}, {way:?}: {}\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

macro_rules! kinds {
    ($($test:ident $child:ident $kind:ty;)*) => {$(
        #[test]
        fn $test() {
            in_each_way(stringify!($child));
        }

        #[test]
        #[ignore = "a process of its own: see the test of the same kind"]
        fn $child() {
            child::<$kind>();
        }
    )*};
}

kinds! {
    spsc_close_loses_nothing child_spsc TypedSpsc;
    mpsc_close_loses_nothing child_mpsc TypedMpsc;
    spsc_bytes_close_loses_nothing child_spsc_bytes BytesSpsc;
    mpsc_bytes_close_loses_nothing child_mpsc_bytes BytesMpsc;
}
