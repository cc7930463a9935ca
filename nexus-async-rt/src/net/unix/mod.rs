//! Sockets between processes of one machine.

mod datagram;
mod listener;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::UnixListener;
pub use stream::{Unix, UnixStream};
