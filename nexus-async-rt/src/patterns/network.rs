//! Patterns: sockets, with channels and tasks behind them.
//!
//! # A TCP server
//!
//! A bounded slab limits the sessions: one that has no slot is closed at once. A
//! [`timeout()`] around each operation ends a session whose peer is silent or does not
//! read. [`run_until_shutdown`] around each wait for something new lets the program end in
//! order: a session answers what has arrived, then ends its stream.
//!
//! ```
//! use nexus_async_rt::net::{TcpListener, TcpStream};
//! use nexus_async_rt::task::task_size;
//! use nexus_async_rt::{BoundedByteSlab, RuntimeBuilder};
//! use nexus_async_rt::{run_until_shutdown, shutdown_handle, sleep, timeout, try_claim_slab};
//! use std::io;
//! use std::net::Shutdown;
//! use std::time::Duration;
//!
//! const IDLE: Duration = Duration::from_secs(30);
//! /// 768 bytes for the session, and its buffer.
//! const SLOT: usize = 768 + 256;
//!
//! async fn session(stream: TcpStream) -> io::Result<()> {
//!     let mut buf = [0; 256];
//!     while let Some(read) = run_until_shutdown(timeout(IDLE, stream.read(&mut buf))).await {
//!         match read?? {
//!             0 => return Ok(()),
//!             len => timeout(IDLE, stream.write_all(&buf[..len])).await??,
//!         }
//!     }
//!     // The program ends. What has arrived is answered.
//!     while let Ok(len @ 1..) = stream.try_read(&mut buf) {
//!         timeout(IDLE, stream.write_all(&buf[..len])).await??;
//!     }
//!     stream.shutdown(Shutdown::Write)
//! }
//!
//! async fn serve(listener: TcpListener) {
//!     while let Some(accepted) = run_until_shutdown(listener.accept()).await {
//!         match (accepted, try_claim_slab()) {
//!             // Dropping the handle detaches the task.
//!             (Ok((stream, _)), Some(slot)) => drop(slot.spawn(session(stream))),
//!             (Ok(_), None) => {} // The limit is reached: the stream is closed.
//!             // For example, no descriptor is left. That lasts for a while.
//!             (Err(_), _) => sleep(Duration::from_millis(10)).await,
//!         }
//!     }
//! }
//!
//! // A program adds `.signal_handlers(true)`.
//! let mut rt = RuntimeBuilder::new()
//!     .slab_bounded(BoundedByteSlab::<SLOT>::with_capacity(2))
//!     .build();
//! let listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
//! let address = listener.local_addr()?;
//! rt.spawn_boxed(serve(listener));
//! rt.block_on(async {
//!     let mut buf = [0; 8];
//!     let [one, two, three] = [
//!         TcpStream::connect(address).await?,
//!         TcpStream::connect(address).await?,
//!         TcpStream::connect(address).await?,
//!     ];
//!     for stream in [&one, &two] {
//!         stream.write_all(b"ping").await?;
//!         stream.read_exact(&mut buf[..4]).await?;
//!         assert_eq!(&buf[..4], b"ping");
//!     }
//!     assert_eq!(three.read(&mut buf).await?, 0, "two are the limit");
//!     one.write_all(b"last").await?;
//!     shutdown_handle().trigger();
//!     assert_eq!(one.read(&mut buf).await?, 4);
//!     assert_eq!((one.read(&mut buf).await?, two.read(&mut buf).await?), (0, 0));
//!     // A test finds out, before a client does, that the session outgrew its slot.
//!     assert!(task_size(&session(one)) <= SLOT);
//!     io::Result::Ok(())
//! })?;
//! rt.shutdown_quiesce(Duration::from_secs(5)).unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A runtime has one slab. Other tasks that are spawned into it take slots, and so
//! connections, away from the server: spawn those with [`spawn_boxed`], as `serve` is
//! above. To limit connections apart from the slab, count the sessions in a `Cell` and
//! spawn them with [`spawn_boxed`].
//!
//! To let clients wait in the listener's backlog instead, get a slot before `accept`:
//! where [`try_claim_slab`] returns `None`, `sleep` for a millisecond and try again.
//!
//! # Records for another thread
//!
//! A byte channel has no copy in between: the socket receives into the claim, and the
//! other thread writes from the ring to its file. The claim is as long as the longest
//! datagram that is expected, and one byte more, which shows a longer one.
//! [`commit_len`](channel::WriteClaim::commit_len) keeps what was received. A claim that
//! is dropped, because its receive failed or was cancelled, sends nothing.
//!
//! ```
//! use nexus_async_rt::channel::spsc_bytes;
//! use nexus_async_rt::net::UdpSocket;
//! use nexus_async_rt::{RuntimeBuilder, run_until_shutdown, shutdown_handle, spawn_boxed};
//! use std::error::Error;
//! use std::thread;
//!
//! const LONGEST: usize = 1472;
//!
//! async fn receive(feed: UdpSocket, mut archive: spsc_bytes::Sender) -> Result<(), Box<dyn Error>> {
//!     loop {
//!         let mut record = archive.claim(LONGEST + 1).await?;
//!         let len = match run_until_shutdown(feed.recv(&mut record)).await {
//!             Some(len) => len?,
//!             // The program ends. What has arrived is archived.
//!             None => match feed.try_recv(&mut record) {
//!                 Ok(len) => len,
//!                 Err(_) => return Ok(()),
//!             },
//!         };
//!         assert!(len <= LONGEST, "a datagram is longer than {LONGEST} bytes");
//!         record.commit_len(len);
//!     }
//! }
//!
//! let (tx, mut rx) = spsc_bytes::channel(64 * 1024);
//! let archiver = thread::spawn(move || {
//!     let mut file = Vec::new();
//!     while let Ok(record) = rx.blocking_recv() {
//!         file.extend_from_slice(&record);
//!     }
//!     file
//! });
//! RuntimeBuilder::new().build().block_on(async {
//!     let feed = UdpSocket::bind("127.0.0.1:0".parse()?)?;
//!     let source = UdpSocket::bind("127.0.0.1:0".parse()?)?;
//!     source.connect(feed.local_addr()?)?;
//!     let receiver = spawn_boxed(receive(feed, tx));
//!     for datagram in [&b"one, "[..], b"two, ", b"three"] {
//!         source.send(datagram).await?;
//!     }
//!     shutdown_handle().trigger();
//!     receiver.await
//! })?;
//! assert_eq!(archiver.join().unwrap(), b"one, two, three");
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! An empty datagram commits nothing, because a message has at least one byte. Put a
//! length before each record where that matters.

use crate::*;
