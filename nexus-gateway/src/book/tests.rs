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
}
