//! MoldUDP64 1.00: numbered packets over UDP, and asking again for what was
//! lost.
//!
//! Knows bytes and moments; no socket, no feed, no file.
//!
//! - A packet is a header of 20 bytes (session 10, sequence `u64`, count `u16`,
//!   big-endian) and so many messages, each behind a `u16` of its length. The
//!   header's number is that of the first message.
//! - Count 0 is a heartbeat, count 0xFFFF the end of the session; both carry
//!   the number that comes next.
//! - A request has the same 20 bytes and no message: the session, the first
//!   message wanted and how many. Its answer is a packet like any other, with
//!   as many of them as fit.
//! - The receiver holds what comes early in a [window](crate::sequencer), passes over what it has,
//!   and asks for what is missing once every line has passed it. It makes a few requests at a time, each
//!   repeated until the first of its messages has come. Nothing is ever given
//!   up; what lies beyond the window is passed over and asked for later.

mod client;
mod lines;
mod packet;
mod requests;

pub use client::{Client, ClientFault, Counts, Origin};
pub use lines::LineChange;
pub use packet::{
    Body, Builder, HEADER_LEN, MAX_DATAGRAM_LEN, MAX_MESSAGE_LEN, Messages, MoldError, MoldFault,
    Packet, Request,
};
pub use requests::{Patience, Unanswered};

#[cfg(test)]
mod tests;
