//! The bytes of a fuzz input read as operations, and the models that the targets
//! compare channels with. These are a bounded deque, and the one of claims that
//! the library's tests use, too.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[path = "../../nexus-async-rt/tests/channels/claims.rs"]
pub mod claims;

/// The bytes of an input, taken one by one; 0 when they are used up.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// Below `limit`, which may be more than a byte holds.
    pub fn below(&mut self, limit: usize) -> usize {
        let wide = usize::from(self.byte()) << 8 | usize::from(self.byte());
        wide % limit
    }

    /// A length: mostly about `max`, sometimes anything.
    pub fn len(&mut self, max: usize) -> usize {
        match self.byte() {
            255 => usize::MAX - usize::from(self.byte()),
            254 => max + usize::from(self.byte()),
            _ => self.below(max + 2),
        }
    }
}

/// What was accepted and not received yet, in order.
#[derive(Default)]
pub struct Model<T> {
    accepted: VecDeque<T>,
    pub closed: bool,
}

impl<T: PartialEq + std::fmt::Debug> Model<T> {
    pub fn len(&self) -> usize {
        self.accepted.len()
    }

    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// The channel took a message: it must not have been closed.
    pub fn accept(&mut self, message: T) {
        assert!(!self.closed, "a message was accepted after the close");
        self.accepted.push_back(message);
    }

    /// The channel gave a message: it must be the oldest.
    pub fn deliver(&mut self, message: impl PartialEq<T> + std::fmt::Debug) {
        let expected = self.accepted.pop_front();
        let expected = expected.expect("a message that was never accepted");
        assert!(
            message == expected,
            "{message:?} came instead of {expected:?}"
        );
    }

    /// The channel gave nothing, and says whether it is over.
    pub fn deliver_nothing(&self, over: bool) {
        assert!(self.is_empty(), "{} messages are withheld", self.len());
        assert_eq!(over, self.closed, "the end before the end, or none");
    }
}

/// Polls `future` once, and drops it.
pub fn polled_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
