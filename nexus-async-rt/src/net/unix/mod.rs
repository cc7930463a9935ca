//! Sockets between processes of one machine.

mod datagram;
mod listener;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod room;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::UnixListener;
pub use stream::{Unix, UnixStream};
