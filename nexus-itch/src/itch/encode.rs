//! Encoding: the inverse of decoding, for the session generator and tests.

use super::{Event, MAX_MESSAGE_LEN, Message, Side, length_of};

/// Appends `message` to `out`, without a frame.
///
/// Fields that [`Message`] does not carry (tracking number, the directory's
/// market details) get fixed, plausible values; an [`Event::Other`] of a known
/// type gets zeros.
///
/// # Panics
///
/// If the type that the event names is none of ITCH 5.0's.
pub fn encode(message: &Message, out: &mut Vec<u8>) {
    let kind = message.event.kind();
    let len = length_of(kind).expect("an event is encoded as a type of the table");
    let mut bytes = [0; MAX_MESSAGE_LEN];
    bytes[0] = kind;
    bytes[1..3].copy_from_slice(&message.locate.to_be_bytes());
    bytes[5..11].copy_from_slice(&message.timestamp.to_be_bytes()[2..]);
    body(&message.event, &mut bytes);
    out.extend_from_slice(&bytes[..len]);
}

fn body(event: &Event, m: &mut [u8; MAX_MESSAGE_LEN]) {
    match *event {
        Event::System { code } => m[11] = code,
        Event::Directory { stock, round_lot } => {
            put(m, 11, stock.0);
            put(m, 19, *b"QN");
            put(m, 21, round_lot.to_be_bytes());
            put(m, 25, *b"NCZ PNN1N");
            put(m, 38, *b"N");
        }
        Event::Trading { stock, state } => {
            put(m, 11, stock.0);
            put(m, 19, [state, b' ']);
            put(m, 21, *b"    ");
        }
        Event::Add { attribution, .. } => {
            resting(event, m);
            put(m, 36, attribution.unwrap_or_default());
        }
        Event::Trade { matched, .. } => {
            resting(event, m);
            put(m, 36, matched.to_be_bytes());
        }
        Event::Execute { matched, .. } | Event::ExecuteAt { matched, .. } => {
            reduction(event, m);
            put(m, 23, matched.to_be_bytes());
        }
        Event::Cancel { .. } => reduction(event, m),
        Event::Delete { order } => put(m, 11, order.to_be_bytes()),
        Event::Replace {
            order,
            by,
            shares,
            price,
        } => {
            put(m, 11, order.to_be_bytes());
            put(m, 19, by.to_be_bytes());
            put(m, 27, shares.to_be_bytes());
            put(m, 31, price.to_be_bytes());
        }
        Event::Cross {
            stock,
            shares,
            price,
            matched,
            cross,
        } => {
            put(m, 11, shares.to_be_bytes());
            put(m, 19, stock.0);
            put(m, 27, price.to_be_bytes());
            put(m, 31, matched.to_be_bytes());
            m[39] = cross;
        }
        Event::Broken { matched } => put(m, 11, matched.to_be_bytes()),
        Event::Malformed { .. } | Event::Other { .. } => {}
    }
}

/// The fields that `A`, `F` and `P` share.
fn resting(event: &Event, m: &mut [u8; MAX_MESSAGE_LEN]) {
    if let Event::Add {
        order,
        side,
        shares,
        stock,
        price,
        ..
    }
    | Event::Trade {
        order,
        side,
        shares,
        stock,
        price,
        ..
    } = *event
    {
        put(m, 11, order.to_be_bytes());
        m[19] = match side {
            Side::Buy => b'B',
            Side::Sell => b'S',
        };
        put(m, 20, shares.to_be_bytes());
        put(m, 24, stock.0);
        put(m, 32, price.to_be_bytes());
    }
}

/// The fields that `E`, `C` and `X` share, and those of `C` alone.
fn reduction(event: &Event, m: &mut [u8; MAX_MESSAGE_LEN]) {
    if let Event::Execute { order, shares, .. }
    | Event::ExecuteAt { order, shares, .. }
    | Event::Cancel { order, shares } = *event
    {
        put(m, 11, order.to_be_bytes());
        put(m, 19, shares.to_be_bytes());
    }
    if let Event::ExecuteAt {
        printable, price, ..
    } = *event
    {
        m[31] = if printable { b'Y' } else { b'N' };
        put(m, 32, price.to_be_bytes());
    }
}

fn put<const N: usize>(m: &mut [u8; MAX_MESSAGE_LEN], at: usize, bytes: [u8; N]) {
    m[at..at + N].copy_from_slice(&bytes);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::{Stock, decode};
    use super::*;
    use proptest::prelude::*;

    fn side() -> impl Strategy<Value = Side> {
        prop_oneof![Just(Side::Buy), Just(Side::Sell)]
    }

    /// What refers to an order that rests.
    fn reference() -> impl Strategy<Value = Event> {
        (any::<[u64; 2]>(), any::<[u32; 2]>(), any::<bool>(), 0..5).prop_map(
            |([order, other], [shares, price], printable, which)| match which {
                0 => Event::Execute {
                    order,
                    shares,
                    matched: other,
                },
                1 => Event::ExecuteAt {
                    order,
                    shares,
                    matched: other,
                    printable,
                    price,
                },
                2 => Event::Cancel { order, shares },
                3 => Event::Delete { order },
                _ => Event::Replace {
                    order,
                    by: other,
                    shares,
                    price,
                },
            },
        )
    }

    /// What names a stock and a price, and what takes it back.
    fn sided() -> impl Strategy<Value = Event> {
        let numbers = (any::<[u64; 2]>(), any::<[u32; 2]>());
        let names = (any::<[u8; 8]>(), any::<[u8; 4]>());
        (numbers, names, side(), 0..5).prop_map(
            |(([order, matched], [shares, price]), (stock, participant), side, which)| match which {
                3 => Event::Cross {
                    stock: Stock(stock),
                    shares: order,
                    price,
                    matched,
                    cross: participant[0],
                },
                4 => Event::Broken { matched },
                0 => Event::Trade {
                    order,
                    side,
                    shares,
                    stock: Stock(stock),
                    price,
                    matched,
                },
                _ => Event::Add {
                    order,
                    side,
                    shares,
                    stock: Stock(stock),
                    price,
                    attribution: (which == 1).then_some(participant),
                },
            },
        )
    }

    /// What frames a session, and what the gateway does not act on.
    fn other() -> impl Strategy<Value = Event> {
        (any::<u8>(), any::<[u8; 8]>(), any::<u32>(), 0..5).prop_map(
            |(byte, stock, round_lot, which)| match which {
                0 => Event::System { code: byte },
                1 => Event::Trading {
                    stock: Stock(stock),
                    state: byte,
                },
                2 => Event::Directory {
                    stock: Stock(stock),
                    round_lot,
                },
                3 => Event::Malformed { kind: b'A' },
                _ => Event::Other { kind: b'I' },
            },
        )
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![2 => reference(), 2 => sided(), 1 => other()]
    }

    /// Any message that the encoder writes.
    pub(crate) fn message() -> impl Strategy<Value = Message> {
        (event(), any::<u16>(), 0..1_u64 << 48).prop_map(|(event, locate, timestamp)| Message {
            timestamp,
            locate,
            event,
        })
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(256))]

        #[test]
        fn what_is_encoded_decodes_to_itself(message in message()) {
            let mut out = Vec::new();
            encode(&message, &mut out);
            prop_assert_eq!(decode(&out), Ok(message));
        }
    }
}
