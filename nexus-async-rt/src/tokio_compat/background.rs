//! The tokio runtime behind the bridge, one for the process.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;
use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

/// The tokio runtime of the process.
static TOKIO: OnceLock<Tokio> = OnceLock::new();

enum Tokio {
    /// Started by the bridge, and never shut down: statics are not dropped.
    Own(Runtime),
    /// The program's.
    Installed(Handle),
}

impl Tokio {
    fn handle(&self) -> &Handle {
        match self {
            Self::Own(runtime) => runtime.handle(),
            Self::Installed(handle) => handle,
        }
    }
}

/// A handle of the tokio runtime, which is started if there is none yet.
pub(super) fn tokio() -> &'static Handle {
    TOKIO.get_or_init(|| Tokio::Own(start())).handle()
}

#[cold]
fn start() -> Runtime {
    let started = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("nexus-tokio")
        .enable_all()
        .build();
    match started {
        Ok(runtime) => runtime,
        Err(error) => panic!("the tokio runtime of the bridge could not be started: {error}"),
    }
}

/// Makes tokio's context the thread's own for the time of a destructor. `None`
/// if there is no tokio runtime yet, or if the thread is at its end and has no
/// place for a context any more.
pub(super) fn enter_to_drop() -> Option<EnterGuard<'static>> {
    let tokio = TOKIO.get()?;
    let ending = Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed());
    (!ending).then(|| tokio.handle().enter())
}

/// Lets the bridge run on a tokio runtime of the program's, from any thread,
/// before the first [`with_tokio`](super::with_tokio()) or
/// [`spawn_on_tokio`](super::spawn_on_tokio()).
///
/// The program keeps the runtime and drives it: a multi-thread one drives
/// itself, a current-thread one is driven by a `block_on` on another thread
/// than those of this crate's runtimes. Its drivers must be enabled
/// (`enable_all`).
///
/// # Errors
/// If a tokio runtime is in use already, installed or started by the bridge.
/// That one stays.
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::tokio_compat::{install_tokio, spawn_on_tokio};
///
/// let tokio = tokio::runtime::Builder::new_multi_thread()
///     .worker_threads(2)
///     .thread_name("orders")
///     .enable_all()
///     .build()
///     .unwrap();
/// install_tokio(tokio.handle().clone()).unwrap();
///
/// let mut rt = RuntimeBuilder::new().build();
/// let name = rt.block_on(spawn_on_tokio(async {
///     std::thread::current().name().map(str::to_owned)
/// }));
/// assert_eq!(name.unwrap().as_deref(), Some("orders"));
/// // Waits for its threads, and drops what still runs there.
/// drop(tokio);
/// ```
pub fn install_tokio(handle: Handle) -> Result<(), InstallTokioError> {
    let mut installed = false;
    TOKIO.get_or_init(|| {
        installed = true;
        Tokio::Installed(handle)
    });
    if installed {
        Ok(())
    } else {
        Err(InstallTokioError(()))
    }
}

/// The bridge has a tokio runtime already; from [`install_tokio`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstallTokioError(());

impl fmt::Display for InstallTokioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the bridge uses a tokio runtime already: install one once, before the first \
             `with_tokio` or `spawn_on_tokio`",
        )
    }
}

impl Error for InstallTokioError {}
