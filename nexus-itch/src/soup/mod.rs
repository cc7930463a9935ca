//! SoupBinTCP 3.00: a session of numbered messages over one TCP connection.
//!
//! Knows bytes and moments; no socket, no feed, no file.
//!
//! - A packet is a big-endian `u16` length, a type byte, and the rest of the
//!   length. Text is ASCII, padded with spaces; so are numbers.
//! - The client logs in with the sequence number that it wants next; the
//!   server accepts with the number that comes next, and sends each message in
//!   order. Numbers are not sent: both sides count.
//! - A client that was cut off logs in again with the number that it then
//!   wants: nothing is lost, nothing comes twice.
//! - Each side sends a heartbeat when it has sent nothing for a second, and
//!   gives up a peer that was silent for fifteen ([`Rhythm`]).
//!
//! | type | packet | from | bytes behind the type |
//! |---|---|---|---|
//! | `L` | login | client | user 6, password 10, session 10, sequence 20 |
//! | `A` | accepted | server | session 10, sequence 20 |
//! | `J` | rejected | server | `A` not authorized, `S` no such session |
//! | `S` | sequenced data | server | one message, of any bytes; it may be empty |
//! | `H`, `R` | heartbeat | server, client | |
//! | `Z` | end of session | server | |
//! | `O` | logout | client | |
//! | `+`, `U` | debug, unsequenced data | both | anything; passed over |
//!
//! [`Rhythm`]: crate::heartbeat::Rhythm

mod client;
mod packet;
mod server;
mod splitter;

pub use client::{Client, ClientFault, Taken};
pub use packet::{
    Login, MAX_MESSAGE_LEN, MAX_PACKET_LEN, PASSWORD_LEN, Packet, Password, Rejection, SoupFault,
    USER_LEN, User,
};
pub use server::{Door, Server, ServerFault};
pub use splitter::{SoupError, Splitter};
