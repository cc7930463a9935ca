//! A market-data gateway on `nexus-async-rt`: it takes an ITCH 5.0 feed over
//! two redundant lines, over TCP or over UDP, keeps order books, and archives
//! every message. It also plays one to others.
//!
//! The program is `nexus-gateway`; this library is its parts, so that tests
//! reach them one by one.
//!
//! Messages and the protocols that carry them are in [`nexus_itch`].
//!
//! | module | concept |
//! |---|---|
//! | [`input`] | inputs as they come: packed, captured, from a pipe |
//! | [`feed`] | what is played: a generated session or a file, and when |
//! | [`endpoint`] | where a peer is |
//! | [`book`] | what rests, by stock, side and price |
//! | [`archive`] | the feed on disk, and what of it is known to be there |
//! | [`tally`] | counts by message type |
//! | [`clock`], [`latency`], [`noise`] | time, how long things took, and how long nothing takes |
//! | [`config`] | the command line |
//! | [`world`] | the World: books, counts, and the handler that changes them |
//! | `service` | what a service manager is told |
//! | `sink`, `archiver` | where messages go: into the books and to the archive's thread |
//! | [`progress`], [`logging`] | what is shown and said meanwhile |
//! | [`outcome`], [`report`] | what a run came to, and its tables |
//! | [`replay`] | a feed played through the gateway itself |
//! | [`publish`] | a feed played to others, over the network |
//! | [`receive`] | a feed received, over the network |
//! | [`verify`] | what of archives is sure |
//! | [`exit`] | exit codes |
//! | [`race`](mod@race) | the first of two futures |
//! | [`stop`] | signals that end a replay in order |

#![warn(missing_docs)]

pub mod archive;
mod archiver;
pub mod book;
pub mod clock;
pub mod config;
pub mod endpoint;
pub mod exit;
pub mod feed;
pub mod input;
pub mod latency;
pub mod logging;
pub mod noise;
pub mod outcome;
pub mod progress;
pub mod publish;
pub mod race;
pub mod receive;
pub mod replay;
pub mod report;
mod service;
mod sink;
pub mod stop;
pub mod tally;
pub mod verify;
pub mod world;
