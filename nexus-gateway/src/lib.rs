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
//! | [`feed`] | what is played: a generated session or a file, and when |
//! | [`endpoint`] | where a peer is |
//! | [`arbiter`] | of two copies, the first |
//! | [`book`] | what rests, by stock, side and price |
//! | [`archive`] | the feed on disk, and what of it is known to be there |
//! | [`tally`] | counts by message type |
//! | [`clock`], [`latency`], [`noise`] | time, how long things took, and how long nothing takes |
//! | [`config`] | the command line |
//! | [`world`] | the World: books, counts, and the handler that changes them |
//! | [`pipeline`] | one run: threads, channels and tasks |
//! | [`progress`] | what is shown meanwhile |
//! | [`outcome`], [`report`] | what a run came to, and its tables |
//! | [`program`] | both runs, one after the other |
//! | [`publisher`] | a feed played to others, over the network |
//! | [`receiver`] | a feed received, over the network |
//! | [`race`](mod@race) | the first of two futures |

#![warn(missing_docs)]

pub mod arbiter;
pub mod archive;
pub mod book;
pub mod clock;
pub mod config;
pub mod endpoint;
pub mod feed;
pub mod latency;
pub mod noise;
pub mod outcome;
pub mod pipeline;
pub mod program;
pub mod progress;
pub mod publisher;
pub mod race;
pub mod receiver;
pub mod report;
pub mod tally;
pub mod world;
