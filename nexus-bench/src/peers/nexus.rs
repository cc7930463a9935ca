//! What this project and its published predecessor have in common: the names.

/// An executor that spawns tasks by a function of the crate.
macro_rules! executor {
    ($(#[$doc:meta])* $name:ident, $join:ident, $block_on:path, $spawn:path) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl $crate::peers::Executor for $name {
            type Join<T: 'static> = $join<T>;

            fn block_on<F: Future + 'static>(future: F) -> F::Output {
                $block_on(future)
            }

            fn spawn<F>(future: F) -> $join<F::Output>
            where
                F: Future + 'static,
                F::Output: 'static,
            {
                $spawn(future)
            }
        }
    };
}

/// The World of a runtime, lent to the tasks of an executor.
macro_rules! lends {
    ($name:ident, $runtime:ident, $ctx:ident) => {
        impl $crate::peers::Lend for $name {
            type Ctx = $ctx;

            fn block_on_with<F: Future + 'static>(
                world: &mut nexus_rt::World,
                future: F,
            ) -> F::Output {
                $runtime::new(world).block_on(future)
            }

            fn ctx() -> $ctx {
                $ctx::current()
            }

            fn with_world<R>(ctx: &$ctx, f: impl FnOnce(&mut nexus_rt::World) -> R) -> R {
                ctx.with_world(f)
            }
        }
    };
}

/// The typed channel traits for the kind of a module.
macro_rules! typed {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl $crate::peers::Channel for $name {
            type Sender = $kind::Sender<u64>;
            type Receiver = $kind::Receiver<u64>;

            fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
                $kind::channel(capacity)
            }

            fn try_send(tx: &mut Self::Sender, message: u64) -> bool {
                match tx.try_send(message) {
                    Ok(()) => true,
                    Err(TrySendError::Full(_)) => false,
                    Err(_) => panic!("the receiver is gone"),
                }
            }

            fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>> {
                rx.recv()
            }
        }

        impl $crate::peers::TryRecv for $name {
            fn try_recv(rx: &mut Self::Receiver) -> Option<u64> {
                rx.try_recv().ok()
            }
        }

        impl $crate::peers::AsyncSend for $name {
            fn send(
        tx: &mut Self::Sender,
        message: u64,
    ) -> impl Future<Output = Result<(), impl std::fmt::Debug>> {
                tx.send(message)
            }
        }
    };
}

/// The byte channel traits for the kind of a module.
macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl $crate::peers::Bytes for $name {
            type Sender = $kind::Sender;
            type Receiver = $kind::Receiver;

            fn channel(capacity: usize, _: usize) -> (Self::Sender, Self::Receiver) {
                $kind::channel(capacity)
            }

            fn try_send(tx: &mut Self::Sender, message: &[u8]) -> bool {
                let Ok(mut claim) = tx.try_claim(message.len()) else {
                    return false;
                };
                claim.copy_from_slice(message);
                claim.commit();
                true
            }

            fn try_recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool {
                let claim = rx.try_recv();
                claim.into_iter().next().map(|claim| read(&claim)).is_some()
            }
        }

        impl $crate::peers::AwaitBytes for $name {
            async fn recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool {
                rx.recv().await.map(|claim| read(&claim)).is_ok()
            }
        }
    };
}

pub(super) use {bytes, executor, lends, typed};
