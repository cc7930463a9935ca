//! Channels of byte messages. The receiver reads every byte.

use super::gate::Producers;
use crate::figures::Figures;
use crate::peers::{AwaitBytes, Bytes, Executor};
use std::hint::spin_loop;
use std::time::Instant;

const WORD: usize = size_of::<u64>();

/// What both ends know: a message is some bytes, but for its first word, which
/// is its number, and its last, which is the number's complement.
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn new(len: usize) -> Self {
        assert!(len >= 2 * WORD, "a message of {len} bytes has no two words");
        let bytes = (0..len).map(|at| (at * 31 % 251) as u8).collect();
        let mut message = Self { bytes };
        message.set(0);
        message
    }

    fn set(&mut self, number: u64) {
        let last = self.bytes.len() - WORD;
        self.bytes[..WORD].copy_from_slice(&number.to_le_bytes());
        self.bytes[last..].copy_from_slice(&(!number).to_le_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or_else(
        || panic!("no word at {at}"),
        |word| u64::from_le_bytes(*word),
    )
}

/// The sum of all words but the first and the last, which overlaps them where
/// the length is no multiple of a word.
fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes[WORD..bytes.len() - WORD].as_chunks::<WORD>();
    words.iter().fold(0, |sum: u64, word| {
        sum.wrapping_add(u64::from_le_bytes(*word))
    })
}

/// Sees every message.
struct Reader {
    next: u64,
    len: usize,
    sum: u64,
}

impl Reader {
    fn new(len: usize) -> Self {
        Self {
            next: 0,
            len,
            sum: sum(&Message::new(len).bytes),
        }
    }

    #[inline]
    fn read(&mut self, bytes: &[u8]) {
        assert_eq!(bytes.len(), self.len, "length of message {}", self.next);
        assert_eq!(word(bytes, 0), self.next, "order");
        assert_eq!(word(bytes, self.len - WORD), !self.next, "last word");
        assert_eq!(sum(bytes), self.sum, "contents of message {}", self.next);
        self.next += 1;
    }
}

fn start<B: Bytes>(mut tx: B::Sender, len: usize, ops: u64) -> Producers {
    Producers::start(vec![move || {
        let mut message = Message::new(len);
        for number in 0..ops {
            message.set(number);
            while !B::try_send(&mut tx, &message.bytes) {
                spin_loop();
            }
        }
    }])
}

/// Two threads that spin.
#[must_use]
pub fn spinning<E: Executor, B: Bytes>(ops: u64, capacity: usize, len: usize) -> Figures {
    E::block_on(async move {
        let (tx, mut rx) = B::channel(capacity, len);
        let producers = start::<B>(tx, len, ops);
        let mut reader = Reader::new(len);
        producers.open();
        let begin = Instant::now();
        while reader.next < ops {
            if !B::try_recv(&mut rx, |bytes| reader.read(bytes)) {
                spin_loop();
            }
        }
        let figures = Figures::since(begin, ops);
        producers.join();
        figures
    })
}

/// A thread that spins, and a task that awaits.
#[must_use]
pub fn awaited<E: Executor, B: AwaitBytes>(ops: u64, capacity: usize, len: usize) -> Figures {
    E::block_on(async move {
        let (tx, mut rx) = B::channel(capacity, len);
        let producers = start::<B>(tx, len, ops);
        let task = E::spawn(async move {
            let mut reader = Reader::new(len);
            producers.open();
            let begin = Instant::now();
            while reader.next < ops {
                let more = B::recv(&mut rx, |bytes| reader.read(bytes)).await;
                assert!(more, "the channel ended before message {}", reader.next);
            }
            let figures = Figures::since(begin, ops);
            producers.join();
            figures
        });
        task.await
    })
}
