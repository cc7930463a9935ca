//! A made-up trading day: the feed that is played when no file is given.
//!
//! Deterministic: the same [`SessionPlan`] gives the same bytes for ever.
//! Orders live and die. Whatever refers to an order refers to one that rests;
//! executions hit the best price, the oldest order first; no book is ever
//! crossed; prices walk; timestamps rise strictly.

use super::random::Random;
use nexus_itch::binary_file::encode_frame;
use nexus_itch::itch::{Event, Message, Side, Stock};
use std::collections::{BTreeSet, HashMap};

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPlan {
    /// How many messages, [`MIN_MESSAGES`] at least.
    pub messages: u64,
    /// Which of the sessions of that length.
    pub seed: u64,
}

/// The symbols; their locate codes count from 1.
const SYMBOLS: [&str; 8] = [
    "ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT", "GOLF", "HOTEL",
];

/// System events that open and that close a session.
const OPENING: [u8; 3] = *b"OSQ";
const CLOSING: [u8; 3] = *b"MEC";

/// The shortest session: system events, and a directory entry and a trading
/// action for each stock.
pub const MIN_MESSAGES: u64 = (OPENING.len() + CLOSING.len() + 2 * SYMBOLS.len()) as u64;

const OPEN_NS: u64 = 34_200_000_000_000;
const DAY_NS: u64 = 23_400_000_000_000;

/// One cent, in the feed's ten-thousandths of a dollar.
const TICK: u32 = 100;

/// Orders that rest at a time, once the session has warmed up.
const POPULATION: usize = 2000 * SYMBOLS.len();

/// Makes a session and returns it in BinaryFILE framing.
///
/// ```
/// use nexus_gateway::feed::{SessionPlan, session};
/// use nexus_itch::binary_file::FrameReader;
///
/// let bytes = session(SessionPlan { messages: 1000, seed: 1 });
/// let mut frames = FrameReader::new(&bytes[..]);
/// let mut count = 0;
/// while frames.next()?.is_some() {
///     count += 1;
/// }
/// assert_eq!(count, 1000);
/// # Ok::<(), nexus_itch::binary_file::FrameError>(())
/// ```
///
/// # Panics
///
/// If `plan.messages` is below [`MIN_MESSAGES`].
pub fn session(plan: SessionPlan) -> Vec<u8> {
    assert!(
        plan.messages >= MIN_MESSAGES,
        "a session of {} messages, the shortest has {MIN_MESSAGES}",
        plan.messages
    );
    let mut day = Day::new(plan);
    for code in OPENING {
        day.write(0, Event::System { code });
    }
    for (stock, locate) in symbols().zip(1..) {
        let round_lot = 100;
        day.write(locate, Event::Directory { stock, round_lot });
    }
    for (stock, locate) in symbols().zip(1..) {
        day.write(locate, Event::Trading { stock, state: b'T' });
    }
    for _ in MIN_MESSAGES..plan.messages {
        day.trade();
    }
    for code in CLOSING {
        day.write(0, Event::System { code });
    }
    day.out
}

fn symbols() -> impl Iterator<Item = Stock> {
    SYMBOLS.iter().map(|symbol| Stock::new(symbol))
}

/// An order that rests.
#[derive(Clone, Copy)]
struct Resting {
    order: u64,
    /// Index into the day's stocks.
    stock: usize,
    side: Side,
    shares: u32,
    price: u32,
}

/// One stock: where its price has walked to, and which is first in the queue.
struct Listing {
    middle: u32,
    bids: BTreeSet<(u32, u64)>,
    offers: BTreeSet<(u32, u64)>,
}

impl Listing {
    /// Bids are kept by falling price, so that the first of either side is
    /// the best price's oldest order.
    fn key(order: &Resting) -> (u32, u64) {
        match order.side {
            Side::Buy => (u32::MAX - order.price, order.order),
            Side::Sell => (order.price, order.order),
        }
    }

    fn queue(&mut self, side: Side) -> &mut BTreeSet<(u32, u64)> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        }
    }

    /// `price`, moved away so that it does not meet the other side.
    fn uncrossed(&self, side: Side, price: u32) -> u32 {
        match side {
            Side::Buy => match self.offers.first() {
                Some(&(best, _)) => price.min(best - TICK),
                None => price,
            },
            Side::Sell => match self.bids.first() {
                Some(&(key, _)) => price.max(u32::MAX - key + TICK),
                None => price,
            },
        }
    }
}

/// The day as it is written.
struct Day {
    random: Random,
    out: Vec<u8>,
    now: u64,
    mean_gap: u64,
    listings: Vec<Listing>,
    resting: Vec<Resting>,
    position: HashMap<u64, usize>,
    next_order: u64,
    next_match: u64,
}

impl Day {
    fn new(plan: SessionPlan) -> Self {
        let mut random = Random::new(plan.seed);
        let listings = SYMBOLS
            .iter()
            .map(|_| Listing {
                middle: TICK * (2_000 + random.below(20_000) as u32),
                bids: BTreeSet::new(),
                offers: BTreeSet::new(),
            })
            .collect();
        Self {
            random,
            out: Vec::with_capacity(usize::try_from(plan.messages).unwrap_or(0) * 34),
            now: OPEN_NS,
            mean_gap: (DAY_NS / plan.messages).max(1),
            listings,
            resting: Vec::with_capacity(POPULATION * 2),
            position: HashMap::new(),
            next_order: 1,
            next_match: 1,
        }
    }

    fn write(&mut self, locate: u16, event: Event) {
        // Bursts: three in four messages follow at once, the rest make up
        // for it.
        self.now += 1 + match self.random.below(4) {
            0 => self.random.below(8 * self.mean_gap),
            _ => self.random.below(self.mean_gap.min(1_000)),
        };
        let message = Message {
            timestamp: self.now,
            locate,
            event,
        };
        encode_frame(&message, &mut self.out);
    }

    /// Writes one message of trading, of a type drawn from a realistic mix.
    fn trade(&mut self) {
        match self.random.below(1000) {
            0..400 => self.add(false),
            400..412 => self.add(true),
            412..800 if self.resting.len() < POPULATION && self.random.below(3) == 0 => {
                self.add(false);
            }
            412..800 => self.delete(),
            800..900 => self.replace(),
            900..955 => self.execute(false),
            955..960 => self.execute(true),
            960..985 => self.cancel(),
            _ => self.hidden_trade(),
        }
    }

    fn add(&mut self, attributed: bool) {
        let stock = self.random.below(SYMBOLS.len() as u64) as usize;
        let side = self.side();
        let order = self.next_order;
        self.next_order += 1 + self.random.below(4);
        let shares = self.size();
        let price = self.limit(stock, side);
        self.rest(Resting {
            order,
            stock,
            side,
            shares,
            price,
        });
        let event = Event::Add {
            order,
            side,
            shares,
            stock: Stock::new(SYMBOLS[stock]),
            price,
            attribution: attributed.then_some(*b"NXUS"),
        };
        self.write(locate(stock), event);
    }

    fn delete(&mut self) {
        let Some(at) = self.pick() else {
            return self.add(false);
        };
        let gone = self.remove(at);
        self.write(locate(gone.stock), Event::Delete { order: gone.order });
    }

    fn replace(&mut self) {
        let Some(at) = self.pick() else {
            return self.add(false);
        };
        let old = self.remove(at);
        let by = self.next_order;
        self.next_order += 1 + self.random.below(4);
        let shares = self.size();
        let price = self.limit(old.stock, old.side);
        self.rest(Resting {
            order: by,
            shares,
            price,
            ..old
        });
        let event = Event::Replace {
            order: old.order,
            by,
            shares,
            price,
        };
        self.write(locate(old.stock), event);
    }

    fn cancel(&mut self) {
        let Some(at) = self.pick() else {
            return self.add(false);
        };
        let Resting {
            order,
            stock,
            shares: had,
            ..
        } = self.resting[at];
        if had < 2 {
            self.remove(at);
            return self.write(locate(stock), Event::Delete { order });
        }
        let shares = 1 + self.random.below(u64::from(had) - 1) as u32;
        self.resting[at].shares -= shares;
        self.write(locate(stock), Event::Cancel { order, shares });
    }

    /// Executes against the order that is first in a queue, wholly or partly.
    fn execute(&mut self, at_another_price: bool) {
        let stock = self.random.below(SYMBOLS.len() as u64) as usize;
        let side = self.side();
        let Some(&(_, order)) = self.listings[stock].queue(side).first() else {
            return self.add(false);
        };
        let at = self.position[&order];
        let Resting {
            shares: had, price, ..
        } = self.resting[at];
        let shares = self.size().min(had);
        if shares == had {
            self.remove(at);
        } else {
            self.resting[at].shares -= shares;
        }
        let matched = self.next_match();
        let event = match at_another_price {
            false => Event::Execute {
                order,
                shares,
                matched,
            },
            true => Event::ExecuteAt {
                order,
                shares,
                matched,
                printable: true,
                price: price + TICK / 2,
            },
        };
        self.write(locate(stock), event);
    }

    fn hidden_trade(&mut self) {
        let stock = self.random.below(SYMBOLS.len() as u64) as usize;
        let event = Event::Trade {
            order: 0,
            side: self.side(),
            shares: self.size(),
            stock: Stock::new(SYMBOLS[stock]),
            price: self.listings[stock].middle,
            matched: self.next_match(),
        };
        self.write(locate(stock), event);
    }

    fn next_match(&mut self) -> u64 {
        self.next_match += 1;
        self.next_match - 1
    }

    fn side(&mut self) -> Side {
        match self.random.below(2) {
            0 => Side::Buy,
            _ => Side::Sell,
        }
    }

    /// Round lots mostly, some odd lots, a few blocks.
    fn size(&mut self) -> u32 {
        (match self.random.below(100) {
            0..60 => 100,
            60..80 => 100 * (2 + self.random.below(9)),
            80..98 => 1 + self.random.below(99),
            _ => 1000 * (1 + self.random.below(10)),
        }) as u32
    }

    /// A price for an order: near the middle mostly, which takes a step now
    /// and then, and never through the other side.
    fn limit(&mut self, stock: usize, side: Side) -> u32 {
        let step = self.random.below(16);
        let away = TICK * (1 + self.random.below(40).min(self.random.below(60))) as u32;
        let listing = &mut self.listings[stock];
        match step {
            0 => listing.middle = (listing.middle - TICK).max(TICK * 1_000),
            1 => listing.middle = (listing.middle + TICK).min(TICK * 100_000),
            _ => {}
        }
        let wanted = match side {
            Side::Buy => listing.middle - away,
            Side::Sell => listing.middle + away,
        };
        listing.uncrossed(side, wanted)
    }

    /// Any order that rests; a young one mostly.
    fn pick(&mut self) -> Option<usize> {
        let count = self.resting.len() as u64;
        if count == 0 {
            return None;
        }
        let among = match self.random.below(10) {
            0..6 => count.min(512),
            _ => count,
        };
        Some((count - 1 - self.random.below(among)) as usize)
    }

    fn rest(&mut self, order: Resting) {
        self.listings[order.stock]
            .queue(order.side)
            .insert(Listing::key(&order));
        self.position.insert(order.order, self.resting.len());
        self.resting.push(order);
    }

    fn remove(&mut self, at: usize) -> Resting {
        let gone = self.resting.swap_remove(at);
        self.position.remove(&gone.order);
        if let Some(moved) = self.resting.get(at) {
            self.position.insert(moved.order, at);
        }
        self.listings[gone.stock]
            .queue(gone.side)
            .remove(&Listing::key(&gone));
        gone
    }
}

fn locate(stock: usize) -> u16 {
    stock as u16 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_itch::binary_file::FrameReader;
    use nexus_itch::itch::decode;

    fn messages(plan: SessionPlan) -> Vec<Message> {
        let bytes = session(plan);
        let mut frames = FrameReader::new(&bytes[..]);
        let mut messages = Vec::new();
        while let Some(message) = frames.next().unwrap() {
            messages.push(decode(message).unwrap());
        }
        messages
    }

    #[test]
    fn the_same_plan_gives_the_same_bytes_for_ever() {
        let plan = SessionPlan {
            messages: 10_000,
            seed: 1,
        };
        assert_eq!(crc32c::crc32c(&session(plan)), 0x79ef_bb00);
        let other = SessionPlan { seed: 2, ..plan };
        assert_ne!(session(plan), session(other));
    }

    #[test]
    fn the_count_is_exact_and_time_rises() {
        for count in [MIN_MESSAGES, MIN_MESSAGES + 1, 100, 5_000] {
            let messages = messages(SessionPlan {
                messages: count,
                seed: count,
            });
            assert_eq!(messages.len() as u64, count);
            assert!(messages.is_sorted_by(|a, b| a.timestamp < b.timestamp));
            assert_eq!(messages[0].event, Event::System { code: b'O' });
            let last = messages[messages.len() - 1];
            assert_eq!(last.event, Event::System { code: b'C' });
            assert!(last.timestamp < OPEN_NS + 2 * DAY_NS);
        }
    }

    #[test]
    #[should_panic(expected = "a session of 21 messages, the shortest has 22")]
    fn a_session_without_room_for_its_frame_is_refused() {
        session(SessionPlan {
            messages: MIN_MESSAGES - 1,
            seed: 1,
        });
    }

    #[test]
    fn every_reference_is_to_an_order_that_rests() {
        let mut resting = HashMap::new();
        let mut counts = HashMap::<u8, u32>::new();
        for message in messages(SessionPlan {
            messages: 100_000,
            seed: 3,
        }) {
            *counts.entry(message.event.kind()).or_default() += 1;
            match message.event {
                Event::Add { order, shares, .. } => {
                    assert!(shares > 0 && resting.insert(order, shares).is_none());
                }
                Event::Delete { order } => assert!(resting.remove(&order).is_some()),
                Event::Replace {
                    order, by, shares, ..
                } => {
                    assert!(resting.remove(&order).is_some());
                    assert!(resting.insert(by, shares).is_none());
                }
                Event::Execute { order, shares, .. }
                | Event::ExecuteAt { order, shares, .. }
                | Event::Cancel { order, shares } => {
                    let rest = resting.get_mut(&order).expect("the order rests");
                    *rest = rest.checked_sub(shares).expect("no more than rests");
                    if *rest == 0 {
                        resting.remove(&order);
                    }
                }
                _ => {}
            }
        }
        for (kind, least) in [
            (b'A', 40_000),
            (b'D', 30_000),
            (b'U', 9_000),
            (b'E', 5_000),
            (b'X', 2_000),
            (b'P', 1_000),
            (b'F', 1_000),
            (b'C', 400),
        ] {
            assert!(counts[&kind] > least, "{}: {counts:?}", kind as char);
        }
        assert!((5_000..POPULATION * 2).contains(&resting.len()));
    }
}
