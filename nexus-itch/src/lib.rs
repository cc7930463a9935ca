//! NASDAQ TotalView-ITCH 5.0, and the three protocols that carry it, as values and
//! state machines.
//!
//! There is no runtime here, no socket and no clock. Bytes and moments come in as
//! arguments; bytes and deadlines go out. So every truncation, every loss and every
//! time-out can be tested as a value.
//!
//! | module | what it is |
//! |---|---|
//! | [`itch`] | messages: the fields of each type, decoded and encoded |
//! | [`binary_file`] | BinaryFILE: messages in a file |
//! | [`soup`] | SoupBinTCP 3.00: a login, then messages in order, over TCP |
//! | [`mold`] | MoldUDP64 1.00: numbered packets over UDP, and requests for those lost |
//! | [`sequencer`] | numbered messages in order, from any number of lines |
//! | [`session`] | the name of a session, as both protocols carry it |
//! | [`heartbeat`] | heartbeats sent in time, and a peer that is silent |
//! | [`foreign`] | text of others, escaped |
//! | [`preview`] | the first bytes of what could not be understood |

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod binary_file;
pub mod foreign;
pub mod heartbeat;
pub mod itch;
pub mod mold;
pub mod preview;
pub mod sequencer;
pub mod session;
pub mod soup;
