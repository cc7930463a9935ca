//! Sockets.

mod async_fd;
mod faults;
mod hostile;
mod options;
mod shutdown;
mod stress;
pub mod tcp;
mod udp;
#[cfg(target_os = "linux")]
mod udp_batch;
pub mod unix;
mod unix_send_to;
mod whole;
