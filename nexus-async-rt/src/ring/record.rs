//! What a byte record looks like.
//!
//! The ring's memory is a power of two of bytes, cut into granules. A record
//! begins at a granule and takes as many as its length needs. Its header is
//! not in front of it but in a table beside the memory, one word a granule:
//!
//! ```text
//!  63                              log2(capacity)   bit c-1    bits c-2 .. 0
//! +------------------------------------------------+---------+--------------+
//! | position of the record, without its low c bits | padding | length, bytes|
//! +------------------------------------------------+---------+--------------+
//! ```
//!
//! with `c = log2(capacity)`. Index and high bits together are the whole
//! position, and a position never comes twice, so a word is valid for exactly
//! one record. Nothing has to be cleared, a word left by an earlier lap is
//! never mistaken, and no payload can imitate a header. Length 0 stands for
//! "not yet".
//!
//! Knows no claim and no atomic: arithmetic only.

/// A record's place: where it begins, and how many bytes it was claimed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) position: u64,
    pub(crate) len: usize,
}

/// What a header word says about the record at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordHeader {
    /// Not published.
    Nothing,
    /// A message of that many bytes.
    Message(usize),
    /// That many bytes to skip.
    Padding(usize),
}

/// The arithmetic of one ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    capacity: u64,
    granule_bits: u32,
}

/// The smallest ring.
const MIN_CAPACITY: usize = 64;

/// Granules of a large ring: one cache line, so that two producers do not
/// write to one line.
const MAX_GRANULE: u64 = 64;

/// Granules of a small ring: the alignment that the contract promises.
const MIN_GRANULE: u64 = 8;

/// What a length lacks to half the capacity.
const HEADER: usize = 8;

impl Geometry {
    /// Rounds up to a power of two of at least 64.
    ///
    /// Panics on 0 and on more than the address space allows.
    #[track_caller]
    pub(crate) fn new(capacity_bytes: usize) -> Self {
        const LIMIT: usize = 1 << (usize::BITS - 3);
        assert!(
            capacity_bytes > 0,
            "channel capacity must be at least 1 byte, got 0"
        );
        assert!(
            capacity_bytes <= LIMIT,
            "channel capacity of {capacity_bytes} bytes is more than the limit of {LIMIT}"
        );
        let capacity = capacity_bytes.next_power_of_two().max(MIN_CAPACITY) as u64;
        // A 64th of the ring, so that small rings hold more than a message.
        let granule = (capacity / 64).clamp(MIN_GRANULE, MAX_GRANULE);
        Self {
            capacity,
            granule_bits: granule.trailing_zeros(),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity as usize
    }

    pub(crate) fn granules(&self) -> usize {
        (self.capacity >> self.granule_bits) as usize
    }

    /// The longest message. Half the capacity fits at any offset of an empty
    /// ring, after padding if need be.
    pub(crate) fn max_len(&self) -> usize {
        self.capacity as usize / 2 - HEADER
    }

    /// Bytes that a record of `len` takes.
    #[inline(always)]
    pub(crate) fn stride(&self, len: usize) -> u64 {
        let granule = 1u64 << self.granule_bits;
        (len as u64 + granule - 1) & !(granule - 1)
    }

    #[inline(always)]
    pub(crate) fn offset(&self, position: u64) -> usize {
        (position & (self.capacity - 1)) as usize
    }

    #[inline(always)]
    pub(crate) fn index(&self, position: u64) -> usize {
        self.offset(position) >> self.granule_bits
    }

    /// Which granule it is, counted through all laps.
    #[inline(always)]
    pub(crate) fn granule(&self, position: u64) -> u64 {
        position >> self.granule_bits
    }

    /// Padding that a record of `stride` bytes needs in front of it at
    /// `position`, so as not to run over the end.
    #[inline(always)]
    pub(crate) fn padding(&self, position: u64, stride: u64) -> u64 {
        let to_end = self.capacity - (position & (self.capacity - 1));
        if stride > to_end { to_end } else { 0 }
    }

    #[inline(always)]
    pub(crate) fn encode(&self, position: u64, header: RecordHeader) -> u64 {
        let lap = position & !(self.capacity - 1);
        match header {
            RecordHeader::Nothing => lap,
            RecordHeader::Message(len) => lap | len as u64,
            RecordHeader::Padding(len) => lap | self.padding_bit() | len as u64,
        }
    }

    #[inline(always)]
    pub(crate) fn decode(&self, position: u64, word: u64) -> RecordHeader {
        // Same lap: what is left of the difference is flag and length.
        let low = word ^ (position & !(self.capacity - 1));
        if low == 0 || low >= self.capacity {
            RecordHeader::Nothing
        } else if low & self.padding_bit() != 0 {
            RecordHeader::Padding((low & (self.padding_bit() - 1)) as usize)
        } else {
            RecordHeader::Message(low as usize)
        }
    }

    #[inline(always)]
    fn padding_bit(&self) -> u64 {
        self.capacity / 2
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn capacity_and_limits() {
        for (asked, capacity, granules) in [
            (1, 64, 8),
            (64, 64, 8),
            (65, 128, 16),
            (1000, 1024, 64),
            (4096, 4096, 64),
            (5000, 8192, 128),
        ] {
            let g = Geometry::new(asked);
            assert_eq!((g.capacity(), g.granules()), (capacity, granules));
            assert!(g.max_len() >= capacity * 3 / 8);
            assert!(g.stride(g.max_len()) <= capacity as u64 / 2);
        }
    }

    #[test]
    fn every_legal_length_fits_an_empty_ring_at_every_offset() {
        for capacity in [64, 128, 4096] {
            let g = Geometry::new(capacity);
            for index in 0..g.granules() as u64 {
                let position = index << g.granule_bits;
                for len in 1..=g.max_len() {
                    let stride = g.stride(len);
                    assert!(g.padding(position, stride) + stride <= capacity as u64);
                }
            }
        }
    }

    #[test]
    fn a_word_says_what_was_encoded_at_its_position_and_nothing_elsewhere() {
        let g = Geometry::new(64);
        for lap in [0, 1, 2, 1 << 40] {
            let position = lap * 64 + 16;
            for header in [
                RecordHeader::Message(1),
                RecordHeader::Message(g.max_len()),
                RecordHeader::Padding(8),
                RecordHeader::Padding(24),
            ] {
                let word = g.encode(position, header);
                assert_eq!(g.decode(position, word), header);
                assert_eq!(g.decode(position + 64, word), RecordHeader::Nothing);
                assert_eq!(
                    g.decode(position.wrapping_sub(64), word),
                    RecordHeader::Nothing
                );
            }
            let nothing = g.encode(position, RecordHeader::Nothing);
            assert_eq!(g.decode(position, nothing), RecordHeader::Nothing);
        }
    }

    #[test]
    #[should_panic(expected = "must be at least 1 byte, got 0")]
    fn capacity_zero_panics() {
        Geometry::new(0);
    }

    #[test]
    #[should_panic(expected = "is more than the limit of")]
    fn capacity_beyond_memory_panics() {
        Geometry::new(usize::MAX);
    }
}
