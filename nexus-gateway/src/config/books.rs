//! Which books are shown, and how deep.

use super::at_most;
use clap::Args;
use nexus_itch::itch::Stock;

/// Levels of a side that are shown at most.
const DEEPEST: u64 = 1_000;

/// What is shown of the books.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct BooksConfig {
    /// Show this stock; may be given several times [default: the first 20 of the
    /// feed, and with --json all]
    #[arg(long = "stock", help_heading = "Books", value_name = "SYMBOL", value_parser = symbol, conflicts_with = "all_stocks")]
    pub stocks: Vec<Stock>,

    /// Show all stocks
    #[arg(long, help_heading = "Books")]
    pub all_stocks: bool,

    /// Show so many price levels of each side, up to 1,000, of the stocks that are shown
    #[arg(long, help_heading = "Books", value_name = "N", value_parser = at_most(1, DEEPEST))]
    pub depth: Option<u64>,
}

fn symbol(text: &str) -> Result<Stock, String> {
    let fits = (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    match fits {
        true => Ok(Stock::new(text)),
        false => Err("a symbol has 1 to 8 printable characters".to_string()),
    }
}
