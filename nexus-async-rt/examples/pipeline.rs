//! A pipeline on one thread: three tasks, joined by two `local` channels.
//!
//! A stage owns the ends that point at it. When the first one returns, its
//! sender goes with it; the next takes what is left, returns, and so on down
//! the line. Nobody has to say that the feed is over.

use nexus_async_rt::channel::local;
use nexus_async_rt::{Runtime, spawn_boxed};
use nexus_rt::WorldBuilder;

const FEED: &str = "ALC 1000 1004\nBOB 250 251\nnoise\nALC 1001 1009\nBOB 249 252";

/// Best prices in cents.
struct Quote {
    symbol: &'static str,
    bid: u32,
    ask: u32,
}

fn parse(line: &'static str) -> Option<Quote> {
    let mut words = line.split(' ');
    Some(Quote {
        symbol: words.next()?,
        bid: words.next()?.parse().ok()?,
        ask: words.next()?.parse().ok()?,
    })
}

pub fn main() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    rt.block_on(async {
        // Small on purpose: the stages take turns instead of running ahead.
        let (line_tx, line_rx) = local::channel(2);
        let (quote_tx, quote_rx) = local::channel(2);

        let reader = spawn_boxed(async move {
            for line in FEED.lines() {
                line_tx.send(line).await.expect("the parser is there");
            }
        });
        let parser = spawn_boxed(async move {
            let mut refused = 0;
            while let Ok(line) = line_rx.recv().await {
                match parse(line) {
                    Some(quote) => quote_tx.send(quote).await.expect("the last stage is there"),
                    None => refused += 1,
                }
            }
            refused
        });
        let widest = spawn_boxed(async move {
            let mut widest = ("", 0);
            while let Ok(Quote { symbol, bid, ask }) = quote_rx.recv().await {
                if ask - bid > widest.1 {
                    widest = (symbol, ask - bid);
                }
            }
            widest
        });

        reader.await;
        assert_eq!(parser.await, 1, "one line is no quote");
        let (symbol, spread) = widest.await;
        assert_eq!((symbol, spread), ("ALC", 8));
        println!("widest spread: {symbol}, {spread} cents");
    });
}
