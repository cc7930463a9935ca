//! The two protocols that a feed travels by, without a socket or a clock.
//!
//! Bytes and moments come in as arguments, bytes and deadlines go out: so that
//! every truncation, every loss and every timeout can be tested as a value.
//! The tasks that move the bytes are in [`publisher`](crate::publisher) and in
//! [`receiver`](crate::receiver).
//!
//! | module | concept |
//! |---|---|
//! | [`soup`] | SoupBinTCP: a login, then messages in order, over TCP |
//! | [`mold`] | MoldUDP64: numbered packets over UDP, and asking again for those lost |
//! | [`session`] | the name of a session, as both protocols carry it |
//! | [`vigil`] | heartbeats sent in time, and a peer that is silent |
//! | [`endpoint`] | where a peer is |
//! | [`excerpt`] | the first bytes of what could not be understood |

pub mod endpoint;
pub mod excerpt;
pub mod mold;
pub mod session;
pub mod soup;
pub mod vigil;
