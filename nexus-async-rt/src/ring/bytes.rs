//! The byte ring: records of any length, claimed in place.
//!
//! A producer claims a span, writes it, and commits or aborts it; the consumer
//! reads the records in the order of their claims and releases them. How the
//! tail is claimed is the only difference between one producer and many
//! ([`Claim`]); records ([`super::record`]), commit, abort, padding and the
//! whole consumer are written once. The scheme of claim, commit and padding is
//! that of Agrona's ring buffers; the header table with positions is ours.
//!
//! Invariants:
//! - The bytes of a claimed span belong to its producer until the header is
//!   published, then to the consumer until it is released.
//! - Every claimed byte is published: as message or as padding.
//! - The tail is at most one capacity ahead of the head, and moves no more once
//!   it says [`CLOSED`].
//!
//! Where the lines are decides the speed between two cores. A line that both
//! hold is dear to write again. So the consumer takes every line that it gives
//! back for itself, by a write. That is one byte of each line of the message,
//! and a header when all of its line were read.

use std::ptr::NonNull;

use super::payload::Payload;
use super::record::{Geometry, RecordHeader, Span};
use super::{Bounded, CLOSED, End, distance};
use crate::sync::{AtomicU64, CachePadded, Ordering, Site, UnsafeCell, ordering};

/// One of the two ways to claim: the tail, a view of the head, and the end.
pub trait Claim: Default {
    /// See [`Bounded::SETTLES`].
    const SETTLES: bool;

    /// Moves the tail by `bytes(tail)` if no more than `capacity` bytes are
    /// then in use, and returns where it was.
    ///
    /// # Safety
    ///
    /// - One thread at a time, unless the type is made for many.
    unsafe fn advance(
        &self,
        head: &AtomicU64,
        capacity: u64,
        bytes: impl Fn(u64) -> u64,
    ) -> Option<u64>;

    /// How far the tail is ahead of the head; see [`Bounded::len`].
    fn used(&self, head: &AtomicU64) -> u64;

    /// See [`Bounded::claimed`].
    fn tail(&self) -> u64;

    /// See [`Bounded::close`].
    fn close(&self);

    /// Whether the ring ends at `position`; for the consumer.
    fn ends_at(&self, position: u64) -> bool;

    /// Whether a record at `position`, which ends at the tail, lies below the
    /// end of a ring that is closed. If not, the tail goes back to the end.
    ///
    /// # Safety
    ///
    /// - As `advance`; the consumer has announced that it closes.
    unsafe fn settle(&self, position: u64) -> bool;
}

/// Claims of one producer: plain loads and stores.
#[derive(Debug)]
pub struct Single {
    tail: AtomicU64,
    head_seen: AtomicU64,
    end: End,
}

impl Default for Single {
    fn default() -> Self {
        Self {
            tail: AtomicU64::new(0),
            head_seen: AtomicU64::new(0),
            end: End::new(),
        }
    }
}

impl Claim for Single {
    const SETTLES: bool = true;

    #[inline(always)]
    unsafe fn advance(
        &self,
        head: &AtomicU64,
        capacity: u64,
        bytes: impl Fn(u64) -> u64,
    ) -> Option<u64> {
        // Ordering: Relaxed, all four; written by this producer alone.
        let tail = self.tail.load(Ordering::Relaxed);
        let next = tail + bytes(tail);
        if next - self.head_seen.load(Ordering::Relaxed) > capacity {
            // Ordering: Acquire; pairs with the Release store in `release`, so
            // that the consumer is done with the bytes.
            let head = head.load(ordering(Site::BytesReclaim, Ordering::Acquire));
            self.head_seen.store(head, Ordering::Relaxed);
            if next - head > capacity {
                return None;
            }
        }
        // Ordering: Release; pairs with the Acquire load in `used`.
        self.tail
            .store(next, ordering(Site::BytesClaim, Ordering::Release));
        Some(tail)
    }

    fn used(&self, head: &AtomicU64) -> u64 {
        distance(&self.tail, head)
    }

    fn tail(&self) -> u64 {
        // Ordering: Relaxed; written by the producer alone.
        self.tail.load(Ordering::Relaxed)
    }

    fn close(&self) {
        // Ordering: Relaxed; ordered by the caller's fence.
        self.end.fix(self.tail.load(Ordering::Relaxed));
    }

    fn ends_at(&self, position: u64) -> bool {
        self.end.is_at(position)
    }

    #[cold]
    unsafe fn settle(&self, position: u64) -> bool {
        // Ordering: Relaxed; written by this producer alone.
        match self.end.settle(self.tail.load(Ordering::Relaxed)) {
            Err(end) if end <= position => {
                // Ordering: Relaxed; for `used`.
                self.tail.store(end, Ordering::Relaxed);
                false
            }
            _ => true,
        }
    }
}

/// Claims of many producers: compare-exchange.
#[derive(Debug, Default)]
pub struct Shared {
    tail: AtomicU64,
    head_seen: AtomicU64,
}

impl Claim for Shared {
    const SETTLES: bool = false;

    #[inline(always)]
    unsafe fn advance(
        &self,
        head: &AtomicU64,
        capacity: u64,
        bytes: impl Fn(u64) -> u64,
    ) -> Option<u64> {
        // Ordering: Relaxed; the tail hands out positions, and the header
        // publishes. The exchange is Release for `used` alone; pairs with its
        // Acquire load.
        let mut tail = self.tail.load(Ordering::Relaxed);
        loop {
            let next = tail + bytes(tail);
            // A tail that is out of date may be behind the head: the exchange
            // then fails. So the difference is signed. Closed, nothing fits.
            let fits = |head: u64| next.wrapping_sub(head) as i64 <= capacity as i64;
            // Ordering: Acquire; pairs with the Release store below: a producer
            // that trusts another's view takes over what it had acquired.
            let seen = self
                .head_seen
                .load(ordering(Site::BytesTrustHead, Ordering::Acquire));
            if !fits(seen) {
                // Ordering: Acquire; pairs with the Release store in
                // `release`, so that the consumer is done with the bytes.
                let head = head.load(ordering(Site::BytesReclaim, Ordering::Acquire));
                // Ordering: Release; pairs with the Acquire load above.
                self.head_seen
                    .store(head, ordering(Site::BytesShareHead, Ordering::Release));
                if !fits(head) {
                    return None;
                }
            }
            match self.tail.compare_exchange_weak(
                tail,
                next,
                ordering(Site::BytesClaim, Ordering::Release),
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(tail),
                Err(now) => tail = now,
            }
        }
    }

    fn used(&self, head: &AtomicU64) -> u64 {
        distance(&self.tail, head)
    }

    fn tail(&self) -> u64 {
        // Ordering: Relaxed; as in `MpscRing::claimed`.
        self.tail.load(Ordering::Relaxed)
    }

    fn close(&self) {
        // Ordering: Release; as in `MpscRing::close`.
        self.tail
            .fetch_or(CLOSED, ordering(Site::CloseClaims, Ordering::Release));
    }

    fn ends_at(&self, position: u64) -> bool {
        // Ordering: Relaxed; closed, it never changes again.
        self.tail.load(Ordering::Relaxed) == position | CLOSED
    }

    unsafe fn settle(&self, _: u64) -> bool {
        true
    }
}

/// What a look at the head of the ring found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) message: Option<Span>,
    /// Padding was skipped: there is new room, and its waiters want to know.
    pub(crate) freed: bool,
}

/// Headers in a cache line.
const HEADERS: usize = 8;

/// A cache line of the table of headers.
#[derive(Debug, Default)]
#[repr(align(64))]
struct HeaderLine([AtomicU64; HEADERS]);

/// The ring.
#[derive(Debug)]
pub(crate) struct ByteRing<C> {
    claims: CachePadded<C>,
    /// What the consumer shows.
    head: CachePadded<AtomicU64>,
    /// What the consumer keeps.
    consumer: CachePadded<UnsafeCell<u64>>,
    headers: Box<[HeaderLine]>,
    payload: Payload,
    geometry: Geometry,
}

impl<C: Claim> ByteRing<C> {
    /// Panics on 0 and on more than the address space allows.
    #[track_caller]
    pub(crate) fn with_capacity(capacity_bytes: usize) -> Self {
        let geometry = Geometry::new(capacity_bytes);
        Self {
            claims: CachePadded(C::default()),
            head: CachePadded(AtomicU64::new(0)),
            consumer: CachePadded(UnsafeCell::new(0)),
            headers: (0..geometry.granules() / HEADERS)
                .map(|_| HeaderLine::default())
                .collect(),
            payload: Payload::new(&geometry),
            geometry,
        }
    }

    pub(crate) fn max_len(&self) -> usize {
        self.geometry.max_len()
    }

    /// Claims `len` bytes in one piece, or nothing.
    ///
    /// # Safety
    ///
    /// - `len` is not 0 and not more than `max_len`.
    /// - One thread at a time, unless `C` is made for many.
    #[inline(always)]
    pub(crate) unsafe fn claim(&self, len: usize) -> Option<Span> {
        debug_assert!(len != 0 && len <= self.max_len());
        let stride = self.geometry.stride(len);
        let padding = |tail| self.geometry.padding(tail, stride);
        // SAFETY: one thread at a time, guaranteed by this function's contract.
        let start = unsafe {
            self.claims
                .advance(&self.head, self.geometry.capacity() as u64, |tail| {
                    padding(tail) + stride
                })
        }?;
        let padding = padding(start);
        if padding != 0 {
            self.publish(start, RecordHeader::Padding(padding as usize));
        }
        Some(Span {
            position: start + padding,
            len,
        })
    }

    /// The bytes of a span. Claimed, they are the producer's; read, the
    /// consumer's.
    #[inline(always)]
    pub(crate) fn bytes(&self, span: Span) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(
            self.payload.at(self.geometry.offset(span.position)),
            span.len,
        )
    }

    /// Makes the first `len` bytes of the span a message and the rest padding.
    ///
    /// # Safety
    ///
    /// - The span was claimed from this ring and not committed yet.
    /// - `len` is not more than the span's length.
    /// - Nobody reads or writes the span's bytes any more.
    #[inline]
    pub(crate) unsafe fn commit(&self, span: Span, len: usize) {
        debug_assert!(len <= span.len);
        self.payload.assert_exclusive(&self.geometry, span);
        if len == 0 {
            return self.publish(span.position, RecordHeader::Padding(span.len));
        }
        let kept = self.geometry.stride(len);
        let rest = self.geometry.stride(span.len) - kept;
        if rest != 0 {
            // Before the message, which makes it reachable.
            self.publish(span.position + kept, RecordHeader::Padding(rest as usize));
        }
        self.publish(span.position, RecordHeader::Message(len));
    }

    /// The ring is closed, as the producer found when it looked after it had
    /// committed `span`: whether the record is below the end.
    ///
    /// # Safety
    ///
    /// - Once after each commit, by the thread that claimed; the consumer has
    ///   announced that it closes.
    pub(crate) unsafe fn settle(&self, span: Span) -> bool {
        // SAFETY: guaranteed by this function's contract.
        unsafe { self.claims.settle(span.position) }
    }

    /// The next message, if it is there. Padding in front of it is released.
    /// Nothing is read at or above the end.
    ///
    /// # Safety
    ///
    /// - One thread at a time, and the last message was released.
    /// - Once the consumer has announced that it closes: `has_accepted` has said
    ///   so since the last read.
    #[inline(always)]
    pub(crate) unsafe fn read(&self) -> Look {
        // Inlined, and what lies behind padding comes back as two values: a span that is
        // handed over in memory is read while its halves are in the store buffer.
        let position = self.position();
        let (position, len, freed) = match self.look(position) {
            RecordHeader::Nothing => (position, 0, false),
            RecordHeader::Message(len) => (position, len, false),
            RecordHeader::Padding(len) => {
                // SAFETY: guaranteed by this function's contract.
                let (position, len) = unsafe { self.read_behind(len) };
                (position, len, true)
            }
        };
        Look {
            message: (len != 0).then_some(Span { position, len }),
            freed,
        }
    }

    /// Where the next message is behind padding of `len` bytes, and its length: 0, if
    /// there is none.
    ///
    /// # Safety
    ///
    /// - As for [`read`](ByteRing::read), which has found the padding.
    #[cold]
    #[inline(never)]
    unsafe fn read_behind(&self, len: usize) -> (u64, usize) {
        let mut padding = len;
        loop {
            let position = self.position() + self.geometry.stride(padding);
            // SAFETY: one thread at a time, guaranteed by this function's contract.
            unsafe { self.advance_head(position) };
            let found = self.look(position);
            // The end last: the producer has fixed it before it published anything
            // above it.
            if C::SETTLES && self.claims.ends_at(position) {
                return (position, 0);
            }
            match found {
                RecordHeader::Nothing => return (position, 0),
                RecordHeader::Message(len) => return (position, len),
                RecordHeader::Padding(len) => padding = len,
            }
        }
    }

    /// Where the consumer is.
    #[inline(always)]
    fn position(&self) -> u64 {
        // SAFETY: nobody writes the position meanwhile, because only `advance_head` does,
        // on the consumer's thread, which alone asks.
        self.consumer.with(|position| unsafe { *position })
    }

    /// The header at `position`.
    #[inline(always)]
    fn look(&self, position: u64) -> RecordHeader {
        let header = self.header(position);
        // Ordering: Acquire; pairs with the Release store in `publish`, so that the
        // record's bytes are visible.
        let word = header.load(ordering(Site::BytesObserve, Ordering::Acquire));
        self.geometry.decode(position, word)
    }

    /// Gives the space of a message back.
    ///
    /// # Safety
    ///
    /// - The span is the one that `read` returned last, and not released yet.
    /// - Nobody reads its bytes any more.
    #[inline(always)]
    pub(crate) unsafe fn release(&self, span: Span) {
        // SAFETY: the consumer's until the head is advanced, below, and nobody
        // reads the bytes any more, guaranteed by this function's contract.
        unsafe { self.payload.take_lines(&self.geometry, span) };
        let next = span.position + self.geometry.stride(span.len);
        let line = |position| self.geometry.granule(position) / HEADERS as u64;
        if line(span.position) != line(next) {
            // Ordering: Relaxed; ordered before the producer's next store to
            // it by the head, which the producer has to see first.
            self.header(span.position).store(0, Ordering::Relaxed);
        }
        // SAFETY: one thread at a time, guaranteed by this function's contract.
        unsafe { self.advance_head(next) };
    }

    /// # Safety
    ///
    /// - One thread at a time.
    #[inline(always)]
    unsafe fn advance_head(&self, next: u64) {
        // SAFETY: no other reference to the position exists, because only the
        // consumer's functions make one, guaranteed by this one's contract.
        self.consumer
            .with_mut(|position| unsafe { *position = next });
        // Ordering: Release; pairs with the Acquire load in `advance`, so that
        // the bytes have been read before they are written again.
        self.head
            .store(next, ordering(Site::BytesRelease, Ordering::Release));
    }

    #[inline(always)]
    fn publish(&self, position: u64, header: RecordHeader) {
        let word = self.geometry.encode(position, header);
        // Ordering: Release; pairs with the Acquire load in `read`, so that
        // the record's bytes, and padding behind it, are visible.
        self.header(position)
            .store(word, ordering(Site::BytesPublish, Ordering::Release));
    }

    #[inline(always)]
    fn header(&self, position: u64) -> &AtomicU64 {
        let index = self.geometry.index(position);
        &self.headers[index / HEADERS].0[index % HEADERS]
    }
}

impl<C: Claim> Bounded for ByteRing<C> {
    const SETTLES: bool = C::SETTLES;
    const YIELDS: bool = true;

    fn capacity(&self) -> usize {
        self.geometry.capacity()
    }

    /// Bytes claimed and not yet released, padding included.
    fn len(&self) -> usize {
        self.claims.used(&self.head) as usize
    }

    fn claimed(&self) -> u64 {
        self.claims.tail()
    }

    unsafe fn close(&self) {
        self.claims.close();
    }

    unsafe fn is_drained(&self) -> bool {
        self.claims.ends_at(self.position())
    }

    unsafe fn has_accepted(&self) -> bool {
        // SAFETY: as in `is_drained`.
        let position = self.consumer.with(|position| unsafe { *position });
        // Ordering: Acquire; pairs with the Release store in `publish`, so that
        // the end is visible: the producer has fixed it before it published
        // anything above it.
        let word = self
            .header(position)
            .load(ordering(Site::BytesObserve, Ordering::Acquire));
        self.geometry.decode(position, word) != RecordHeader::Nothing
            && !self.claims.ends_at(position)
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;

    fn fill<C: Claim>(ring: &ByteRing<C>, span: Span, byte: u8) {
        // SAFETY: the span was just claimed and is this thread's alone.
        unsafe { ring.bytes(span).as_mut() }.fill(byte);
    }

    /// Claims at every offset, with every length, in a ring that is drained
    /// each time. A second claim of the longest length has to come through once
    /// the first was read.
    fn places_every_length_at_every_offset<C: Claim>() {
        for capacity in [64, 128, 256] {
            let ring = ByteRing::<C>::with_capacity(capacity);
            let steps = 2 * capacity / 8;
            for len in (1..=ring.max_len()).flat_map(|len| std::iter::repeat_n(len, steps)) {
                for len in [len, 1] {
                    // SAFETY: one thread alone uses the ring; lengths are legal;
                    // each claim is committed once and each message released.
                    unsafe {
                        let span = ring.claim(len).expect("an empty ring places it");
                        fill(&ring, span, len as u8);
                        ring.commit(span, len);
                        let read = ring.read().message.expect("it was committed");
                        assert_eq!(read, span);
                        assert!(ring.bytes(read).as_ref().iter().all(|b| *b == len as u8));
                        ring.release(read);
                        assert!(ring.read().message.is_none());
                    }
                }
                assert_eq!(ring.len(), 0);
            }
        }
    }

    #[test]
    fn every_length_is_placed_at_every_offset() {
        places_every_length_at_every_offset::<Single>();
        places_every_length_at_every_offset::<Shared>();
    }

    #[test]
    fn shortened_and_aborted_spans_are_skipped() {
        let ring = ByteRing::<Shared>::with_capacity(256);
        // SAFETY: one thread alone uses the ring; lengths are legal; each
        // claim is committed once and each message released.
        unsafe {
            let [first, second, third] = [100, 24, 40].map(|len| ring.claim(len).unwrap());
            ring.commit(third, 40);
            assert!(ring.read().message.is_none(), "claims are read in order");
            ring.commit(second, 0);
            fill(&ring, first, 7);
            ring.commit(first, 9);
            let read = ring.read().message.unwrap();
            assert_eq!(ring.bytes(read).as_ref(), [7; 9]);
            ring.release(read);
            let look = ring.read();
            assert_eq!((look.message, look.freed), (Some(third), true));
            ring.release(third);
            assert_eq!(ring.len(), 0);
        }
    }

    #[test]
    fn a_full_ring_refuses_and_overlaps_nothing() {
        let ring = ByteRing::<Single>::with_capacity(64);
        // SAFETY: one thread alone uses the ring; lengths are legal; each
        // claim is committed once and each message released.
        unsafe {
            let spans: Vec<_> = std::iter::from_fn(|| ring.claim(8)).collect();
            assert_eq!((spans.len(), ring.len()), (8, 64));
            for (n, span) in spans.iter().enumerate() {
                fill(&ring, *span, n as u8);
            }
            for span in &spans {
                ring.commit(*span, 8);
            }
            for n in 0..8 {
                let read = ring.read().message.unwrap();
                assert_eq!(ring.bytes(read).as_ref(), [n; 8]);
                ring.release(read);
            }
        }
    }
}
