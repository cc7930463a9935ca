//! From a host's name to its addresses.
//!
//! The OS only offers a call that blocks, for seconds if a server does not
//! answer. So it is made on a thread of its own, which ends with its answer.

use crate::runtime::try_hold_clock;
use crate::sync::Mutex;
use crate::timer::ClockHold;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

/// Asks the OS for the addresses of `host`, each with `port`, in its order.
/// Works on any executor. An IP address is its own answer.
///
/// A [paused](crate::time::pause()) clock of the runtime is held until the answer is there, or
/// nothing waits for it any more.
///
/// # Errors
/// If `host` has no address, or no thread can be started: the message names the
/// host.
///
/// # Cancel safety
/// Dropping the future gives the answer up; the thread ends when the OS has
/// answered.
///
/// # Cost
/// A thread and some allocations, unless `host` is an IP address.
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::net::resolve;
///
/// let mut rt = RuntimeBuilder::new().build();
/// let addrs = rt.block_on(resolve("127.0.0.1", 80))?;
/// assert_eq!(addrs, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let asked = Asked(Arc::default());
    let answer = asked.0.clone();
    let name = host.to_owned();
    thread::Builder::new()
        .name("resolve".into())
        .spawn(move || answer.give(ask(&name, port)))
        .map_err(|error| failed(host, &error))?;
    poll_fn(|cx| asked.0.poll(cx)).await
}

fn ask(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addrs: Vec<_> = (host, port)
        .to_socket_addrs()
        .map_err(|error| failed(host, &error))?
        .collect();
    if addrs.is_empty() {
        let message = format!("`{host}` has no address");
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    Ok(addrs)
}

fn failed(host: &str, error: &dyn fmt::Display) -> io::Error {
    io::Error::other(format!("`{host}` cannot be resolved: {error}"))
}

/// What the thread and the future share.
#[derive(Debug, Default)]
struct Answer(Mutex<Slot>);

#[derive(Debug, Default)]
struct Slot {
    addrs: Option<io::Result<Vec<SocketAddr>>>,
    waker: Option<Waker>,
    /// Of the runtime that the future was polled in last, while the thread works.
    hold: Option<ClockHold>,
}

/// The future's part. Dropped, it waits no more.
struct Asked(Arc<Answer>);

impl Drop for Asked {
    fn drop(&mut self) {
        let unused = self.0.0.with(|slot| (slot.waker.take(), slot.hold.take()));
        drop(unused);
    }
}

impl Answer {
    fn give(&self, addrs: io::Result<Vec<SocketAddr>>) {
        let waker = self.0.with(|slot| {
            slot.addrs = Some(addrs);
            slot.waker.take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
        // The clock may move once the answer has been handed over. The hold lies
        // in its slot until it has ended: a future that is dropped meanwhile finds
        // it there and ends it, instead of one that this thread is about to end.
        self.0.with(|slot| slot.hold = None);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<io::Result<Vec<SocketAddr>>> {
        // Foreign code: before the lock, and after it.
        let waker = cx.waker().clone();
        let hold = try_hold_clock();
        let (addrs, unused) = self.0.with(|slot| {
            let addrs = slot.addrs.take();
            if addrs.is_some() {
                return (addrs, (Some(waker), hold));
            }
            let waker = slot.waker.replace(waker);
            (None, (waker, std::mem::replace(&mut slot.hold, hold)))
        });
        drop(unused);
        addrs.map_or(Poll::Pending, Poll::Ready)
    }
}
