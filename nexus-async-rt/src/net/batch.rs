//! Several datagrams with one system call.

use super::udp::UdpSocket;
use crate::reactor::Side;
use socket2::{SockAddr, SockAddrStorage};
use std::fmt;
use std::io::{self, IoSlice};
use std::mem::{size_of, zeroed};
use std::net::{self, SocketAddr};
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::{Duration, SystemTime};

/// The most datagrams of one call: the limit of Linux.
const MOST: usize = 1024;

/// The most datagrams that are sent with one call.
const MOST_SENT: usize = 32;

/// Room for the kernel's timestamp, aligned for its header.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; Control::LEN]);

impl Control {
    // SAFETY: computes a length, nothing else.
    const LEN: usize = unsafe { libc::CMSG_SPACE(size_of::<libc::timespec>() as u32) } as usize;
}

/// What the kernel writes about one datagram.
struct Slot {
    from: SockAddrStorage,
    control: Control,
    buffer: libc::iovec,
}

/// Buffers for the datagrams that [`UdpSocket::recv_batch`] receives, and what was
/// received last.
///
/// # Shape
/// `count` buffers of `len` bytes each, allocated once.
///
/// # Example
/// See [`UdpSocket::recv_batch`].
pub struct RecvBatch {
    bytes: Box<[u8]>,
    longest: usize,
    slots: Box<[Slot]>,
    headers: Box<[libc::mmsghdr]>,
    received: usize,
}

// SAFETY: the pointers in it are into its own memory. They are made anew before each
// call, and not used after it.
unsafe impl Send for RecvBatch {}
// SAFETY: as above; shared, it is only read.
unsafe impl Sync for RecvBatch {}

/// One of the datagrams in a [`RecvBatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Datagram<'a> {
    /// What the buffer had room for.
    pub bytes: &'a [u8],
    /// Where it came from.
    pub from: SocketAddr,
    /// Whether it was longer than its buffer. The rest is lost.
    pub is_truncated: bool,
    /// When the kernel received it, by the system's clock, if the socket was told to
    /// say so: see [`UdpSocket::set_receive_times`].
    pub received_at: Option<SystemTime>,
}

impl RecvBatch {
    /// Buffers for `count` datagrams of up to `len` bytes.
    ///
    /// # Panics
    /// If `count` is 0 or more than 1,024, the limit of a call, if `len` is 0, or if
    /// their product cannot be addressed.
    #[must_use]
    #[track_caller]
    pub fn new(count: usize, len: usize) -> Self {
        assert!(
            (1..=MOST).contains(&count),
            "a batch has 1 to {MOST} datagrams, got {count}"
        );
        assert!(
            len > 0,
            "a buffer for a datagram has at least 1 byte, got 0"
        );
        let Some(bytes) = count.checked_mul(len).filter(|n| *n <= isize::MAX as usize) else {
            panic!("{count} buffers of {len} bytes cannot be addressed");
        };
        // SAFETY: plain data of C, for which zeros are valid.
        let header: libc::mmsghdr = unsafe { zeroed() };
        let slot = || Slot {
            from: SockAddrStorage::zeroed(),
            control: Control([0; Control::LEN]),
            buffer: libc::iovec {
                iov_base: ptr::null_mut(),
                iov_len: 0,
            },
        };
        Self {
            bytes: vec![0; bytes].into(),
            longest: len,
            slots: std::iter::repeat_with(slot).take(count).collect(),
            headers: vec![header; count].into(),
            received: 0,
        }
    }

    /// The most datagrams that it takes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// How many datagrams were received last.
    #[must_use]
    pub fn len(&self) -> usize {
        self.received
    }

    /// Whether none were received, or not yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.received == 0
    }

    /// The datagrams that were received last, in the order of their arrival.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        let headers = self.headers[..self.received].iter();
        headers
            .zip(&self.slots)
            .zip(self.bytes.chunks_exact(self.longest))
            .map(|((header, slot), bytes)| Datagram {
                bytes: &bytes[..(header.msg_len as usize).min(self.longest)],
                from: slot.from(header.msg_hdr.msg_namelen),
                is_truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
                received_at: slot.received_at(header.msg_hdr.msg_controllen),
            })
    }

    /// Receives what is there, without waiting.
    fn fill(&mut self, socket: &net::UdpSocket) -> io::Result<usize> {
        self.received = 0;
        let slots = self
            .slots
            .iter_mut()
            .zip(self.bytes.chunks_exact_mut(self.longest));
        for (header, (slot, bytes)) in self.headers.iter_mut().zip(slots) {
            slot.buffer.iov_base = bytes.as_mut_ptr().cast();
            slot.buffer.iov_len = bytes.len();
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut slot.from).cast();
            header.msg_namelen = size_of::<SockAddrStorage>() as libc::socklen_t;
            header.msg_iov = &raw mut slot.buffer;
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut slot.control).cast();
            header.msg_controllen = Control::LEN as _;
            header.msg_flags = 0;
        }
        // SAFETY: so many headers, whose pointers were made just now from memory that
        // is this batch's and as long as they say; it is not touched meanwhile, because
        // the batch is borrowed exclusively.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as _,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        if received < 0 {
            return Err(io::Error::last_os_error());
        }
        self.received = received as usize;
        Ok(self.received)
    }
}

impl Slot {
    /// The address that the kernel wrote, of `len` bytes.
    fn from(&self, len: libc::socklen_t) -> SocketAddr {
        // SAFETY: plain data of C, of which a copy is made.
        let storage = unsafe { ptr::read(&raw const self.from) };
        // SAFETY: written by the kernel as an address of that length.
        let address = unsafe { SockAddr::new(storage, len) };
        address
            .as_socket()
            .expect("a datagram of an IP socket comes from an IP address")
    }

    /// The timestamp that the kernel wrote into `len` bytes of the control data.
    fn received_at(&self, len: impl TryInto<usize>) -> Option<SystemTime> {
        let len = len.try_into().ok().filter(|len| *len <= Control::LEN)?;
        if len < Control::LEN {
            return None;
        }
        let start: *const u8 = (&raw const self.control).cast();
        // SAFETY: inside the control data, which is aligned for the header and long
        // enough for it and a timestamp behind it.
        unsafe {
            let header = start.cast::<libc::cmsghdr>().read();
            if (header.cmsg_level, header.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
                return None;
            }
            let time: libc::timespec = libc::CMSG_DATA(start.cast())
                .cast::<libc::timespec>()
                .read_unaligned();
            let since = Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?);
            SystemTime::UNIX_EPOCH.checked_add(since)
        }
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBatch")
            .field("capacity", &self.capacity())
            .field("buffer", &self.longest)
            .field("len", &self.received)
            .finish()
    }
}

/// Sends as many of `datagrams` as there is room for, at most [`MOST_SENT`].
fn send_some(socket: &net::UdpSocket, datagrams: &[IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: plain data of C, for which zeros are valid.
    let mut headers: [libc::mmsghdr; MOST_SENT] = unsafe { zeroed() };
    let count = datagrams.len().min(MOST_SENT);
    for (header, datagram) in headers.iter_mut().zip(datagrams) {
        // An `IoSlice` is an `iovec`, as std promises. The kernel does not write it.
        header.msg_hdr.msg_iov = ptr::from_ref(datagram).cast_mut().cast();
        header.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: so many headers, each of which points to one slice that is alive.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count as _,
            libc::MSG_DONTWAIT as _,
        )
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(sent as usize)
}

/// Several datagrams with one system call, and when the kernel received them. On Linux.
/// Errors and panics: see [`UdpSocket`].
#[expect(clippy::missing_errors_doc, reason = "said once, at the type")]
impl UdpSocket {
    /// Receives what has arrived, up to the [capacity](RecvBatch::capacity) of `batch`,
    /// and waits for the first datagram if there is none. Returns how many.
    ///
    /// # Cancel safety
    /// Dropped before it has completed, it has taken no datagram.
    ///
    /// # Cost
    /// One system call (`recvmmsg`) if something is there. Allocates nothing.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::RuntimeBuilder;
    /// use nexus_async_rt::net::{RecvBatch, UdpSocket};
    /// use std::io::IoSlice;
    ///
    /// let mut rt = RuntimeBuilder::new().build();
    /// rt.block_on(async {
    ///     let feed = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    ///     let source = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    ///     source.connect(feed.local_addr()?)?;
    ///     let sent = [IoSlice::new(b"one"), IoSlice::new(b"two"), IoSlice::new(b"three")];
    ///     assert_eq!(source.send_batch(&sent).await?, 3);
    ///
    ///     let mut batch = RecvBatch::new(16, 4);
    ///     assert_eq!(feed.recv_batch(&mut batch).await?, 3);
    ///     let received: Vec<&[u8]> = batch.iter().map(|datagram| datagram.bytes).collect();
    ///     assert_eq!(received, [&b"one"[..], b"two", b"thre"]);
    ///     assert!(batch.iter().last().unwrap().is_truncated);
    ///     Ok::<(), Box<dyn std::error::Error>>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn recv_batch(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        self.source()
            .op("UdpSocket::recv_batch", Side::Read, |s| batch.fill(s))
            .await
    }

    /// As [`recv_batch`](UdpSocket::recv_batch), without waiting: an error of the kind
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) instead.
    pub fn try_recv_batch(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        self.source().try_op(Side::Read, |s| batch.fill(s))
    }

    /// Sends datagrams to where the socket is connected to, waiting for room for the
    /// first. Returns how many were sent, from the front: at most 32, or fewer if there
    /// is no room for more, or if one cannot be sent. The error then comes with the next
    /// call.
    ///
    /// # Cancel safety
    /// Dropped before it has completed, it has sent none.
    ///
    /// # Cost
    /// One system call (`sendmmsg`) if there is room. Allocates nothing.
    pub async fn send_batch(&self, datagrams: &[IoSlice<'_>]) -> io::Result<usize> {
        self.source()
            .op("UdpSocket::send_batch", Side::Write, |s| {
                send_some(s, datagrams)
            })
            .await
    }

    /// As [`send_batch`](UdpSocket::send_batch), without waiting: an error of the kind
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) instead.
    pub fn try_send_batch(&self, datagrams: &[IoSlice<'_>]) -> io::Result<usize> {
        self.source()
            .try_op(Side::Write, |s| send_some(s, datagrams))
    }

    /// Sets whether the kernel notes when it receives each datagram
    /// (`SO_TIMESTAMPNS`): [`Datagram::received_at`].
    ///
    /// If no socket of the machine asked for it before, the kernel begins some
    /// milliseconds later. A datagram that arrives earlier has the time at which it is
    /// taken out of the queue.
    pub fn set_receive_times(&self, note: bool) -> io::Result<()> {
        let note = libc::c_int::from(note);
        // SAFETY: a value of the option's type, of the length that is given.
        let result = unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPNS,
                (&raw const note).cast(),
                size_of_val(&note) as libc::socklen_t,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}
