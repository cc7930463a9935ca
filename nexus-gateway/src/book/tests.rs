use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const STOCK: Stock = Stock(*b"ALPHA   ");

fn add(order: u64, side: Side, shares: u32, price: u32) -> Event {
    Event::Add {
        order,
        side,
        shares,
        stock: STOCK,
        price,
        attribution: None,
    }
}

fn books(events: &[Event]) -> Books {
    let mut books = Books::with_capacity(16);
    for &event in events {
        books.apply(&Message {
            timestamp: 0,
            locate: 1,
            event,
        });
    }
    books
}

fn top(books: &Books, side: Side) -> Option<(u32, u64, u32)> {
    let best = books.iter().next()?.best(side)?;
    Some((best.price, best.shares, best.orders))
}

#[test]
fn the_best_price_is_the_highest_bid_and_the_lowest_offer() {
    let books = books(&[
        add(1, Side::Buy, 10, 100),
        add(2, Side::Buy, 20, 102),
        add(3, Side::Buy, 30, 102),
        add(4, Side::Buy, 40, 101),
        add(5, Side::Sell, 50, 105),
        add(6, Side::Sell, 60, 104),
        add(7, Side::Sell, 70, 106),
    ]);
    assert_eq!(top(&books, Side::Buy), Some((102, 50, 2)));
    assert_eq!(top(&books, Side::Sell), Some((104, 60, 1)));
    let book = books.iter().next().unwrap();
    assert_eq!((book.levels(), books.resting()), (6, 7));
}

#[test]
fn executions_count_in_the_volume_unless_not_printable() {
    let at = |printable| Event::ExecuteAt {
        order: 1,
        shares: 5,
        matched: 1,
        printable,
        price: 99,
    };
    let execute = Event::Execute {
        order: 1,
        shares: 10,
        matched: 1,
    };
    let trade = Event::Trade {
        order: 0,
        side: Side::Buy,
        shares: 7,
        stock: STOCK,
        price: 98,
        matched: 2,
    };
    let resting = add(1, Side::Buy, 100, 97);
    let result = |events: &[Event]| {
        let books = books(events);
        let book = books.iter().next().unwrap();
        let rest = book.best(Side::Buy).unwrap().shares;
        (book.volume(), book.last(), rest)
    };
    assert_eq!(result(&[resting, execute]), (10, Some(97), 90));
    assert_eq!(result(&[resting, at(true)]), (5, Some(99), 95));
    assert_eq!(result(&[resting, at(false)]), (0, None, 95));
    assert_eq!(result(&[resting, trade]), (7, Some(98), 100));
}

#[test]
fn what_cannot_be_applied_is_counted_by_type() {
    let (order, shares) = (9, 1);
    let unknown = books(&[
        Event::Execute {
            order,
            shares,
            matched: 0,
        },
        Event::ExecuteAt {
            order,
            shares,
            matched: 0,
            printable: true,
            price: 1,
        },
        Event::Cancel { order, shares },
        Event::Delete { order },
        Event::Replace {
            order,
            by: 10,
            shares,
            price: 1,
        },
    ]);
    assert_eq!(unknown.anomalies().unknown, [1; 5]);
    assert_eq!(unknown.resting(), 0);

    let odd = books(&[
        add(1, Side::Buy, 10, 100),
        add(1, Side::Sell, 20, 110),
        add(2, Side::Buy, 0, 100),
        Event::Execute {
            order: 1,
            shares: 21,
            matched: 0,
        },
        add(3, Side::Buy, 10, 100),
        Event::Cancel {
            order: 3,
            shares: 11,
        },
        Event::Malformed { kind: b'A' },
    ]);
    let expected = Anomalies {
        duplicate: 1,
        empty: 1,
        overfilled: 1,
        overcancelled: 1,
        malformed: 1,
        ..Anomalies::default()
    };
    assert_eq!(*odd.anomalies(), expected);
    assert_eq!(odd.anomalies().total(), 5);
    assert_eq!((odd.resting(), top(&odd, Side::Buy)), (0, None));
    assert_eq!(odd.iter().next().unwrap().volume(), 20);
}

#[test]
fn a_new_day_starts_with_empty_books() {
    let books = books(&[
        add(1, Side::Buy, 10, 100),
        Event::System { code: b'O' },
        Event::Directory {
            stock: Stock::new("BRAVO"),
            round_lot: 100,
        },
        Event::Delete { order: 1 },
    ]);
    assert_eq!(books.resting(), 0);
    assert_eq!(books.anomalies().total(), 1);
    let stocks: Vec<_> = books.iter().map(|b| b.stock().to_string()).collect();
    assert_eq!(stocks, ["BRAVO"]);
}

fn execute(order: u64, shares: u32, matched: u64) -> Event {
    Event::Execute {
        order,
        shares,
        matched,
    }
}

fn cross(shares: u64, price: u32, matched: u64) -> Event {
    Event::Cross {
        stock: STOCK,
        shares,
        price,
        matched,
        cross: b'O',
    }
}

fn trade(shares: u32, price: u32, matched: u64) -> Event {
    Event::Trade {
        order: 0,
        side: Side::Buy,
        shares,
        stock: STOCK,
        price,
        matched,
    }
}

fn broken(matched: u64) -> Event {
    Event::Broken { matched }
}

fn traded(books: &Books) -> (u64, Option<u32>) {
    let book = books.iter().next().unwrap();
    (book.volume(), book.last())
}

#[test]
fn crosses_count_and_broken_trades_do_not() {
    let day = [
        add(1, Side::Buy, 1_000, 10_000),
        execute(1, 100, 11),
        cross(5_000, 10_050, 12),
        trade(200, 10_020, 13),
        broken(13),
    ];
    assert_eq!(traded(&books(&day)), (5_100, Some(10_050)));
    // Whatever it was, and in whatever order, it is taken off exactly.
    let and = |more: &[Event]| traded(&books(&[&day[..], more].concat()));
    assert_eq!(and(&[broken(12)]), (100, Some(10_000)));
    assert_eq!(and(&[broken(11)]), (5_000, Some(10_050)));
    assert_eq!(and(&[broken(11), broken(12)]), (0, None));
    assert_eq!(and(&[broken(12), trade(7, 9, 14)]), (107, Some(9)));
}

#[test]
fn a_break_of_what_does_not_count_changes_nothing_and_is_counted() {
    let at = |printable, matched| Event::ExecuteAt {
        order: 1,
        shares: 100,
        matched,
        printable,
        price: 10_010,
    };
    let books = books(&[
        add(1, Side::Buy, 1_000, 10_000),
        at(false, 21),
        cross(300, 10_050, 22),
        at(true, 23),
        broken(21),
        broken(99),
        broken(23),
        broken(23),
    ]);
    assert_eq!(traded(&books), (300, Some(10_050)));
    assert_eq!((books.anomalies().unbroken, books.trades()), (3, 2));
}

#[test]
fn a_cross_of_nothing_changes_nothing_and_a_large_one_is_whole() {
    let large = u64::from(u32::MAX) + 7;
    let nothing = books(&[trade(5, 3, 1), cross(0, 10_050, 2), execute(9, 0, 3)]);
    assert_eq!(traded(&nothing), (5, Some(3)));
    let whole = books(&[cross(large, 8, 1), cross(u64::MAX, 9, 2)]);
    assert_eq!(traded(&whole).0, u64::MAX, "no sum panics");
    let less = books(&[trade(5, 3, 1), cross(large, 8, 2), broken(2)]);
    assert_eq!(traded(&less), (5, Some(3)));
}

#[test]
fn a_new_day_has_match_numbers_of_its_own() {
    let books = books(&[trade(5, 3, 1), Event::System { code: b'O' }, broken(1)]);
    assert_eq!((books.trades(), books.anomalies().unbroken), (0, 1));
}

#[test]
fn stocks_that_contradict_their_locate_are_counted() {
    let mut books = Books::with_capacity(4);
    let directory = |stock| Event::Directory {
        stock: Stock::new(stock),
        round_lot: 100,
    };
    for (locate, event) in [
        (1, directory("ALPHA")),
        (1, add(1, Side::Buy, 1, 1)),
        (1, directory("BRAVO")),
        (2, directory("CHARLIE")),
        (0, add(2, Side::Buy, 1, 1)),
        (2, trade(1, 1, 1)),
    ] {
        let timestamp = 0;
        books.apply(&Message {
            timestamp,
            locate,
            event,
        });
    }
    assert_eq!(books.anomalies().mislocated, 3);
}

/// The levels of a side, best first, added up from the orders.
fn expected(books: &Books, of: u32, side: Side) -> Vec<Level> {
    let mut levels = BTreeMap::<u32, Level>::new();
    let of_book = |order: &&Order| order.book == of && order.side == side;
    for order in books.orders.values().filter(of_book) {
        let level = levels.entry(order.price).or_insert(Level {
            price: order.price,
            orders: 0,
            shares: 0,
        });
        level.orders += 1;
        level.shares += u64::from(order.shares);
    }
    match side {
        Side::Buy => levels.into_values().rev().collect(),
        Side::Sell => levels.into_values().collect(),
    }
}

fn event() -> impl Strategy<Value = Event> {
    (0..12_u64, 0..12_u64, 0..4_u32, 0..5_u32, 0..9).prop_map(
        |(order, by, shares, price, which)| match which {
            0 | 1 => add(order, Side::Buy, shares, price),
            2 | 3 => add(order, Side::Sell, shares, price),
            4 => Event::Execute {
                order,
                shares,
                matched: 0,
            },
            5 => Event::Cancel { order, shares },
            6 => Event::Delete { order },
            7 => Event::Replace {
                order,
                by,
                shares,
                price,
            },
            _ => Event::ExecuteAt {
                order,
                shares,
                matched: 0,
                printable: by > 5,
                price,
            },
        },
    )
}

proptest! {
    #![proptest_config(nexus_testkit::property::config(256))]

    #[test]
    fn levels_are_the_sum_of_their_orders(
        events in proptest::collection::vec((1..4_u16, event()), 0..200),
    ) {
        let mut books = Books::with_capacity(4);
        for (locate, event) in events {
            books.apply(&Message { timestamp: 0, locate, event });
            for (i, book) in books.books.iter().enumerate() {
                let i = i as u32;
                prop_assert_eq!(book.bids.best_first(), expected(&books, i, Side::Buy));
                prop_assert_eq!(book.offers.best_first(), expected(&books, i, Side::Sell));
            }
            prop_assert!(books.orders.values().all(|order| order.shares > 0));
        }
    }

    #[test]
    fn a_deep_book_is_the_sum_of_its_orders(
        orders in proptest::collection::vec((0..400_u32, 0..4_u32), 0..1200),
        side in prop_oneof![Just(Side::Buy), Just(Side::Sell)],
    ) {
        let mut levels = levels::Levels::new(side);
        let mut model = BTreeMap::<u32, Level>::new();
        for (price, which) in orders {
            let resting = model.get(&price).copied();
            match (which, resting) {
                (0, Some(level)) if level.orders == 1 => {
                    levels.reduce(price, level.shares as u32, true);
                    model.remove(&price);
                }
                (0 | 1, Some(level)) if level.shares > 1 => {
                    levels.reduce(price, 1, false);
                    model.entry(price).and_modify(|level| level.shares -= 1);
                }
                _ => {
                    levels.add(price, 10);
                    let level = model.entry(price).or_insert(Level { price, orders: 0, shares: 0 });
                    level.orders += 1;
                    level.shares += 10;
                }
            }
            let best = match side {
                Side::Buy => model.values().next_back(),
                Side::Sell => model.values().next(),
            };
            prop_assert_eq!(levels.best(), best.copied());
            prop_assert_eq!(levels.len(), model.len());
        }
        let expected: Vec<_> = match side {
            Side::Buy => model.into_values().rev().collect(),
            Side::Sell => model.into_values().collect(),
        };
        prop_assert_eq!(levels.best_first(), expected);
    }
}

/// The one book.
fn book(books: &Books) -> &Book {
    books.iter().next().unwrap()
}

#[test]
fn a_new_best_price_that_meets_the_other_side_counts_once() {
    let crossed = |more: &[Event]| {
        let mut events = vec![add(1, Side::Buy, 10, 100), add(2, Side::Sell, 10, 102)];
        events.extend_from_slice(more);
        let books = books(&events);
        let Crossings { locked, crossed } = book(&books).crossings();
        (locked, crossed, book(&books).spread())
    };
    assert_eq!(crossed(&[]), (0, 0, Spread::Open));
    assert_eq!(
        crossed(&[add(3, Side::Buy, 1, 102)]),
        (1, 0, Spread::Locked)
    );
    assert_eq!(
        crossed(&[add(3, Side::Sell, 1, 99)]),
        (0, 1, Spread::Crossed)
    );
    // Deeper into the other side, behind the best, and one that takes the cross back.
    let deeper = [add(3, Side::Buy, 1, 103), add(4, Side::Buy, 1, 104)];
    assert_eq!(crossed(&deeper), (0, 1, Spread::Crossed));
    let behind = [add(3, Side::Buy, 1, 102), add(4, Side::Buy, 1, 101)];
    assert_eq!(crossed(&behind), (1, 0, Spread::Locked));
    let locked_then_crossed = [add(3, Side::Buy, 1, 102), add(4, Side::Buy, 1, 103)];
    assert_eq!(crossed(&locked_then_crossed), (1, 1, Spread::Crossed));
    let gone = [add(3, Side::Buy, 1, 103), Event::Delete { order: 3 }];
    assert_eq!(crossed(&gone), (0, 1, Spread::Open));
    // What is halted or quoted only may cross.
    for state in *b"HPQ" {
        let stock = STOCK;
        let halted = [Event::Trading { stock, state }, add(3, Side::Buy, 1, 103)];
        assert_eq!(crossed(&halted), (0, 0, Spread::Crossed));
    }
}

#[test]
fn halts_are_counted_when_they_begin() {
    let states = |states: &[u8]| {
        let stock = STOCK;
        let each = states.iter().map(|&state| Event::Trading { stock, state });
        let books = books(&each.collect::<Vec<_>>());
        let book = book(&books);
        (book.state(), book.is_halted(), book.halts())
    };
    assert_eq!(states(b"T"), (Some(b'T'), false, 0));
    assert_eq!(states(b"TH"), (Some(b'H'), true, 1));
    assert_eq!(states(b"HPHQT"), (Some(b'T'), false, 1));
    assert_eq!(states(b"HTP"), (Some(b'P'), true, 2));
    assert_eq!(book(&books(&[add(1, Side::Buy, 1, 1)])).state(), None);
}

#[test]
fn the_depth_of_a_side_begins_with_its_best_level() {
    let prices = [100, 300, 200, 250];
    let buys = (1..)
        .zip(prices)
        .map(|(order, price)| add(order, Side::Buy, 5, price));
    let many = (10..500).map(|order| add(order, Side::Sell, 5, 1_000 + order as u32));
    let books = books(&buys.chain(many).collect::<Vec<_>>());
    let depth = |side| {
        book(&books)
            .depth(side)
            .map(|level| level.price)
            .collect::<Vec<_>>()
    };
    assert_eq!(depth(Side::Buy), [300, 250, 200, 100]);
    assert_eq!(depth(Side::Sell), (1_010..1_500).collect::<Vec<_>>());
}
