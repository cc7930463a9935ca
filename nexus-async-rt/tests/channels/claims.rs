//! Claims of a byte channel that are open at the same time, against a model.
//! What is committed comes whole and in the order of its claims, and nothing
//! lies on anything else. The fuzz target drives it, too.

use nexus_async_rt::channel::{
    ByteReceiver, ByteSender, Commit, CrossThread, ReadClaim, TryClaimError, TryRecvError,
    WriteClaim,
};
use std::collections::VecDeque;
use std::ops::Range;
use std::task::{Context, Poll, Waker};

/// The first number picks among the senders.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Claim(usize, usize),
    /// A future, polled once.
    Wait(usize, usize),
    Commit(usize),
    CommitLen(usize, usize),
    Abort(usize),
    Forget(usize),
    Clone(usize),
    DropSender(usize),
    Recv(Take),
    Close,
    DropReceiver,
}

/// What becomes of a message that was received.
#[derive(Clone, Copy, Debug)]
pub enum Take {
    Drop,
    /// Until the next one.
    Hold,
    Forget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Committed,
    Aborted,
}

/// A claim as it should be, until it is received.
struct Entry {
    number: u64,
    state: State,
    at: Range<*const u8>,
}

/// What the bytes of a claim are.
fn contents(number: u64, len: usize) -> impl Iterator<Item = u8> {
    (0..len).map(move |index| (number.wrapping_mul(37) as u8).wrapping_add(index as u8))
}

fn is_intact(bytes: &[u8], number: u64) -> bool {
    bytes.iter().copied().eq(contents(number, bytes.len()))
}

/// A sender and its claim.
struct Slot<K: CrossThread> {
    /// First, because it borrows the sender.
    claim: Option<WriteClaim<'static, K>>,
    /// The number of the claim. Without one it was forgotten.
    open: Option<u64>,
    tx: *mut ByteSender<K>,
}

impl<K: CrossThread> Slot<K> {
    fn new(tx: ByteSender<K>) -> Self {
        Self {
            claim: None,
            open: None,
            tx: Box::into_raw(Box::new(tx)),
        }
    }

    /// The sender, which no claim borrows.
    fn tx(&mut self) -> &'static mut ByteSender<K> {
        assert!(self.claim.is_none());
        // SAFETY: alive until the slot is dropped, its claim before it; no
        // other reference is in use, because only a claim keeps one.
        unsafe { &mut *self.tx }
    }
}

impl<K: CrossThread> Drop for Slot<K> {
    fn drop(&mut self) {
        self.claim = None;
        // SAFETY: from `Box::into_raw`; nothing borrows it any more.
        drop(unsafe { Box::from_raw(self.tx) });
    }
}

/// The receiver and its message.
struct Reader<K: CrossThread> {
    /// First, because it borrows the receiver.
    held: Option<ReadClaim<'static, K>>,
    rx: *mut ByteReceiver<K>,
}

impl<K: CrossThread> Reader<K> {
    /// The receiver, which gives its message back.
    fn rx(&mut self) -> &'static mut ByteReceiver<K> {
        self.held = None;
        // SAFETY: alive until the reader is dropped, its message before it; no
        // other reference is in use, because only a message keeps one.
        unsafe { &mut *self.rx }
    }
}

impl<K: CrossThread> Drop for Reader<K> {
    fn drop(&mut self) {
        self.held = None;
        // SAFETY: from `Box::into_raw`; nothing borrows it any more.
        drop(unsafe { Box::from_raw(self.rx) });
    }
}

/// A byte channel, its claims, and what should be in it.
pub struct Subject<K: CrossThread> {
    slots: Vec<Slot<K>>,
    reader: Option<Reader<K>>,
    /// Another sender, of the kinds that have many.
    another: fn(&ByteSender<K>) -> Option<ByteSender<K>>,
    entries: VecDeque<Entry>,
    /// The message that was received and not given back.
    read: Option<Entry>,
    claimed: u64,
    closed: bool,
    /// Nothing is left in the ring, not even padding.
    drained: bool,
    capacity: usize,
    max: usize,
}

impl<K: CrossThread> Subject<K> {
    pub fn new(
        (tx, rx): (ByteSender<K>, ByteReceiver<K>),
        another: fn(&ByteSender<K>) -> Option<ByteSender<K>>,
    ) -> Self {
        Self {
            capacity: tx.capacity(),
            max: tx.max_message_len(),
            slots: vec![Slot::new(tx)],
            reader: Some(Reader {
                held: None,
                rx: Box::into_raw(Box::new(rx)),
            }),
            another,
            entries: VecDeque::new(),
            read: None,
            claimed: 0,
            closed: false,
            drained: true,
        }
    }

    pub fn apply(&mut self, op: Op) {
        match op {
            Op::Recv(take) => self.recv(take),
            Op::Close => {
                if let Some(reader) = &mut self.reader {
                    self.read = None;
                    reader.rx().close();
                    self.closed = true;
                }
            }
            Op::DropReceiver => {
                (self.read, self.reader) = (None, None);
                self.closed = true;
            }
            _ if self.slots.is_empty() => {}
            Op::Claim(at, len) => self.claim(at, |tx| tx.try_claim(len), len),
            Op::Wait(at, len) => self.claim(at, |tx| wait_once(tx, len), len),
            Op::Commit(at) => self.resolve(at, usize::MAX),
            Op::CommitLen(at, kept) => self.resolve(at, kept),
            Op::Abort(at) => {
                let slot = self.slot(at);
                if slot.claim.take().is_some() {
                    self.given_up(at);
                }
            }
            Op::Forget(at) => std::mem::forget(self.slot(at).claim.take()),
            Op::Clone(at) if self.slots.len() < 6 => {
                let another = self.another;
                let slot = self.slot(at);
                // Cloned while it has no claim of its own.
                let more = slot.claim.is_none().then(|| another(slot.tx())).flatten();
                self.slots.extend(more.map(Slot::new));
            }
            Op::Clone(_) => {}
            Op::DropSender(at) => {
                self.given_up(at);
                let at = at % self.slots.len();
                drop(self.slots.swap_remove(at));
            }
        }
        self.agree();
    }

    fn slot(&mut self, at: usize) -> &mut Slot<K> {
        let at = at % self.slots.len();
        &mut self.slots[at]
    }

    fn entry(&mut self, number: u64) -> &mut Entry {
        let mut entries = self.entries.iter_mut();
        entries.find(|entry| entry.number == number).unwrap()
    }

    /// The claim of a sender, if it has one, is never a message.
    fn given_up(&mut self, at: usize) {
        if let Some(number) = self.slot(at).open.take() {
            self.entry(number).state = State::Aborted;
        }
    }

    /// Claims, with what was claimed before committed or, forgotten, given up.
    fn claim(
        &mut self,
        at: usize,
        claim: impl FnOnce(&'static mut ByteSender<K>) -> Result<WriteClaim<'static, K>, TryClaimError>,
        len: usize,
    ) {
        self.resolve(at, usize::MAX);
        self.given_up(at);
        let mut claim = match claim(self.slot(at).tx()) {
            Ok(claim) => claim,
            Err(error) => return self.refused(error, len),
        };
        assert!(!self.closed && claim.len() == len);
        let range = claim.as_ptr_range();
        let taken = self.entries.iter().chain(&self.read);
        for entry in taken.filter(|entry| entry.state != State::Aborted) {
            let apart = range.end <= entry.at.start || entry.at.end <= range.start;
            assert!(apart, "{range:?} lies on {:?}", entry.at);
        }
        self.claimed += 1;
        let number = self.claimed;
        for (byte, content) in claim.iter_mut().zip(contents(number, len)) {
            *byte = content;
        }
        self.entries.push_back(Entry {
            number,
            state: State::Open,
            at: range,
        });
        let slot = self.slot(at);
        (slot.claim, slot.open) = (Some(claim), Some(number));
        self.drained = false;
    }

    /// What a claim of `len` that was refused says is true.
    fn refused(&self, error: TryClaimError, len: usize) {
        match error {
            TryClaimError::ZeroLength => assert_eq!(len, 0),
            TryClaimError::TooLong { len: asked, max } => {
                assert!((asked, max) == (len, self.max) && len > max);
            }
            TryClaimError::Full => {
                assert!(!self.closed && (1..=self.max).contains(&len));
                assert!(!self.drained, "{len} bytes do not fit an empty ring");
            }
            _ => assert!(error.is_disconnected() && self.closed),
        }
    }

    /// Commits `kept` bytes of the claim, or all that it has.
    fn resolve(&mut self, at: usize, kept: usize) {
        let slot = self.slot(at);
        let Some(claim) = slot.claim.take() else {
            return;
        };
        let number = slot.open.take().unwrap();
        assert!(is_intact(&claim, number), "written by another");
        let kept = match kept {
            usize::MAX => claim.len(),
            kept => kept % (claim.len() + 1),
        };
        let entry = self.entry(number);
        entry.at.end = claim[..kept].as_ptr_range().end;
        entry.state = match kept {
            0 => State::Aborted,
            _ => State::Committed,
        };
        let commit = if kept == claim.len() {
            claim.commit()
        } else {
            claim.commit_len(kept)
        };
        // Claimed before the close, it is accepted: only without a receiver it is
        // not.
        let expected = match self.reader {
            Some(_) => Commit::Sent,
            None => Commit::Disconnected,
        };
        assert_eq!(commit, expected);
    }

    fn recv(&mut self, take: Take) {
        let Some(reader) = &mut self.reader else {
            return;
        };
        if let (Some(held), Some(entry)) = (&reader.held, &self.read) {
            assert!(is_intact(held, entry.number), "written under the reader");
        }
        self.read = None;
        while let Some(State::Aborted) = self.entries.front().map(|entry| entry.state) {
            self.entries.pop_front();
        }
        let first = self.entries.front().map(|entry| entry.state);
        match reader.rx().try_recv() {
            Ok(message) => {
                assert_eq!(first, Some(State::Committed), "nothing was due");
                let entry = self.entries.pop_front().unwrap();
                assert_eq!(message.as_ptr_range(), entry.at);
                assert!(is_intact(&message, entry.number), "another message");
                match take {
                    Take::Drop => return,
                    Take::Hold => reader.held = Some(message),
                    Take::Forget => std::mem::forget(message),
                }
                self.read = Some(entry);
            }
            Err(error) => {
                assert_ne!(first, Some(State::Committed), "a message is withheld");
                let over = first.is_none() && (self.closed || self.slots.is_empty());
                assert_eq!(error == TryRecvError::Disconnected, over);
                self.drained = first.is_none();
            }
        }
    }

    fn agree(&mut self) {
        let (closed, capacity, drained) = (self.closed, self.capacity, self.drained);
        for slot in self.slots.iter_mut().filter(|slot| slot.claim.is_none()) {
            let tx = slot.tx();
            assert_eq!(tx.is_disconnected(), closed);
            assert!(tx.len() <= capacity && (!drained || tx.is_empty()));
        }
    }

    /// The channel ends with what was committed.
    pub fn end(mut self) {
        while !self.slots.is_empty() {
            self.apply(Op::DropSender(0));
        }
        for _ in 0..=self.entries.len() {
            self.recv(Take::Drop);
        }
        assert!(self.reader.is_none() || self.entries.is_empty());
    }
}

/// Polls a claim that may wait; abandons it if it does.
fn wait_once<K: CrossThread>(
    tx: &'static mut ByteSender<K>,
    len: usize,
) -> Result<WriteClaim<'static, K>, TryClaimError> {
    let mut claim = Box::pin(tx.claim(len));
    match claim.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(claim) => Ok(claim?),
        Poll::Pending => Err(TryClaimError::Full),
    }
}
