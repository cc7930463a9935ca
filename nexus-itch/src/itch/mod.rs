//! NASDAQ TotalView-ITCH 5.0 messages.
//!
//! - A message is its type byte, a fixed number of bytes given by that type
//!   ([`length_of`]), all integers big-endian.
//! - [`decode`] borrows a message and returns a small `Copy` value; [`encode`]
//!   is its inverse for every event that it understands.
//!
//! | bytes | field of every message |
//! |---|---|
//! | 0 | type |
//! | 1..3 | stock locate |
//! | 3..5 | tracking number |
//! | 5..11 | nanoseconds since midnight, 48 bits |

mod decode;
pub(crate) mod encode;

pub use decode::{DecodeError, check, decode};
pub use encode::encode;

use crate::foreign::shown;
use std::fmt;

/// The longest ITCH 5.0 message, in bytes (type `I`).
pub const MAX_MESSAGE_LEN: usize = 50;

/// Timestamps are this wide; arithmetic on them wraps here, after 78 hours.
pub const TIMESTAMP_BITS: u32 = 48;

/// The length of every message type in bytes; 0 where there is no such type.
const LENGTHS: [u8; 256] = {
    let known: [(u8, u8); 23] = [
        (b'S', 12),
        (b'R', 39),
        (b'H', 25),
        (b'Y', 20),
        (b'L', 26),
        (b'V', 35),
        (b'W', 12),
        (b'K', 28),
        (b'J', 35),
        (b'h', 21),
        (b'A', 36),
        (b'F', 40),
        (b'E', 31),
        (b'C', 36),
        (b'X', 23),
        (b'D', 19),
        (b'U', 35),
        (b'P', 44),
        (b'Q', 40),
        (b'B', 19),
        (b'I', 50),
        (b'N', 20),
        (b'O', 48),
    ];
    let mut lengths = [0; 256];
    let mut i = 0;
    while i < known.len() {
        lengths[known[i].0 as usize] = known[i].1;
        i += 1;
    }
    lengths
};

/// The exact length of a message of type `kind`, or `None` if ITCH 5.0 has no
/// such type.
///
/// ```
/// use nexus_itch::itch::length_of;
///
/// assert_eq!(length_of(b'A'), Some(36));
/// assert_eq!(length_of(b'z'), None);
/// ```
pub const fn length_of(kind: u8) -> Option<usize> {
    match LENGTHS[kind as usize] {
        0 => None,
        len => Some(len as usize),
    }
}

/// What a message type is called in the tables.
pub const fn name_of(kind: u8) -> &'static str {
    match kind {
        b'S' => "system event",
        b'R' => "stock directory",
        b'H' => "trading action",
        b'Y' => "short sale restriction",
        b'L' => "participant position",
        b'V' => "circuit breaker levels",
        b'W' => "circuit breaker status",
        b'K' => "IPO quoting period",
        b'J' => "auction collar",
        b'h' => "operational halt",
        b'A' => "add order",
        b'F' => "add order, attributed",
        b'E' => "order executed",
        b'C' => "order executed at price",
        b'X' => "order cancel",
        b'D' => "order delete",
        b'U' => "order replace",
        b'P' => "trade",
        b'Q' => "cross trade",
        b'B' => "broken trade",
        b'I' => "imbalance",
        b'N' => "retail interest",
        b'O' => "direct listing",
        _ => "unknown",
    }
}

/// Which side of the book an order rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A bid.
    Buy,
    /// An offer.
    Sell,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
}

/// A stock symbol: eight bytes, padded with spaces on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Stock(pub [u8; 8]);

impl Stock {
    /// Pads `symbol` with spaces; what is longer than eight bytes is cut off.
    pub fn new(symbol: &str) -> Self {
        let mut bytes = [b' '; 8];
        for (to, from) in bytes.iter_mut().zip(symbol.bytes()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().rposition(|&b| b != b' ').map_or(0, |i| i + 1);
        f.pad(&shown(&self.0[..end]).to_string())
    }
}

/// A decoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Nanoseconds since midnight.
    pub timestamp: u64,
    /// The exchange's number for the stock on this day; 0 where none is meant.
    pub locate: u16,
    /// What happened.
    pub event: Event,
}

/// What a message says, in so far as the gateway acts on it. Prices are in
/// ten-thousandths of a dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `S`: the session begins, opens, closes or ends.
    System {
        /// `O`, `S`, `Q`, `M`, `E` or `C`.
        code: u8,
    },
    /// `R`: a stock and its number for the day.
    Directory {
        /// The symbol.
        stock: Stock,
        /// Shares that make one round lot.
        round_lot: u32,
    },
    /// `H`: trading is halted, paused, quoted only or released.
    Trading {
        /// The symbol.
        stock: Stock,
        /// `H`, `P`, `Q` or `T`.
        state: u8,
    },
    /// `A` or, with an attribution, `F`: an order comes to rest.
    Add {
        /// The order's reference number, unique within the day.
        order: u64,
        /// The side it rests on.
        side: Side,
        /// Its size.
        shares: u32,
        /// The symbol.
        stock: Stock,
        /// Its limit.
        price: u32,
        /// The market participant, for `F`.
        attribution: Option<[u8; 4]>,
    },
    /// `E`: an order is executed at its own price.
    Execute {
        /// The resting order.
        order: u64,
        /// How much of it.
        shares: u32,
        /// The match number.
        matched: u64,
    },
    /// `C`: an order is executed at another price.
    ExecuteAt {
        /// The resting order.
        order: u64,
        /// How much of it.
        shares: u32,
        /// The match number.
        matched: u64,
        /// Whether the execution counts in the volume.
        printable: bool,
        /// The price of the execution.
        price: u32,
    },
    /// `X`: an order becomes smaller.
    Cancel {
        /// The resting order.
        order: u64,
        /// By how much.
        shares: u32,
    },
    /// `D`: an order is taken out.
    Delete {
        /// The resting order.
        order: u64,
    },
    /// `U`: an order is taken out and another takes its place, at the same
    /// side of the same stock.
    Replace {
        /// The resting order.
        order: u64,
        /// The reference number of the order in its place.
        by: u64,
        /// The new order's size.
        shares: u32,
        /// The new order's limit.
        price: u32,
    },
    /// `P`: a trade against an order that was never displayed.
    Trade {
        /// The undisplayed order's reference number (0 in recent feeds).
        order: u64,
        /// Its side.
        side: Side,
        /// The size of the trade.
        shares: u32,
        /// The symbol.
        stock: Stock,
        /// The price of the trade.
        price: u32,
        /// The match number.
        matched: u64,
    },
    /// `Q`: all shares that a cross executed.
    Cross {
        /// The symbol.
        stock: Stock,
        /// Its size; 0 where nothing was crossed.
        shares: u64,
        /// The price of the cross.
        price: u32,
        /// The match number.
        matched: u64,
        /// `O`, `C`, `H`, `I` or another kind of cross.
        cross: u8,
    },
    /// `B`: an execution, trade or cross is taken back.
    Broken {
        /// Its match number.
        matched: u64,
    },
    /// An `A`, `F` or `P` whose side is neither `B` nor `S`.
    Malformed {
        /// The type byte.
        kind: u8,
    },
    /// Any other type: counted and archived, but of no effect on the books.
    Other {
        /// The type byte.
        kind: u8,
    },
}

impl Event {
    /// The type byte.
    pub const fn kind(&self) -> u8 {
        match self {
            Event::System { .. } => b'S',
            Event::Directory { .. } => b'R',
            Event::Trading { .. } => b'H',
            Event::Add {
                attribution: None, ..
            } => b'A',
            Event::Add { .. } => b'F',
            Event::Execute { .. } => b'E',
            Event::ExecuteAt { .. } => b'C',
            Event::Cancel { .. } => b'X',
            Event::Delete { .. } => b'D',
            Event::Replace { .. } => b'U',
            Event::Trade { .. } => b'P',
            Event::Cross { .. } => b'Q',
            Event::Broken { .. } => b'B',
            Event::Malformed { kind } | Event::Other { kind } => *kind,
        }
    }
}

/// Moves a message's timestamp on by `by` nanoseconds, wrapping at 48 bits.
/// The message must be whole ([`check`]).
pub fn advance_timestamp(message: &mut [u8], by: u64) {
    let field = &mut message[5..11];
    let mut wide = [0; 8];
    wide[2..].copy_from_slice(field);
    let moved = u64::from_be_bytes(wide).wrapping_add(by);
    field.copy_from_slice(&moved.to_be_bytes()[2..]);
}

/// The timestamp of a whole message, decoded or not.
pub fn timestamp(message: &[u8]) -> u64 {
    decode::be48(message, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_message_is_the_longest_in_the_table() {
        let longest = (0..=255).filter_map(length_of).max();
        assert_eq!(longest, Some(MAX_MESSAGE_LEN));
        assert_eq!((0..=255).filter_map(length_of).count(), 23);
        for kind in 0..=255 {
            assert_eq!(length_of(kind).is_some(), name_of(kind) != "unknown");
        }
    }

    #[test]
    fn stocks_print_without_padding_and_without_control_bytes() {
        assert_eq!(Stock::new("ALC").to_string(), "ALC");
        assert_eq!(Stock::new("").to_string(), "");
        assert_eq!(Stock::new("TOOLONGNAME").to_string(), "TOOLONGN");
        assert_eq!(Stock(*b"A\x1b[2J   ").to_string(), "A\\x1b[2J");
        assert_eq!(format!("{:>5}|", Stock::new("ALC")), "  ALC|");
    }

    #[test]
    fn timestamps_move_on_and_wrap_at_48_bits() {
        let mut message = [0xff; 19];
        advance_timestamp(&mut message, 1);
        assert_eq!(timestamp(&message), 0);
        assert_eq!((message[4], message[11]), (0xff, 0xff));
        advance_timestamp(&mut message, 3_600_000_000_000);
        assert_eq!(timestamp(&message), 3_600_000_000_000);
    }

    #[test]
    fn an_event_fits_the_channel_that_carries_it() {
        assert!(size_of::<Event>() <= 40);
        assert!(size_of::<Message>() <= 56);
    }
}
