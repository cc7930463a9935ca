//! Every way to send, as the race sees it. The public methods of the sending
//! ends that are not here are listed, too, so that a new one cannot be left out.

use futures_lite::future::{block_on, poll_once};
use nexus_async_rt::channel::{
    ByteSender, ClaimError, Commit, CrossThread, Sender, TryClaimError, TrySendError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A value that counts how many of its kind there are.
pub struct Token(Arc<AtomicUsize>);

impl Token {
    pub fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(alive.clone())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    Full,
    Gone,
}

/// Sends one message with a value that is counted.
pub type Send<S> = fn(&mut S, &Arc<AtomicUsize>) -> Outcome;

/// One way to send: its method, what else it calls, and how.
pub struct Form<S> {
    pub method: &'static str,
    pub then: &'static str,
    pub send: Send<S>,
}

fn form<S>(method: &'static str, then: &'static str, send: Send<S>) -> Form<S> {
    Form { method, then, send }
}

fn sent<E>(result: Result<(), E>) -> Outcome {
    result.map_or(Outcome::Gone, |()| Outcome::Accepted)
}

fn tried<T>(result: Result<(), TrySendError<T>>) -> Outcome {
    match result {
        Ok(()) => Outcome::Accepted,
        Err(TrySendError::Full(_)) => Outcome::Full,
        Err(TrySendError::Disconnected(_)) => Outcome::Gone,
    }
}

fn committed(commit: Commit) -> Outcome {
    match commit {
        Commit::Sent => Outcome::Accepted,
        Commit::Disconnected => Outcome::Gone,
    }
}

fn refused(error: TryClaimError) -> Outcome {
    match error {
        TryClaimError::Full => Outcome::Full,
        TryClaimError::Disconnected => Outcome::Gone,
        error => panic!("{error}"),
    }
}

fn ended(error: ClaimError) -> Outcome {
    assert_eq!(error, ClaimError::Disconnected);
    Outcome::Gone
}

/// Those of the typed kinds.
pub fn typed<K: CrossThread>() -> Vec<Form<Sender<Token, K>>> {
    vec![
        form("try_send", "", |tx, alive| {
            tried(tx.try_send(Token::new(alive)))
        }),
        form("send", "", |tx, alive| {
            sent(block_on(tx.send(Token::new(alive))))
        }),
        form("send", "dropped if it waits", |tx, alive| {
            block_on(poll_once(tx.send(Token::new(alive)))).map_or(Outcome::Full, sent)
        }),
        form("send_mut", "", |tx, alive| {
            sent(block_on(tx.send_mut(Token::new(alive))))
        }),
        form("blocking_send", "", |tx, alive| {
            sent(tx.blocking_send(Token::new(alive)))
        }),
    ]
}

/// Public methods of the typed sender that send nothing.
pub const TYPED_OTHERS: &[&str] = &["capacity", "len", "is_empty", "is_full", "is_disconnected"];

/// Bytes of a message. It is claimed longer where a claim is shortened.
const LEN: usize = 9;
const CLAIMED: usize = 20;

/// Those of the byte kinds.
pub fn bytes<K: CrossThread>() -> Vec<Form<ByteSender<K>>> {
    vec![
        form("try_send", "", |tx, _| {
            tx.try_send(&[7; LEN])
                .map_or_else(refused, |()| Outcome::Accepted)
        }),
        form("send", "", |tx, _| sent(block_on(tx.send(&[7; LEN])))),
        form("blocking_send", "", |tx, _| {
            sent(tx.blocking_send(&[7; LEN]))
        }),
        form("send", "dropped if it waits", |tx, _| {
            block_on(poll_once(tx.send(&[7; LEN]))).map_or(Outcome::Full, sent)
        }),
        form("try_claim", "commit", |tx, _| {
            tx.try_claim(LEN)
                .map_or_else(refused, |claim| committed(claim.commit()))
        }),
        form("try_claim", "commit_len", |tx, _| {
            tx.try_claim(CLAIMED)
                .map_or_else(refused, |claim| committed(claim.commit_len(LEN)))
        }),
        form("claim", "commit", |tx, _| {
            block_on(tx.claim(LEN)).map_or_else(ended, |claim| committed(claim.commit()))
        }),
        form("blocking_claim", "commit_len", |tx, _| {
            tx.blocking_claim(CLAIMED)
                .map_or_else(ended, |claim| committed(claim.commit_len(LEN)))
        }),
    ]
}

/// Public methods of the byte sender and its claims that send nothing.
pub const BYTE_OTHERS: &[&str] = &[
    "max_message_len",
    "capacity",
    "len",
    "is_empty",
    "is_full",
    "is_disconnected",
];
