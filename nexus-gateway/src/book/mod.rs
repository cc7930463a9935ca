//! The order books: what rests, by stock, side and price.
//!
//! They live in the World as one resource, [`Books`]. Knows events; not lines,
//! sequence numbers or time.
//!
//! - A level exists if and only if an order rests at it, and its shares are
//!   those of its orders.
//! - Nothing that a feed says can make it panic: what cannot be applied is
//!   counted in [`Anomalies`].
//! - A system event `O` begins a new day: order references are unique within
//!   a day, so the books start empty.

mod anomalies;
mod levels;
mod trades;

pub use anomalies::Anomalies;
pub use levels::Level;

use levels::Levels;
use nexus_itch::itch::{Event, Message, Side, Stock};
use nexus_rt::Resource;
use rustc_hash::{FxBuildHasher, FxHashMap};
use trades::{Last, Trades};

/// All books of a day, and every order that rests in them.
#[derive(Debug, Resource)]
pub struct Books {
    orders: FxHashMap<u64, Order>,
    books: Vec<Book>,
    /// For each locate code the index of its book plus one; 0 is none.
    by_locate: Box<[u32]>,
    trades: Trades,
    anomalies: Anomalies,
}

/// One stock's book.
#[derive(Debug)]
pub struct Book {
    stock: Stock,
    bids: Levels,
    offers: Levels,
    volume: u64,
    last: Option<u32>,
    last_trade: Last,
    /// The state of its trading, as the feed says; 0 before it says.
    state: u8,
    halts: u64,
    crossings: Crossings,
}

/// How often a new order made a book locked or crossed while its stock was trading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossings {
    /// Bid and offer became equal.
    pub locked: u64,
    /// The bid came above the offer.
    pub crossed: u64,
}

/// How the best bid and the best offer of a book compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spread {
    /// The bid is lower, or one of them is missing.
    Open,
    /// They are equal.
    Locked,
    /// The bid is higher.
    Crossed,
}

impl Spread {
    fn between(bid: Option<u32>, offer: Option<u32>) -> Self {
        match (bid, offer) {
            (Some(bid), Some(offer)) if bid == offer => Spread::Locked,
            (Some(bid), Some(offer)) if bid > offer => Spread::Crossed,
            _ => Spread::Open,
        }
    }
}

/// An order that rests.
#[derive(Clone, Copy, Debug)]
struct Order {
    book: u32,
    price: u32,
    shares: u32,
    side: Side,
}

impl Book {
    fn new(stock: Stock) -> Self {
        Self {
            stock,
            bids: Levels::new(Side::Buy),
            offers: Levels::new(Side::Sell),
            volume: 0,
            last: None,
            last_trade: Last::default(),
            state: 0,
            halts: 0,
            crossings: Crossings::default(),
        }
    }

    /// An order comes to rest.
    fn add(&mut self, side: Side, price: u32, shares: u32) {
        let before = self.best(side).map(|level| level.price);
        self.side(side).add(price, shares);
        let better = match side {
            Side::Buy => before.is_none_or(|best| price > best),
            Side::Sell => before.is_none_or(|best| price < best),
        };
        // Only a new best price can lock or cross the book.
        if better {
            self.improved(side, before, price);
        }
    }

    fn improved(&mut self, side: Side, before: Option<u32>, price: u32) {
        let other = self.best(side.other()).map(|level| level.price);
        let spread = |ours| match side {
            Side::Buy => Spread::between(ours, other),
            Side::Sell => Spread::between(other, ours),
        };
        let now = spread(Some(price));
        if now > spread(before) && self.is_trading() {
            self.crossings.locked += u64::from(now == Spread::Locked);
            self.crossings.crossed += u64::from(now == Spread::Crossed);
        }
    }

    fn trading(&mut self, state: u8) {
        let was = self.is_halted();
        self.state = state;
        self.halts += u64::from(!was && self.is_halted());
    }

    /// The state of its trading, as the last trading action says: `H` halted, `P` paused,
    /// `Q` quotation only, `T` trading. None before the first.
    pub fn state(&self) -> Option<u8> {
        (self.state != 0).then_some(self.state)
    }

    /// Whether it is halted or paused now.
    pub fn is_halted(&self) -> bool {
        matches!(self.state, b'H' | b'P')
    }

    /// Whether it trades now, as far as the feed says.
    fn is_trading(&self) -> bool {
        matches!(self.state, 0 | b'T')
    }

    /// How often it was halted or paused.
    pub fn halts(&self) -> u64 {
        self.halts
    }

    /// How its best prices compare now.
    pub fn spread(&self) -> Spread {
        let [bid, offer] = [Side::Buy, Side::Sell].map(|side| self.best(side));
        Spread::between(bid.map(|level| level.price), offer.map(|level| level.price))
    }

    /// How often it became locked or crossed while it was trading.
    pub fn crossings(&self) -> Crossings {
        self.crossings
    }

    /// The levels of a side, the best first.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = Level> {
        match side {
            Side::Buy => self.bids.iter(),
            Side::Sell => self.offers.iter(),
        }
    }

    fn side(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        }
    }

    /// The symbol.
    pub fn stock(&self) -> Stock {
        self.stock
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<Level> {
        match side {
            Side::Buy => self.bids.best(),
            Side::Sell => self.offers.best(),
        }
    }

    /// How many levels both sides have.
    pub fn levels(&self) -> usize {
        self.bids.len() + self.offers.len()
    }

    /// Shares traded, displayed or not, in crosses too, without those that were taken
    /// back.
    pub fn volume(&self) -> u64 {
        self.volume
    }

    /// The price of the last trade that was not taken back.
    pub fn last(&self) -> Option<u32> {
        self.last
    }
}

impl Books {
    /// Empty books with room for `orders` resting orders.
    pub fn with_capacity(orders: usize) -> Self {
        Self {
            orders: FxHashMap::with_capacity_and_hasher(orders, FxBuildHasher),
            books: Vec::with_capacity(64),
            by_locate: vec![0; usize::from(u16::MAX) + 1].into_boxed_slice(),
            trades: Trades::default(),
            anomalies: Anomalies::default(),
        }
    }

    /// The books, in the order in which their stocks were first named.
    pub fn iter(&self) -> impl Iterator<Item = &Book> {
        self.books.iter()
    }

    /// How many orders rest.
    pub fn resting(&self) -> usize {
        self.orders.len()
    }

    /// How many trades are remembered, at 24 bytes each.
    pub fn trades(&self) -> usize {
        self.trades.len()
    }

    /// What could not be applied as it stands.
    pub fn anomalies(&self) -> &Anomalies {
        &self.anomalies
    }

    /// Applies one message.
    ///
    /// ```
    /// use nexus_gateway::book::Books;
    /// use nexus_itch::itch::{Event, Message, Side, Stock};
    ///
    /// let mut books = Books::with_capacity(16);
    /// let mut apply = |event| books.apply(&Message { timestamp: 0, locate: 1, event });
    /// apply(Event::Add {
    ///     order: 7,
    ///     side: Side::Buy,
    ///     shares: 300,
    ///     stock: Stock::new("ALPHA"),
    ///     price: 12_3400,
    ///     attribution: None,
    /// });
    /// apply(Event::Execute { order: 7, shares: 100, matched: 1 });
    /// apply(Event::Delete { order: 8 });
    ///
    /// let book = books.iter().next().unwrap();
    /// assert_eq!(book.best(Side::Buy).unwrap().shares, 200);
    /// assert_eq!(books.anomalies().total(), 1);
    /// ```
    pub fn apply(&mut self, message: &Message) {
        let (locate, event) = (message.locate, &message.event);
        match *event {
            Event::Add {
                order,
                side,
                shares,
                stock,
                price,
                ..
            } => {
                let book = self.book(locate, stock);
                let new = Order {
                    book,
                    price,
                    shares,
                    side,
                };
                self.rest(order, new);
            }
            Event::Delete { order } => {
                self.remove(order, event);
            }
            Event::Execute {
                order,
                shares,
                matched,
            }
            | Event::ExecuteAt {
                order,
                shares,
                matched,
                ..
            } => self.execute(order, shares, matched, event),
            Event::Cancel { order, shares } => self.cancel(order, shares, event),
            Event::Replace {
                order,
                by,
                shares,
                price,
            } => {
                if let Some(old) = self.remove(order, event) {
                    self.rest(
                        by,
                        Order {
                            shares,
                            price,
                            ..old
                        },
                    );
                }
            }
            _ => self.apply_other(locate, event),
        }
    }

    /// Applies what does not change an order that rests.
    fn apply_other(&mut self, locate: u16, event: &Event) {
        match *event {
            Event::Trade {
                stock,
                shares,
                price,
                matched,
                ..
            } => {
                let book = self.book(locate, stock);
                self.traded(book, u64::from(shares), price, matched);
            }
            Event::Cross {
                stock,
                shares,
                price,
                matched,
                ..
            } if shares > 0 => {
                let book = self.book(locate, stock);
                self.traded(book, shares, price, matched);
            }
            Event::Broken { matched } => self.take_back(matched),
            Event::Directory { stock, .. } => {
                let book = self.book(locate, stock);
                self.books[book as usize].stock = stock;
            }
            Event::Trading { stock, state } => {
                let book = self.book(locate, stock);
                self.books[book as usize].trading(state);
            }
            Event::System { code: b'O' } => self.clear(),
            Event::Malformed { .. } => self.anomalies.malformed += 1,
            Event::System { .. } | Event::Cross { .. } | Event::Other { .. } => {}
            // `apply` has dealt with them.
            Event::Add { .. }
            | Event::Delete { .. }
            | Event::Execute { .. }
            | Event::ExecuteAt { .. }
            | Event::Cancel { .. }
            | Event::Replace { .. } => {}
        }
    }

    /// Begins a new day.
    fn clear(&mut self) {
        self.orders.clear();
        self.books.clear();
        self.trades.clear();
        self.by_locate.fill(0);
    }

    /// The index of the book with this locate code, made if there is none.
    fn book(&mut self, locate: u16, stock: Stock) -> u32 {
        let slot = &mut self.by_locate[usize::from(locate)];
        if *slot == 0 {
            self.books.push(Book::new(stock));
            *slot = u32::try_from(self.books.len()).expect("there are 65536 locate codes");
        }
        let book = *slot - 1;
        let other = self.books[book as usize].stock != stock;
        self.anomalies.mislocated += u64::from(other || locate == 0);
        book
    }

    /// Counts a trade; one of no shares is none.
    fn traded(&mut self, at: u32, shares: u64, price: u32, matched: u64) {
        if shares == 0 {
            return;
        }
        let book = &mut self.books[at as usize];
        // A feed may name any number of shares: no sum of them may panic.
        book.volume = book.volume.saturating_add(shares);
        book.last = Some(price);
        let trade = (shares, price);
        book.last_trade = self.trades.record(at, book.last_trade, trade, matched);
    }

    /// Takes back what a match number added.
    fn take_back(&mut self, matched: u64) {
        let broken = self.trades.take_back(matched);
        if broken.is_empty() {
            self.anomalies.unbroken += 1;
        }
        for trade in broken {
            let book = &mut self.books[trade.book as usize];
            book.volume = book.volume.saturating_sub(trade.shares);
            (book.last_trade, book.last) = self.trades.last_unbroken(book.last_trade);
        }
    }

    /// Puts an order into its book.
    fn rest(&mut self, order: u64, new: Order) {
        if new.shares == 0 {
            self.anomalies.empty += 1;
            return;
        }
        self.books[new.book as usize].add(new.side, new.price, new.shares);
        if let Some(old) = self.orders.insert(order, new) {
            self.anomalies.duplicate += 1;
            self.leave(old);
        }
    }

    /// Takes an order out, or counts it as unknown.
    fn remove(&mut self, order: u64, event: &Event) -> Option<Order> {
        let removed = self.orders.remove(&order);
        match removed {
            Some(gone) => self.leave(gone),
            None => self.anomalies.unknown(event),
        }
        removed
    }

    fn cancel(&mut self, order: u64, shares: u32, event: &Event) {
        if let Some((_, cancelled)) = self.reduce(order, shares, event) {
            self.anomalies.overcancelled += u64::from(cancelled < shares);
        }
    }

    /// Executes against an order: at its own price, or at the event's.
    fn execute(&mut self, order: u64, shares: u32, matched: u64, event: &Event) {
        let Some((before, filled)) = self.reduce(order, shares, event) else {
            return;
        };
        self.anomalies.overfilled += u64::from(filled < shares);
        let price = match *event {
            Event::ExecuteAt {
                printable: false, ..
            } => return,
            Event::ExecuteAt { price, .. } => price,
            _ => before.price,
        };
        self.traded(before.book, u64::from(filled), price, matched);
    }

    /// Takes an order that is no longer in the map out of its book.
    fn leave(&mut self, gone: Order) {
        self.books[gone.book as usize]
            .side(gone.side)
            .reduce(gone.price, gone.shares, true);
    }

    /// Makes an order smaller by `shares`, or takes it out if that is all it
    /// has. Returns the order as it was, and by how much it became smaller.
    fn reduce(&mut self, order: u64, shares: u32, event: &Event) -> Option<(Order, u32)> {
        let Some(resting) = self.orders.get_mut(&order) else {
            self.anomalies.unknown(event);
            return None;
        };
        let before = *resting;
        let reduced = shares.min(before.shares);
        let gone = reduced == before.shares;
        resting.shares -= reduced;
        if gone {
            self.orders.remove(&order);
        }
        self.books[before.book as usize]
            .side(before.side)
            .reduce(before.price, reduced, gone);
        Some((before, reduced))
    }
}

#[cfg(test)]
mod tests;
