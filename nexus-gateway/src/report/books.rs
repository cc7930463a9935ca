//! The books, for people.

use super::{Table, count, price};
use crate::book::{Anomalies, Book, Books, Level, Spread};
use crate::config::BooksConfig;
use crate::outcome::Coverage;
use nexus_itch::itch::Side;
use std::fmt::Write;

/// Books shown where none is named; a whole market has thousands.
const MOST_BOOKS: usize = 20;

/// Stocks named in a list.
const MOST_NAMED: usize = 8;

/// The top of the books that `shown` selects, their levels if it asks for them, and what is
/// unusual about all of them.
pub fn books(books: &Books, shown: &BooksConfig, of: Coverage) -> String {
    let mut table = Table::new(
        1,
        &[
            "stock", "shares", "bid", "offer", "shares", "levels", "traded", "last",
        ],
    );
    let selected = selected(books, shown);
    for book in &selected {
        table.row(top(book));
    }
    let mut text = match of.is_complete() {
        true => format!("Top of book\n{table}"),
        false => format!("Top of book, INCOMPLETE: {}\n{table}", incomplete(of)),
    };
    let more = books.iter().count() - selected.len();
    if more > 0 && shown.stocks.is_empty() {
        let _ = writeln!(text, "  and {} stocks more", count(more as u64));
    }
    for stock in &shown.stocks {
        if !books.iter().any(|book| book.stock() == *stock) {
            let _ = writeln!(text, "  {stock} is not in the feed");
        }
    }
    let (resting, trades) = (books.resting() as u64, books.trades() as u64);
    let _ = writeln!(
        text,
        "  {} orders rest, {} trades are remembered",
        count(resting),
        count(trades)
    );
    text.push_str(&states(books));
    text.push_str(&anomalies(books.anomalies()));
    if let Some(levels) = shown.depth {
        for book in selected {
            text.push_str(&depth(book, levels as usize));
        }
    }
    text
}

/// What is missing.
fn incomplete(of: Coverage) -> String {
    let first = format!("messages before {} did not come", count(of.first));
    let missing = format!("{} messages are missing", count(of.missing));
    match (of.first > 1, of.missing > 0) {
        (true, true) => format!("{first},\n  {missing}"),
        (true, false) => first,
        (false, _) => missing,
    }
}

/// The books that are shown.
fn selected<'a>(books: &'a Books, shown: &BooksConfig) -> Vec<&'a Book> {
    let all = books.iter();
    match (shown.all_stocks, shown.stocks.is_empty()) {
        (true, _) => all.collect(),
        (false, true) => all.take(MOST_BOOKS).collect(),
        (false, false) => all
            .filter(|book| shown.stocks.contains(&book.stock()))
            .collect(),
    }
}

fn top(book: &Book) -> Vec<String> {
    let none = || "-".to_string();
    let side = |best: Option<Level>| match best {
        Some(level) => (count(level.shares), price(level.price)),
        None => (none(), none()),
    };
    let (bid_shares, bid) = side(book.best(Side::Buy));
    let (offer_shares, offer) = side(book.best(Side::Sell));
    vec![
        book.stock().to_string(),
        bid_shares,
        bid,
        offer,
        offer_shares,
        count(book.levels() as u64),
        count(book.volume()),
        book.last().map_or_else(none, price),
    ]
}

/// How often trading was halted, and which books are locked or crossed.
fn states(books: &Books) -> String {
    let mut text = String::new();
    let halts: u64 = books.iter().map(Book::halts).sum();
    let now = |what: fn(&Book) -> bool| named(books.iter().filter(|book| what(book)));
    if halts > 0 {
        let halted = now(Book::is_halted);
        let _ = writeln!(
            text,
            "  trading was halted {} times; halted now: {halted}",
            count(halts)
        );
    }
    let locked: u64 = books.iter().map(|book| book.crossings().locked).sum();
    let crossed: u64 = books.iter().map(|book| book.crossings().crossed).sum();
    for (n, spread, what) in [
        (locked, Spread::Locked, "locked"),
        (crossed, Spread::Crossed, "crossed"),
    ] {
        let those = books.iter().filter(|book| book.spread() == spread);
        let those = named(those);
        if n > 0 || those != "none" {
            let _ = writeln!(
                text,
                "  books became {what} {} times; {what} now: {those}",
                count(n)
            );
        }
    }
    text
}

/// The first of some stocks, and how many more.
fn named<'a>(books: impl Iterator<Item = &'a Book>) -> String {
    let stocks: Vec<_> = books.map(|book| book.stock().to_string()).collect();
    let first = stocks[..stocks.len().min(MOST_NAMED)].join(", ");
    match stocks.len() {
        0 => "none".to_string(),
        1..=MOST_NAMED => first,
        all => format!("{first} and {} more", all - MOST_NAMED),
    }
}

/// The best levels of a book, side by side.
fn depth(book: &Book, levels: usize) -> String {
    let mut table = Table::new(0, &["orders", "shares", "bid", "offer", "shares", "orders"]);
    let mut bids = book.depth(Side::Buy).take(levels);
    let mut offers = book.depth(Side::Sell).take(levels);
    loop {
        let (bid, offer) = (bids.next(), offers.next());
        if bid.is_none() && offer.is_none() {
            return format!("\nDepth of {}\n{table}", book.stock());
        }
        let [mut cells, right] = [bid, offer].map(|level| {
            level.map_or_else(
                || vec!["-".to_string(); 3],
                |level| {
                    vec![
                        count(level.orders.into()),
                        count(level.shares),
                        price(level.price),
                    ]
                },
            )
        });
        cells.extend(right.into_iter().rev());
        table.row(cells);
    }
}

fn anomalies(seen: &Anomalies) -> String {
    let mut parts = Vec::new();
    for (kind, n) in Anomalies::UNKNOWN_KINDS.iter().zip(seen.unknown) {
        if n > 0 {
            parts.push(format!("{} {}", char::from(*kind), count(n)));
        }
    }
    let unknown: u64 = seen.unknown.iter().sum();
    let by_kind = match parts.is_empty() {
        true => String::new(),
        false => format!(" ({})", parts.join(", ")),
    };
    let mut text = format!(
        "  {} messages named an unknown order{by_kind}\n",
        count(unknown)
    );
    for (n, what) in [
        (
            seen.duplicate,
            "orders reused a reference that still rested",
        ),
        (seen.empty, "orders had no shares"),
        (seen.overfilled, "executions exceeded their order"),
        (seen.overcancelled, "cancels exceeded their order"),
        (seen.malformed, "orders or trades were on neither side"),
        (seen.unbroken, "broken trades were none that count"),
        (seen.mislocated, "stocks had the locate of another, or 0"),
    ] {
        if n > 0 {
            let _ = writeln!(text, "  {} {what}", count(n));
        }
    }
    text
}
