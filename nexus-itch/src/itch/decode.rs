//! Decoding: a borrowed message becomes a `Copy` event.

use super::{Event, Message, Side, Stock, length_of};
use crate::foreign::shown;
use std::fmt;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// There are no bytes.
    Empty,
    /// ITCH 5.0 has no such type.
    UnknownType {
        /// The type byte found.
        kind: u8,
        /// The length of the message.
        found: usize,
    },
    /// The type's length is another.
    WrongLength {
        /// The type byte.
        kind: u8,
        /// What the type takes.
        expected: usize,
        /// What was found.
        found: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            DecodeError::Empty => write!(f, "a message of no bytes, the shortest has 12"),
            DecodeError::UnknownType { kind, found } => write!(
                f,
                "unknown message type '{}' (0x{kind:02x}), {found} bytes",
                shown(&[kind])
            ),
            DecodeError::WrongLength {
                kind,
                expected,
                found,
            } => write!(
                f,
                "length {found} does not fit type '{}', which takes {expected} bytes",
                shown(&[kind])
            ),
        }
    }
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    /// The type byte, if there is one, and the length of the message.
    pub const fn kind_and_len(&self) -> (Option<u8>, usize) {
        match *self {
            DecodeError::Empty => (None, 0),
            DecodeError::UnknownType { kind, found }
            | DecodeError::WrongLength { kind, found, .. } => (Some(kind), found),
        }
    }
}

/// Checks a message's type and length and returns the type byte.
pub fn check(message: &[u8]) -> Result<u8, DecodeError> {
    let &kind = message.first().ok_or(DecodeError::Empty)?;
    let expected = length_of(kind).ok_or(DecodeError::UnknownType {
        kind,
        found: message.len(),
    })?;
    if message.len() != expected {
        return Err(DecodeError::WrongLength {
            kind,
            expected,
            found: message.len(),
        });
    }
    Ok(kind)
}

/// Decodes one whole message, copying no more than the event.
///
/// ```
/// use nexus_itch::itch::{Event, decode};
///
/// let mut delete = [0; 19];
/// delete[0] = b'D';
/// delete[18] = 7;
/// assert_eq!(decode(&delete).unwrap().event, Event::Delete { order: 7 });
/// ```
pub fn decode(message: &[u8]) -> Result<Message, DecodeError> {
    let kind = check(message)?;
    Ok(Message {
        timestamp: be48(message, 5),
        locate: u16::from_be_bytes(array(message, 1)),
        event: event(kind, message),
    })
}

/// The event of a message with a length that fits its type.
fn event(kind: u8, m: &[u8]) -> Event {
    match kind {
        b'A' | b'F' | b'P' => sided(kind, m),
        b'D' => Event::Delete { order: be64(m, 11) },
        b'E' => Event::Execute {
            order: be64(m, 11),
            shares: be32(m, 19),
            matched: be64(m, 23),
        },
        b'C' => Event::ExecuteAt {
            order: be64(m, 11),
            shares: be32(m, 19),
            matched: be64(m, 23),
            printable: m[31] == b'Y',
            price: be32(m, 32),
        },
        b'X' => Event::Cancel {
            order: be64(m, 11),
            shares: be32(m, 19),
        },
        b'U' => Event::Replace {
            order: be64(m, 11),
            by: be64(m, 19),
            shares: be32(m, 27),
            price: be32(m, 31),
        },
        b'S' => Event::System { code: m[11] },
        b'R' => Event::Directory {
            stock: Stock(array(m, 11)),
            round_lot: be32(m, 21),
        },
        b'H' => Event::Trading {
            stock: Stock(array(m, 11)),
            state: m[19],
        },
        b'Q' => Event::Cross {
            shares: be64(m, 11),
            stock: Stock(array(m, 19)),
            price: be32(m, 27),
            matched: be64(m, 31),
            cross: m[39],
        },
        b'B' => Event::Broken {
            matched: be64(m, 11),
        },
        _ => Event::Other { kind },
    }
}

/// The event of a type that names a side.
fn sided(kind: u8, m: &[u8]) -> Event {
    let side = match m[19] {
        b'B' => Side::Buy,
        b'S' => Side::Sell,
        _ => return Event::Malformed { kind },
    };
    let (order, shares) = (be64(m, 11), be32(m, 20));
    let (stock, price) = (Stock(array(m, 24)), be32(m, 32));
    match kind {
        b'P' => Event::Trade {
            order,
            side,
            shares,
            stock,
            price,
            matched: be64(m, 36),
        },
        _ => Event::Add {
            order,
            side,
            shares,
            stock,
            price,
            attribution: (kind == b'F').then(|| array(m, 36)),
        },
    }
}

/// `N` bytes at `at`; the caller's message is at least that long.
fn array<const N: usize>(m: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&m[at..at + N]);
    bytes
}

fn be32(m: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(m, at))
}

fn be64(m: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(m, at))
}

/// The 48-bit integer at `at`.
pub(super) fn be48(m: &[u8], at: usize) -> u64 {
    let mut wide = [0; 8];
    wide[2..].copy_from_slice(&m[at..at + 6]);
    u64::from_be_bytes(wide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_type_is_refused_at_every_other_length() {
        for kind in 0..=255_u8 {
            for len in 1..=64 {
                let mut message = vec![b'B'; len];
                message[0] = kind;
                let expected = match length_of(kind) {
                    None => Err(DecodeError::UnknownType { kind, found: len }),
                    Some(right) if right != len => Err(DecodeError::WrongLength {
                        kind,
                        expected: right,
                        found: len,
                    }),
                    Some(_) => Ok(kind),
                };
                assert_eq!(check(&message), expected);
                assert_eq!(decode(&message).map(|m| m.event.kind()), expected);
            }
        }
        assert_eq!(decode(&[]), Err(DecodeError::Empty));
    }

    /// A message put together field by field, in the order of the
    /// specification.
    fn message(kind: u8, fields: &[&[u8]]) -> Message {
        let header: &[&[u8]] = &[&[kind], &[0, 7], &[0xaa, 0xbb], &[0, 0, 0, 1, 0, 2]];
        decode(&[header.concat(), fields.concat()].concat()).unwrap()
    }

    #[expect(clippy::too_many_lines, reason = "a table")]
    #[test]
    fn fields_are_where_the_specification_puts_them() {
        let (order, other) = (0x0102_0304_0506_0708_u64, 0x1112_1314_1516_1718_u64);
        let (shares, price) = (0x2122_2324_u32, 0x3132_3334_u32);
        let (a, b) = (&order.to_be_bytes()[..], &other.to_be_bytes()[..]);
        let (n, p) = (&shares.to_be_bytes()[..], &price.to_be_bytes()[..]);
        let stock = Stock(*b"ALPHA   ");
        let matched = other;
        let add = |side, attribution| Event::Add {
            order,
            side,
            shares,
            stock,
            price,
            attribution,
        };
        let execute = Event::Execute {
            order,
            shares,
            matched,
        };
        let execute_at = Event::ExecuteAt {
            order,
            shares,
            matched,
            printable: true,
            price,
        };
        let replace = Event::Replace {
            order,
            by: other,
            shares,
            price,
        };
        let trade = Event::Trade {
            order,
            side: Side::Sell,
            shares,
            stock,
            price,
            matched,
        };
        for (kind, fields, event) in [
            (b'A', &[a, b"B", n, &stock.0, p][..], add(Side::Buy, None)),
            (
                b'F',
                &[a, b"S", n, &stock.0, p, b"MPID"],
                add(Side::Sell, Some(*b"MPID")),
            ),
            (b'E', &[a, n, b], execute),
            (b'C', &[a, n, b, b"Y", p], execute_at),
            (b'X', &[a, n], Event::Cancel { order, shares }),
            (b'D', &[a], Event::Delete { order }),
            (b'U', &[a, b, n, p], replace),
            (b'P', &[a, b"S", n, &stock.0, p, b], trade),
            (b'S', &[b"Q"], Event::System { code: b'Q' }),
            (
                b'H',
                &[&stock.0, b"T", b" ", b"LUDP"],
                Event::Trading { stock, state: b'T' },
            ),
        ] {
            let decoded = message(kind, fields);
            assert_eq!(decoded.event, event);
            assert_eq!((decoded.locate, decoded.timestamp), (7, 0x1_0002));
        }
    }

    #[test]
    fn a_directory_names_a_stock_and_its_round_lot() {
        let (stock, round_lot) = (Stock(*b"ALPHA   "), 0x2122_2324_u32);
        let tail: &[u8] = b"NCZ PNN1N\0\0\0\0N";
        let fields = [&stock.0, &b"QN"[..], &round_lot.to_be_bytes(), tail];
        let directory = message(b'R', &fields).event;
        assert_eq!(directory, Event::Directory { stock, round_lot });
    }

    #[test]
    fn a_side_that_is_no_side_is_malformed() {
        for (kind, len) in [(b'A', 36), (b'F', 40), (b'P', 44)] {
            let mut message = vec![0; len];
            message[0] = kind;
            message[19] = b'x';
            let event = decode(&message).unwrap().event;
            assert_eq!(event, Event::Malformed { kind });
            message[19] = b'S';
            assert_ne!(decode(&message).unwrap().event, event);
        }
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(256))]

        #[test]
        fn arbitrary_bytes_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(message) = decode(&bytes) {
                prop_assert_eq!(message.event.kind(), bytes[0]);
                prop_assert!(message.timestamp < 1 << crate::itch::TIMESTAMP_BITS);
            }
        }
    }
}
